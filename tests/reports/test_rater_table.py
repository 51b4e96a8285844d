from collections.abc import Callable
from dataclasses import replace

import pytest

from roadcue.metrics.bootstrap import Interval
from roadcue.metrics.rated_comparison import RatedComparison, RatedScores
from roadcue.reports.modes_table import HeadModes, modes_rows, modes_table
from roadcue.reports.rater_table import SCORE_COLUMNS, rated_how_made, rated_rows, rated_tables

DISTANCES = ("ade_3s_best_rated", "ade_5s_best_rated", "ade_3s_official", "ade_5s_official")


def method(name: str, rfs: float, difference: Interval | None = None) -> RatedScores:
    overall = {key: Interval(rfs, rfs - 0.25, rfs + 0.25) for key in ("rfs_cluster_mean", "rfs_frame_mean")}
    overall["floor_share"] = Interval(0.5, 0.4, 0.6)
    overall |= {key: Interval(1.25 + i, 1.0 + i, 1.5 + i) for i, key in enumerate(DISTANCES)}
    gaps = dict.fromkeys(("rfs_cluster_mean", "rfs_frame_mean"), difference) if difference else None
    return RatedScores(name, overall, gaps, {"Cut_ins": rfs})


@pytest.fixture
def rated() -> RatedComparison:
    return RatedComparison(
        reference="waypoint",
        frames=1200,
        sequences=400,
        without_cluster=0,
        resamples=1000,
        seed=3,
        cluster_sizes={"Cut_ins": 1199, "Others": 1},
        cluster_sequences={"Cut_ins": 399, "Others": 1},
        methods=[
            method("constant velocity", 5.5, Interval(-2.0, -2.5, -1.5)),
            method("waypoint", 7.5),
            method("logged", 8.13, Interval(0.63, -0.1, 1.2)),
        ],
    )


def test_the_best_feedback_score_is_first_and_the_log_is_no_method(rated: RatedComparison):
    ranked = rated_rows(rated, {"waypoint"}, SCORE_COLUMNS)
    assert [(row.name, row.sees_image) for row in ranked] == [
        ("logged", None),
        ("waypoint", True),
        ("constant velocity", False),
    ]
    assert [str(cell) for cell in ranked[1].cells] == ["7.50\n7.25–7.75", "7.50\n7.25–7.75", "50%\n40–60"]
    assert str(ranked[2].difference) == "−2.00 *\n−2.50…−1.50"
    assert ranked[1].difference is None


@pytest.mark.parametrize("width", [76, 80, 120])
def test_the_printed_tables_are_whole_and_the_ades_keep_their_names(
    text: Callable[..., str], rated: RatedComparison, width: int
):
    printed = text(*rated_tables(rated, {"waypoint"}), width=width)
    assert max(map(len, printed.splitlines())) <= width
    assert " ".join(printed.split()).count("1,200 rated frames of 400 sequences") == 2
    for words in ("8.13", "3.25", "−2.50…−1.50", "reference", "best-", "official", "floor", "– ", "● ", "○ "):
        assert words in printed, words
    assert "against the log" not in printed


def test_a_cluster_of_one_sequence_is_why_there_is_no_interval(rated: RatedComparison):
    assert "one sequence is all there is of Others" in rated_how_made(rated)
    several = replace(rated, cluster_sequences={"Cut_ins": 399, "Others": 2})
    assert "no interval" not in rated_how_made(several)


def test_without_clusters_the_mean_over_them_is_missing_and_it_is_said_why(
    text: Callable[..., str], rated: RatedComparison
):
    def bare(scores: RatedScores) -> RatedScores:
        return replace(
            scores, overall={key: value for key, value in scores.overall.items() if key != "rfs_cluster_mean"}
        )

    unclustered = replace(rated, without_cluster=3, methods=[bare(scores) for scores in rated.methods])
    printed = " ".join(text(*rated_tables(unclustered, set()), width=100).split())
    assert "No RFS over clusters: 3 of the rated frames" in printed
    assert "Δ RFS over" in printed
    assert "RFS over clusters " not in printed


def test_modes_are_told_with_their_unit(text: Callable[..., str]):
    scores = {
        key: Interval(0.5, 0.25, 0.75)
        for key in ("picked", "oracle", "regret", "picked_best", "best_nll", "calibration_error")
    }
    modes = HeadModes("gru [x]", 6, scores)
    printed = text(modes_table(modes))
    assert "unlike" not in printed
    assert "2.5% of the samples have pictures unlike" in text(modes_table(replace(modes, unlike=0.025)))
    assert "The 6 modes of gru [x]" in printed
    assert len(modes_rows(modes)) == 6
    assert "oracle (m)" in printed
    assert printed.count("0.50 (0.25–0.75)") == 5
    assert "50% (25–75)" in printed
