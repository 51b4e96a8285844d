"""What is logged of how fast a run learns, and where."""

import csv
from math import cos, pi

import pytest
from fitted import fit
from lightning.pytorch.loggers.logger import DummyLogger

from roadcue.errors import BadInput
from roadcue.training import trainer


class Recorder(DummyLogger):
    """Takes the place of Weights & Biases: keeps what it is told."""

    def __init__(self, name, save_dir, *, project):
        super().__init__()
        self.about, self.told, self.finished = (name, save_dir, project), [], 0
        Recorder.made.append(self)

    made: list["Recorder"] = []  # noqa: RUF012 - emptied by the test

    @property
    def experiment(self):
        return self

    def log_metrics(self, metrics, step=None):
        self.told.append(metrics)

    def finish(self):
        self.finished += 1


def test_learning_rate_and_norm_of_the_gradient_are_logged(drawn):
    folder = fit(drawn(encoder="none", epochs=2, batch_size=32, lr=1e-2))
    with (folder.logs / "from_step_0" / "metrics.csv").open() as file:
        lines = [line for line in csv.DictReader(file) if line["learning_rate"]]
    assert [int(line["step"]) for line in lines] == [2, 5]
    rates = [float(line["learning_rate"]) for line in lines]
    assert rates == pytest.approx([1e-2 * (1 + cos(pi * step / 6)) / 2 for step in (2, 5)], rel=1e-4)
    assert all(float(line["gradient_norm"]) > 0 for line in lines)


def test_weights_and_biases_are_told_too_and_each_run_ends(drawn, monkeypatch):
    monkeypatch.setattr(trainer, "WandbLogger", Recorder)
    monkeypatch.setattr(trainer, "find_spec", lambda name: name)
    Recorder.made.clear()
    folder = fit(drawn(encoder="none", epochs=1, logger="wandb"))
    (logger,) = Recorder.made
    assert logger.about == ("run", folder.logs, "roadcue")
    assert {"learning_rate", "gradient_norm", "train/waypoint/loss"} <= set().union(*logger.told)
    assert logger.finished == 1
    assert list(folder.logs.glob("events*"))


def test_without_its_package_it_is_a_sentence_before_anything_is_read(drawn, monkeypatch):
    monkeypatch.setattr(trainer, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match="--logger wandb: the package wandb is not installed here; pip install wandb"):
        fit(drawn(logger="wandb"))
    assert drawn.splits["train"].reads == 0
