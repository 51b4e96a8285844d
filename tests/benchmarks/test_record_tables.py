"""The tables of README and the record are what benchmarks/record_tables.py writes from the recorded results."""

import json
import re
import sys

import pytest
import record_tables
from ratio_lines import print_ratios, read_ratios
from record_tables import COLUMNS, MARK, RESULTS, ROOT, TABLES, demo_table, row_of, speed_table, taken, with_tables

from roadcue.errors import BadInput


@pytest.fixture(scope="module")
def results():
    return json.loads(RESULTS.read_text())


@pytest.mark.parametrize("page", TABLES)
def test_the_page_has_the_tables_that_the_command_writes(page, results):
    text = (ROOT / page).read_text()
    assert with_tables(page, text, results) == text


def test_what_readme_says_around_its_table_is_of_the_same_results(results):
    demo, text = results["demo"], re.sub(r"\s+", " ", (ROOT / "README.md").read_text())
    ade = {method["name"]: method["overall"]["ade_5s"]["value"] for method in demo["methods"]}
    assert f"on {demo['samples']:,} validation frames of {demo['sequences']} sequences" in text
    assert f"bootstrap seed {demo['seed']} with {demo['resamples']:,} resamples" in text
    assert f"({demo['date']}, training seed 0" in text
    saved = 1 - ade["waypoint"] / ade["waypoint without features"]
    assert f"saves {100 * saved:.0f} % at 5 s" in text
    scores = (demo["rater_feedback_score"][name] for name in ("waypoint", "waypoint without features", "logged"))
    assert "{:.2f} with the picture, {:.2f} without, {:.2f} for the log".format(*scores) in text


def test_each_result_has_its_command_date_and_commit(results):
    measured = [row for row in results["speed"] if row["ratios"] or row["note"]]
    assert len(measured) >= 10
    for row in [results["demo"], *measured]:
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", row["date"]), row
        assert re.fullmatch(r"[0-9a-f]{7}", row["commit"]), row
    for row in results["speed"]:
        file = row["command"].split()[1]
        assert (ROOT / file).exists()
        assert row["name"].startswith(file.removeprefix("benchmarks/").removesuffix(".py"))
        assert all(row_of(name, results["speed"]) is row for name in row["ratios"])


def made_metrics(ade: float) -> dict[str, object]:
    """What eval.py writes, of two methods, the worse of them first."""

    def method(name: str, metres: float) -> dict[str, object]:
        figures = {metric: {"value": metres, "low": metres - 1, "high": metres + 1} for metric in COLUMNS}
        figures["miss_rate"] = {"value": 0.5, "low": 0.4, "high": 0.6}
        return {"name": name, "overall": figures, "difference": None if name == "waypoint" else figures}

    raters = [{"name": "waypoint", "overall": {"rfs_cluster_mean": {"value": 7.5}}}]
    return {
        "sees_image": ["waypoint"],
        "samples": 40,
        "sequences": 4,
        "resamples": 2000,
        "seed": 0,
        "methods": [method("ridge", 12.0), method("waypoint", ade)],
        "against_raters": {"methods": raters},
    }


@pytest.fixture
def measured(tmp_path):
    """A folder as record.sh leaves it, of the demo and two steps; one has been done twice."""
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "metrics.json").write_text(json.dumps(made_metrics(2.5)))
    (tmp_path / "demo-eval.done").write_text("abcdef1, 2027-01-02, 30 s\n")
    for step, lines in {
        "rows": "ratio train_rows 0.5\nratios against the bare loop:\nratio train_rows 0.97\n",
        "tower-bf16": "ratio tower_bf16 0.9\n",
        "tower-fp32": "ratio tower_fp32 0.7\n",
        "tower-memory": "ratio tower_memory 0.3\n",
    }.items():
        (tmp_path / f"speed-{step}.log").write_text(lines)
        (tmp_path / f"speed-{step}.done").write_text("abcdef2, 2027-01-03, 5 s\n")
    (tmp_path / "speed-draw.log").write_text("ratio render_roadworld_default 9\n")  # has not ended
    return tmp_path


def test_what_was_measured_is_taken_and_the_rest_stays(measured, results):
    found = taken(results, measured)
    before, after = ({row["name"]: row for row in each["speed"]} for each in (results, found))
    new = {"train_rows", "tower", "tower_memory"}
    assert {name for name, row in after.items() if row != before[name]} == new
    assert after["train_rows"]["ratios"] == {"train_rows": 0.97}
    assert after["tower"]["ratios"] == {"tower_bf16": 0.9, "tower_fp32": 0.7}
    assert after["tower_memory"]["ratios"] == {"tower_memory": 0.3}
    assert all(after[name]["note"] == "" for name in new)
    assert all((after[name]["date"], after[name]["commit"]) == ("2027-01-03", "abcdef2") for name in new)
    demo = found["demo"]
    assert (demo["command"], demo["date"], demo["commit"]) == ("make demo", "2027-01-02", "abcdef1")
    assert demo_table(demo).splitlines()[2:] == [
        "| ● waypoint | 2.50 (1.50–3.50) | 2.50 (1.50–3.50) | 2.50 (1.50–3.50) | 50 % | |",
        "| ○ ridge | 12.0 (11.0–13.0) | 12.0 (11.0–13.0) | 12.0 (11.0–13.0) | 50 % | +12.0 (+11.0…+13.0) |",
    ]
    assert demo["rater_feedback_score"] == {"waypoint": 7.5}


def test_a_line_of_speed_has_what_its_names_say_beside_the_benchmarks():
    row = {"name": "tower", "command": "python tower.py", "what": "a tower", "reference": "a product", "note": ""}
    row |= {"date": "2027-01-03", "commit": "abcdef2", "ratios": {"tower": 3, "tower_of_two": 0.5}}
    waiting = {**row, "ratios": {}}
    assert speed_table([row, waiting]).splitlines()[2:] == [
        "| `python tower.py`: a tower | a product | 3, of two: 0.5 | 2027-01-03, abcdef2 |"
    ]


def test_what_means_nothing_or_has_no_row_is_refused(measured, results):
    (measured / "speed-rows.log").write_text("ratio riddles 1\n")
    with pytest.raises(BadInput, match=r"results\.json: no row for the ratio 'riddles'"):
        taken(results, measured)
    (measured / "quick-drives.done").touch()
    with pytest.raises(BadInput, match="was made with --quick"):
        taken(results, measured)
    with pytest.raises(BadInput, match="there is no such folder"):
        taken(results, measured / "nowhere")
    text = (ROOT / "README.md").read_text()
    for wrong in (text.replace(MARK.format("demo"), ""), text + MARK.format("demo")):
        with pytest.raises(BadInput, match=r"README\.md: the line '<!-- demo: .*' has to stand there once"):
            with_tables("README.md", wrong, results)


def test_the_command_takes_and_writes(measured, tmp_path, monkeypatch, capsys):
    """In a copy of the pages; the same command finds nothing to do a second time."""
    place = tmp_path / "copy"
    for page in (*TABLES, "benchmarks/results.json"):
        (place / page).parent.mkdir(parents=True, exist_ok=True)
        (place / page).write_text((ROOT / page).read_text())
    monkeypatch.setattr(record_tables, "ROOT", place)
    monkeypatch.setattr(record_tables, "RESULTS", place / "benchmarks/results.json")
    monkeypatch.setattr(sys, "argv", ["record_tables.py", "--take", str(measured)])
    assert record_tables.main() == 0
    assert capsys.readouterr().out == "README.md: written\ndocs/record.md: written\n"
    readme, record = ((place / page).read_text() for page in TABLES)
    table = demo_table(json.loads((place / "benchmarks/results.json").read_text())["demo"])
    assert table in readme
    assert table in record
    assert "| 0.97 | 2027-01-03, abcdef2 |" in record
    assert len(readme.splitlines()) == len((ROOT / "README.md").read_text().splitlines()) - 4
    assert record_tables.main() == 0
    assert capsys.readouterr().out == "README.md: as it was\ndocs/record.md: as it was\n"


def test_ratios_are_read_as_they_are_printed(capsys):
    print_ratios("the bare loop", {"rows": 0.12345, "rows_of_two": 1234.5})
    printed = capsys.readouterr().out
    assert printed == "ratios against the bare loop:\nratio rows 0.123\nratio rows_of_two 1.23e+03\n"
    assert read_ratios(printed + "a ratio of 3\nratio 4\n") == {"rows": 0.123, "rows_of_two": 1230.0}
