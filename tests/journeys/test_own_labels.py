"""Pictures with labels and without states: trained on, scored and answered as they are, alone and among drives."""

import json

import pytest
from main_job import exit_code
from manifest_lines import driven_line, write
from refusal import refused

from roadcue import eval as scoring
from roadcue import predict, train
from roadcue.heads.field.labels import OUTPUTS

SIDES = ("Left", "Center", "Right")
QUICK = ("--epochs", 1, "--grid", 2, "--workers", 0)


@pytest.fixture
def own(tmp_path):
    """Writes a manifest of 8 sequences of 3 pictures with labels, of which those that are `driven` have states."""
    (tmp_path / "own/front").mkdir(parents=True)

    def manifest(driven=lambda number: False):
        lines = []
        for number in range(24):
            line = driven_line(tmp_path / "own", number, str(number // 3), "train" if number < 15 else "val")
            objects = {kind: "Center" if kind == "m_car" and number % 2 else "not present" for kind in OUTPUTS[2:]}
            line["fields"] = {"sidewalk_pos": SIDES[number % 3], "road_pos": "Left", **objects}
            states = {} if driven(number) else {"past", "intent", "future"}
            lines.append({key: value for key, value in line.items() if key not in states})
        return write(tmp_path / "own", *lines)

    return manifest


def words(manifest, run, *heads):
    """For train.py, of a short run."""
    small = [word for head in heads for word in (f"--{head}.hidden", 16)]
    return "--data", "manifest", "--data_dir", manifest, "--run_dir", run, *QUICK, "--head", ",".join(heads), *small


def asked(capsys, run, *what):
    """What predict.py answers, line by line."""
    capsys.readouterr()
    assert exit_code(predict.main, "--run", run, *what) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_labels_without_states_are_all_that_fields_and_cues_need(own, tmp_path, capsys):
    manifest, run = own(), tmp_path / "run"
    assert exit_code(train.main, *words(manifest, run, "field", "cue")) == 0
    assert exit_code(scoring.main, "--run", run, "--resamples", 20) == 0
    assert "past states of" not in capsys.readouterr().out
    titles = {table["title"] for table in json.loads((run / "metrics.json").read_text())["answers"]}
    assert {"Sidewalk position", "Cue"} <= titles
    answers = asked(capsys, run, manifest)
    assert [one["id"] for one in answers] == [str(number) for number in range(24)]
    assert all(one[head]["sentence"] for one in answers for head in ("field", "cue"))
    # States in use, of which training has seen none, change nothing that is said of the same pictures.
    assert asked(capsys, run, own(driven=lambda number: True)) == answers


def test_without_states_no_path_is_learnt_and_the_sentence_says_why(own, tmp_path, capsys):
    sentence = refused(capsys, train.main, *words(own(), tmp_path / "run", "waypoint"))
    assert sentence.endswith("; its lines have no past, which a path starts from, and no future; add both")


def test_among_drives_paths_are_learnt_from_those_that_have_states(own, tmp_path, capsys):
    manifest, run = own(driven=lambda number: number % 3), tmp_path / "run"
    assert exit_code(train.main, *words(manifest, run, "waypoint", "field")) == 0
    said = "past states of train: in 10 of 15 rows; of the others no path is learnt or scored"
    assert said in capsys.readouterr().out
    assert exit_code(scoring.main, "--run", run, "--resamples", 20) == 0
    assert "past states of val: in 6 of 9 rows" in capsys.readouterr().out
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["methods"]
    assert metrics["answers"]
    answers = asked(capsys, run, manifest)
    assert ["lacks" in one["waypoint"] for one in answers] == [number % 3 == 0 for number in range(24)]
    assert all(one["field"]["sentence"] for one in answers)
