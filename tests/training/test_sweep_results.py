"""What a sweep says of its settings: a table of each head, JSON and CSV."""

import csv
import io
import json

import numpy as np
import pytest
from rich.console import Console

from roadcue.metrics.bootstrap import Bootstrap, Interval
from roadcue.metrics.score_table import ScoreTable
from roadcue.training.sweep.results import as_csv, as_json, caution, results_table, run_said
from roadcue.training.sweep.scores import RunScores, SettingScores

TWIN = "waypoint without features"
PATHS = "Displacement against the log"


def paths(ade, training_seeds):
    figures = {
        method: {"ade_3s": Interval(factor * ade, ade, 9.0), "ade_5s": Interval(2 * factor * ade, ade, 9.0)}
        for method, factor in (("waypoint", 1.0), (TWIN, 1.5))
    }
    columns = {"ade_3s": "ADE 3 s (m)", "ade_5s": "ADE 5 s (m)"}
    return ScoreTable(PATHS, columns, figures, 6, 2, plain=columns, training_seeds=training_seeds)


def cues(accuracy, training_seeds):
    def figures(value):
        shares = {key: Interval(value, value / 2, value) for key in ("accuracy", "opposite")}
        return {**shares, "size": Interval(1.25, 1.0, 2.0)}

    columns = {"accuracy": "accuracy", "opposite": "opposite way", "size": "answers in the set"}
    methods = {"cue": figures(accuracy), "cue without features": figures(accuracy / 2)}
    return {
        title: ScoreTable(title, columns, methods, 6, 2, plain=("size",), training_seeds=training_seeds)
        for title in ("Cue", "Pace")
    }


def run(residual, seed, ade, accuracy):
    settings = {"waypoint.residual": residual, "waypoint.dropout": "0.25"}
    answers = {"waypoint": {"waypoint": {}, TWIN: {}}, "cue": {"cue": {}, "cue without features": {}}}
    tables = {"waypoint": {PATHS: paths(ade, 1)}, "cue": cues(accuracy, 1)}
    return RunScores(f"{residual}-{seed}", settings, seed, f"python {residual}", 1.0, answers, tables)


@pytest.fixture
def swept():
    runs = [
        run("ego", 0, 0.7, 0.9),
        run("constant_velocity", 0, 0.5, 0.7),
        run("constant_velocity", 1, 0.6, 0.8),
    ]
    both = [
        (runs[1:], {PATHS: paths(0.55, 2)}, cues(0.75, 2)),
        (runs[:1], {PATHS: paths(0.7, 1)}, cues(0.9, 1)),
    ]
    results = {
        "waypoint": [SettingScores("waypoint", of, path) for of, path, _ in both],
        "cue": [SettingScores("cue", of, cue) for of, _, cue in reversed(both)],
    }
    return results, runs


def printed(table):
    terminal = Console(width=80, file=io.StringIO())
    terminal.print(table)
    return terminal.file.getvalue()


def test_a_table_of_80_columns_groups_the_rows_by_setting_and_cuts_none_off(swept):
    results, runs = swept
    text = printed(results_table(results["waypoint"]))
    assert "…" not in text
    assert text.index("1.100 ±0.141") < text.index("1.650 ±0.212") < text.index("1.400")
    assert "waypoint: 6 validation rows of 2 sequences" in text
    assert "One training seed" in " ".join(text.split()), "of the setting that has but one"
    assert caution(results, runs).startswith("2 settings, 3 runs. Choosing the best of 2")


def test_a_head_of_several_tables_shows_what_it_names_of_each(swept):
    text = printed(results_table(swept[0]["cue"]))
    assert "…" not in text
    assert text.index("90.0%") < text.index("75.0% ±7.1") < text.index("37.5% ±3.5")
    lines = " ".join(text.split())
    assert "Cue" in lines
    assert "Pace" in lines
    assert lines.count("1.250") == 8, "the size of the sets of two questions, with and without features"


def test_settings_are_ranked_by_what_is_better_of_their_head(swept):
    results, _ = swept
    for settings in results.values():
        assert sorted(settings, key=lambda setting: setting.rank) == settings


def test_one_line_of_a_run_names_each_head(swept):
    assert run_said(swept[1][0]) == "waypoint: ADE 5 s (m) 1.400; cue: Cue accuracy 90.0%"


def test_the_files_hold_every_figure(swept):
    results, runs = swept
    content = json.loads(as_json(results, runs, {"gone": "why"}))
    best = content["heads"]["waypoint"][0]
    assert best["training_seeds"] == [0, 1]
    assert best["tables"][PATHS]["waypoint"]["ade_5s"] == pytest.approx(
        {"mean": 1.1, "sd": np.std([1.0, 1.2], ddof=1), "low": 0.55, "high": 9.0}
    )
    assert content["heads"]["cue"][0]["tables"]["Pace"]["cue"]["size"]["sd"] is None, "one seed has no deviation"
    assert content["runs"][2]["heads"]["waypoint"][PATHS][TWIN]["ade_3s"] == pytest.approx(0.9)
    assert content["failed"] == {"gone": "why"}
    assert content["bootstrap"]["resamples"] == Bootstrap().resamples
    lines = list(csv.DictReader(io.StringIO(as_csv(results))))
    assert len(lines) == 2 * 2 * 2 + 2 * 2 * 2 * 3
    assert (lines[0]["waypoint.residual"], lines[0]["method"], lines[0]["figure"]) == (
        "constant_velocity",
        "waypoint",
        "ade_3s",
    )
    assert (lines[0]["training_seeds"], float(lines[0]["mean"])) == ("2", 0.55)
    assert [line["sd"] for line in lines if line["training_seeds"] == "1"] == [""] * 16
