"""What is kept of each frame of a run."""

import json

import numpy as np
import pyarrow.parquet
import pytest
from fitted import fit

from roadcue.errors import BadInput
from roadcue.evaluation.config import EvalConfig
from roadcue.evaluation.frames import ERRORS, FRAMES, Frames
from roadcue.evaluation.run import evaluate_run


@pytest.fixture
def scored(drawn):
    """A run of three heads, and its frames: four lack a log, and a fifth has nothing at all."""
    run = fit(drawn(epochs=1, head="waypoint,cue,field"))
    drawn.splits["val"].states.future[:5] = np.nan
    return run, evaluate_run(EvalConfig(run=str(run.path), resamples=10))


def test_the_means_of_the_frames_are_the_figures_of_the_tables(scored):
    run, frames = scored
    numbers = json.loads((run.path / "metrics.json").read_text())
    for method in numbers["methods"]:
        for metric in ERRORS:
            kept = frames.columns[f"{method['name']}:{metric}"]
            assert np.nanmean(kept) == pytest.approx(method["overall"][metric]["value"])
    tables = {table["title"]: table["methods"] for table in numbers["answers"]}
    for head, title, question in (
        ("cue", "Cue", "cue"),
        ("cue", "Pace", "pace"),
        ("field", "Sidewalk position", "sidewalk"),
        ("field", "Road position", "road"),
    ):
        for method in frames.about["methods"][head]:
            right = frames.columns[f"{method}:{question}:right"]
            assert np.nanmean(right) == pytest.approx(tables[title][method]["accuracy"]["value"])
            answer, true = frames.columns[f"{method}:{question}:answer"], frames.columns[f"true:{question}"]
            np.testing.assert_array_equal(right[true != ""], (answer == true)[true != ""])
            assert np.isnan(right[true == ""]).all()
    size = frames.columns["cue:cue:set_size"][frames.columns["true:cue"] != ""]
    assert size.mean() == pytest.approx(tables["Cue"]["cue"]["size"]["value"])


def test_objects_are_right_by_the_share_of_their_kinds(scored):
    columns = scored[1].columns
    right, answer, true = (
        columns[name] for name in ("field:near objects:right", "field:near objects:answer", "true:near objects")
    )
    known = true != ""
    np.testing.assert_array_equal(np.isnan(right), ~known)
    assert ((right[known] >= 0) & (right[known] <= 1)).all()
    np.testing.assert_array_equal(right[known] == 1, (answer == true)[known])
    assert {"car Left", "car Center", "car Right"} <= set(true)
    everything = columns["list everything:near objects:answer"][0]
    assert everything.count("Left-Center-Right") == 9


def test_what_is_read_again_is_what_was_written(scored):
    run, frames = scored
    again = Frames.read(run.path / FRAMES)
    assert again.about == frames.about
    assert list(again.columns) == list(frames.columns)
    for name, column in frames.columns.items():
        np.testing.assert_array_equal(again.columns[name], column, err_msg=name)
    assert again.columns["waypoint:path"].shape == (len(again), 40)
    table = pyarrow.parquet.read_table(run.path / FRAMES)
    assert table.column("waypoint:ade_5s").null_count == 4, "a NaN would be a number to other software"
    (run.path / FRAMES).write_bytes(b"PAR1")
    with pytest.raises(BadInput, match="delete it"):
        Frames.read(run.path / FRAMES)
