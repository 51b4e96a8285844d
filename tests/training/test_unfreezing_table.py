"""Settings of a stage two against stage one and its control: figures, costs, and differences in pairs."""

import numpy as np
import pytest
import torch

from roadcue.heads.field.config import FieldConfig
from roadcue.heads.field.head import FieldHead
from roadcue.heads.registry import build_head, head_config
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.classification import balanced_accuracy, balanced_accuracy_interval
from roadcue.training.run_folder import Spent
from roadcue.training.sweep.unfreezing import Setting, figures_of, spent_of, unfrozen

ROWS, FEW = 60, Bootstrap(200)
SEQUENCE = np.repeat(np.arange(20), 3).astype(str)
RANDOM = np.random.default_rng(0)
FUTURE = RANDOM.normal(size=(ROWS, 20, 2)).astype(np.float32)
POSITIONS = np.stack([np.arange(ROWS) % 4, np.arange(ROWS) % 3 + 1], axis=1)
OBJECTS = (RANDOM.random((ROWS, 2, 9, 3)) < 0.3).astype(np.float32)


def targets(**changed):
    whole = {"future": FUTURE, "positions": POSITIONS, "objects": OBJECTS, **changed}
    return {name: torch.from_numpy(each) for name, each in whole.items()}


def paths(metres):
    """Paths that lie so far from the log, at every point and to its left."""
    return {"waypoints": FUTURE + np.array([0, metres], np.float32)}


def setting(name, *answers, **spent):
    taken = {"seconds": 10.0, "steps": 100, "trainable": 5, "peak_memory": 2**30, **spent}
    return Setting(name, answers, [Spent(**taken)] * len(answers))


@pytest.fixture
def waypoint():
    return build_head("waypoint", head_config("waypoint")(), 0, 0)


def test_a_setting_is_compared_with_stage_one_and_with_its_control(waypoint):
    (figure,) = figures_of(waypoint, targets())
    settings = [
        setting("stage one", paths(2.0), steps=0, peak_memory=None),
        setting("control", paths(1.5), paths(1.7)),
        setting("lora", paths(1.0), paths(1.2), trainable=70, peak_memory=3 * 2**30, seconds=25.0),
    ]
    first, control, lora = unfrozen(figure, settings, SEQUENCE, FEW)
    assert (first.name, first.over_first, first.over_control, control.over_control) == ("stage one", None, None, None)
    assert lora.figure.value == pytest.approx(1.1)
    assert lora.over_first.value == pytest.approx(-0.9)
    assert lora.over_control.value == pytest.approx(-0.5)
    assert lora.over_control.low < -0.3 <= lora.over_control.high + 0.2, "over the seeds of both"
    assert control.over_first.value == pytest.approx(-0.4)
    assert (lora.seeds, lora.trainable, lora.memory_gib, lora.step_s) == (2, 70, 3.0, 0.25)
    assert np.isnan([first.memory_gib, first.step_s]).all()


def test_rows_without_a_log_do_not_count(waypoint):
    future = FUTURE.copy()
    future[::2, 3] = np.nan
    (figure,) = figures_of(waypoint, targets(future=future))
    worse = paths(1.0)
    worse["waypoints"][::2] += 100
    [first] = unfrozen(figure, [setting("stage one", worse)], SEQUENCE, FEW)
    assert first.figure.value == pytest.approx(1.0, abs=1e-5)


def answers(wrong):
    """Of the field head, with so many first rows wrong in everything; far objects are right in the others."""
    position, seen = POSITIONS.copy(), OBJECTS == 1
    position[:wrong] = (position[:wrong] + 1) % 4
    seen[:wrong] = False
    seen[:, 0] = ~seen[:, 0]
    return {"position": position, "seen": seen}


def test_fields_count_by_class_and_far_objects_by_kind():
    positions = POSITIONS.copy()
    positions[:5, 0] = -1
    figures = {one.name: one for one in figures_of(FieldHead(FieldConfig(), 0, 0), targets(positions=positions))}
    assert list(figures) == ["sidewalk", "road", "far-objects"]
    settings = [setting("stage one", answers(30)), setting("control", answers(20)), setting("full", answers(0))]
    lines = unfrozen(figures["sidewalk"], settings, SEQUENCE, FEW)
    truth = np.where(positions[:, 0] < 0, "", positions[:, 0].astype(str))
    said = [each.answers[0]["position"][:, 0].astype(str) for each in settings]
    assert [line.figure.value for line in lines] == pytest.approx([balanced_accuracy(one, truth) for one in said])
    assert lines[2].over_control.value == pytest.approx(100 * (1 - balanced_accuracy(said[1], truth)))
    [road] = unfrozen(figures["road"], settings[:1], SEQUENCE, FEW)
    said, truth = (each[:, 1].astype(str) for each in (settings[0].answers[0]["position"], positions))
    assert road.figure == balanced_accuracy_interval(said, truth, SEQUENCE, FEW)
    far = unfrozen(figures["far-objects"], settings, SEQUENCE, FEW)
    assert far[0].figure.value < far[1].figure.value < far[2].figure.value == 1.0


def test_what_a_run_of_before_does_not_tell_is_not_known():
    assert spent_of({"seconds": 3.5, "device": "cpu"}) == Spent(3.5)
