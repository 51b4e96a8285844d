import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from roadcue.metrics.bootstrap import Interval
from roadcue.metrics.comparison import Comparison, MethodScores
from roadcue.reports.displacement_table import displacement_table, group_rows, group_table, how_made, rows
from roadcue.reports.table import difference

METRICS = ("ade_1s", "ade_3s", "ade_5s", "fde_1s", "fde_3s", "fde_5s", "miss_rate")


def method(name: str, ade_5s: float, difference: Interval | None = None) -> MethodScores:
    overall = {key: Interval(0.25, 0.2, 0.3) for key in METRICS} | {
        "ade_5s": Interval(ade_5s, ade_5s - 1, ade_5s + 1)
    }
    groups = {"left": {"ade_3s": Interval(1, 0.5, 1.5), "ade_5s": Interval(ade_5s, math.nan, math.nan)}}
    differences = dict.fromkeys(METRICS, difference) if difference else None
    return MethodScores(name, overall, differences, groups, groups, [0.1] * 20)


@pytest.fixture
def small() -> Comparison:
    return Comparison(
        reference="ridge",
        samples=1200,
        sequences=30,
        resamples=1000,
        seed=3,
        group_sizes={"intent": {"left": 1200}, "speed": {"left": 1200}},
        methods=[
            method("stand still", 21.26, Interval(18.0, 17.5, 18.5)),
            method("ridge", 3.26),
            method("waypoint [x]", 2.5, Interval(-0.76, -1.52, 0.01)),
        ],
    )


def test_rows_are_ranked_and_say_which_see_no_image(small: Comparison):
    ranked = rows(small, {"waypoint [x]"})
    assert [(row.name, row.sees_image) for row in ranked] == [
        ("waypoint [x]", True),
        ("ridge", False),
        ("stand still", False),
    ]


def test_cells_carry_value_interval_and_whether_the_difference_is_clear_of_zero(small: Comparison):
    waypoint, ridge, still = rows(small, {"waypoint [x]"})
    assert str(waypoint.cells[2]) == "2.50\n1.50–3.50"
    assert str(waypoint.cells[4]) == "25%\n20–30"
    assert str(waypoint.difference) == "−0.76\n−1.52…+0.01"
    assert ridge.difference is None
    assert str(still.cells[2]) == "21.3\n20.3–22.3"
    assert str(still.difference) == "+18.0 *\n+17.5…+18.5"


def test_a_bound_that_does_not_exist_is_a_dash(small: Comparison):
    assert [str(cell) for cell in group_rows(small, set(), "intent")[0].cells] == ["2.50\n–"]


def test_one_sequence_has_no_interval_and_the_caption_says_why(small: Comparison):
    assert "1,000 bootstrap resamples over sequences (seed 3)" in how_made(small)
    assert "there is only one" in how_made(replace(small, sequences=1))


@pytest.mark.parametrize("sequences", [1, 4])
def test_line_1_the_share_that_is_unlike_stands_below_the_table(
    text: Callable[..., str], small: Comparison, sequences: int
):
    known = replace(small, sequences=sequences, unlike=0.125)
    said = "12.5% of the samples have pictures unlike those that were learnt from."
    assert how_made(known).endswith(said)
    assert said in " ".join(text(displacement_table(known, set())).split())
    assert "unlike" not in how_made(replace(known, unlike=None))


@pytest.mark.parametrize("width", [76, 80, 100])
def test_the_printed_table_is_whole(text: Callable[..., str], small: Comparison, comparison: Comparison, width: int):
    tables = [displacement_table(comparison, {"waypoint"}), displacement_table(small, {"waypoint [x]"})]
    tables += [group_table(comparison, {"waypoint"}, kind) for kind in comparison.group_sizes]
    for table in tables:
        assert max(map(len, text(table, width=width).splitlines())) <= width
    printed = text(tables[0], width=width)
    for row in rows(comparison, {"waypoint"}):
        for cell in (*row.cells, row.difference):
            assert cell is None or all(line in printed for line in str(cell).splitlines())
    assert "200 samples of 12 sequences" in printed
    assert printed.count("○") == 6  # five methods and the caption
    # A name in brackets is a name, not markup.
    assert "[x]" in text(tables[1], width=width)


def test_groups_are_headed_by_their_size(text: Callable[..., str], comparison: Comparison):
    printed = text(group_table(comparison, {"waypoint"}, "intent"), width=100)
    for group, size in comparison.group_sizes["intent"].items():
        assert group in printed
        assert f"(n = {size})" in printed.replace("\N{NO-BREAK SPACE}", " ")


def test_many_groups_are_lines_instead_of_columns(text: Callable[..., str], small: Comparison):
    names = [f"Cluster of kind {number}" for number in range(11)]

    def clustered(method: MethodScores) -> MethodScores:
        return replace(method, by_cluster=dict.fromkeys(names, method.by_intent["left"]))

    sizes = {**small.group_sizes, "cluster": dict.fromkeys(names, 100)}
    many = replace(small, group_sizes=sizes, methods=[clustered(method) for method in small.methods])
    printed = text(group_table(many, {"waypoint [x]"}, "cluster"))
    assert max(map(len, printed.splitlines())) <= 80
    for name in names:
        line = next(line for line in printed.splitlines() if line.strip().startswith(name))
        assert line.split()[-3:] == ["2.50", "3.26", "21.3"]
    assert "[x]" in printed


@pytest.mark.parametrize(
    ("low", "high", "clear"), [(-1.5, -0.01, True), (0.01, 1.5, True), (-0.01, 0.01, False), (0.0, 1.0, False)]
)
def test_a_difference_is_starred_where_its_interval_leaves_out_zero_on_either_side(low, high, clear):
    assert difference(Interval((low + high) / 2, low, high)).clear is clear


def test_a_difference_without_an_interval_is_not_starred():
    assert not difference(Interval(-1.0, math.nan, math.nan)).clear
