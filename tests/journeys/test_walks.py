"""Walks with states: the waypoint and the cue head on them, scored, looked at and asked; and what is refused."""

import html
import json

import numpy as np
import pytest
from main_job import exit_code, scored
from refusal import quick, refused, trained
from sensation_folder import labelled, walker, write_folder

import roadcue
from roadcue import eval as scoring
from roadcue import train
from roadcue.loaders import jpeg
from roadcue.loaders.sensation.annotation_files import write_annotations
from roadcue.loaders.sensation.captions import IMAGE_FOLDERS
from roadcue.loaders.sensation.files import ANNOTATIONS
from roadcue.loaders.sensation.states import STATES, write_states
from roadcue.schema import Intent

ACROSS = {"Left": 0.15, "Center": 0.0, "Right": -0.15}
"""m/s^2: whither the walker goes where the sidewalk is there."""
HEADS = ("--head", "waypoint,cue", "--waypoint.kind", "mlp", "--cue.hidden", 16)


@pytest.fixture
def walks(tmp_path):
    """Walks of three pictures; the bright side of each is where the sidewalk is, and where its walker goes."""
    folder = tmp_path / "walks"
    numbers = {"train": range(8), "val": range(8, 13)}
    images = {split: [f"walk-{n:07d}-{f}.jpg" for n in some for f in range(3)] for split, some in numbers.items()}
    write_folder(folder, images)
    sides = dict(zip([*images["train"], *images["val"]], list(ACROSS) * 13, strict=True))
    for split, names in images.items():
        (folder / IMAGE_FOLDERS[split]).mkdir(parents=True)
        for name in names:
            picture = np.full((48, 48, 3), 60, np.uint8)
            picture[:, 16 * list(ACROSS).index(sides[name]) :][:, :16] = 200
            (folder / IMAGE_FOLDERS[split] / name).write_bytes(jpeg.encode(picture, 90))
    write_annotations(folder / ANNOTATIONS, [labelled(name, side, "Not present") for name, side in sides.items()])
    write_states(folder / STATES, [walker(name, acceleration=(0.0, ACROSS[side])) for name, side in sides.items()])
    return folder


def test_a_walk_is_trained_scored_looked_at_and_asked(walks, tmp_path, capsys):
    data, run = ("--data", "sensation", "--data_dir", walks), tmp_path / "run"
    said = trained(capsys, *data, *HEADS, "--run_dir", run)
    assert "24 of them with states from states.jsonl" in said
    metrics = scored(run)
    output = capsys.readouterr().out
    page = html.unescape((run / "report.html").read_text())
    agreement = metrics["rule_and_walker"]
    assert agreement["figures"]["both"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert [row[way] for way, row in agreement["ways"].items()] == [5, 5, 5]
    assert (agreement["samples"], agreement["sequences"]) == (15, 5)
    for text in (output, page):
        assert "The rule's cue beside what the walker does" in text
        assert "0.5 m or more beside" in " ".join(text.split())
        assert "These are walks" in text
    assert "under the car's wheels" not in page
    assert metrics["against_raters"] is None
    assert "RFS" not in output + page
    assert "have no calibration of it" in page
    assert page.count("<svg") >= 3 + 3  # of every scene the paths from above
    pictures = sorted((walks / IMAGE_FOLDERS["val"]).iterdir())
    past = np.repeat(walker("a.jpg").past[None], len(pictures), axis=0)
    predicted = roadcue.load(run).predict(pictures, past=past, intent=[Intent.GO_STRAIGHT] * len(pictures))
    assert predicted["waypoint"].waypoints_m.shape == (len(pictures), 20, 2)
    answered = [cue.cue for cue in predicted["cue"] if cue.in_distribution]
    assert answered
    assert set(answered) <= {"deviate left", "keep straight", "deviate right"}
    (walks / STATES).unlink()  # and then there are only cues to score
    assert exit_code(scoring.main, "--run", run, "--resamples", 100) == 0
    assert "no row has a logged future, so the waypoint head is not scored" in capsys.readouterr().out
    assert json.loads((run / "metrics.json").read_text())["rule_and_walker"] is None
    assert "The rule and the walker" not in (run / "report.html").read_text()


def test_other_states_of_the_same_pictures_need_no_new_features(walks, tmp_path, capsys, encoded):
    data = ("--data", "sensation", "--data_dir", walks)
    trained(capsys, *data, *HEADS, "--run_dir", tmp_path / "one")
    assert sum(encoded) == 24 + 15
    lines = (walks / STATES).read_text().splitlines()
    few = [line for line in lines if json.loads(line)["image"].endswith(("-0.jpg", "-1.jpg"))]
    (walks / STATES).write_text("\n".join(few))
    said = trained(capsys, *data, *HEADS, "--run_dir", tmp_path / "two")
    assert sum(encoded) == 24 + 15
    assert "16 of them with states" in said
    metrics = scored(tmp_path / "two")
    assert metrics["samples"] == metrics["rule_and_walker"]["samples"] == 10
    cue = next(table for table in metrics["answers"] if table["title"] == "Cue")
    assert cue["samples"] == 15  # labels are all that the rule asks for


def test_without_states_a_path_cannot_be_learnt_and_a_bad_line_is_named(walks, tmp_path, capsys):
    words = ("--data", "sensation", "--data_dir", walks, *HEADS, "--run_dir", tmp_path / "run")
    with open(walks / STATES, "a") as file:
        file.write('{"image": "walk-0000001-0.jpg"}\n')
    sentence = refused(capsys, train.main, *quick(*words))
    assert "states.jsonl, line 40: key 'time_s' is missing" in sentence
    (walks / STATES).unlink()
    sentence = refused(capsys, train.main, *quick(*words))
    assert "no row has both features and a logged future, which the waypoint head needs" in sentence
    assert "states.jsonl can give" in sentence
