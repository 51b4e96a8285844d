"""The sheet of training pictures: what the encoder reads, shown once to the loggers that take pictures."""

import numpy as np
import pytest
import torch
from drawn import DrawnDataset
from fitted import fit
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from test_loggers import Recorder

from roadcue.training import trainer
from roadcue.training.sample_pictures import write_samples


def left_half_red(image, extent=None):
    """In the place of an encoder's: (3, 64, 64) uint8, whose left half is red."""
    pixels = torch.zeros(3, 64, 64, dtype=torch.uint8)
    pixels[0, :, :32] = 255
    return pixels


def test_a_line_for_each_of_eight_rows_shows_what_the_encoder_reads(tmp_path):
    data = DrawnDataset("train", without_rear=range(48, 96))
    write_samples(tmp_path / "a.png", data, np.arange(96), ("FRONT", "REAR"), left_half_red, 64)
    sheet = np.asarray(Image.open(tmp_path / "a.png"))
    assert sheet.shape == (8 * 192, 2 * 192 + 360, 3)
    first, last = sheet[:192], sheet[-192:]
    assert (first[100, 20], first[100, 170]) == (pytest.approx([255, 0, 0]), pytest.approx([0, 0, 0]))
    assert first[100, 192 + 20] == pytest.approx([255, 0, 0]), "the second camera"
    assert last[100, 192 + 20] == pytest.approx([255, 255, 255]), "which the last row lacks"
    assert (first[:, 2 * 192 :] < 128).any(), "the words"


def test_tiles_stand_side_by_side_and_pictures_that_cannot_be_read_are_left_out(tmp_path):
    data = DrawnDataset("train", sequences=1, frames=3, unreadable=(0,))
    tiles = lambda image, extent=None: left_half_red(image).expand(3, 3, 64, 64)  # noqa: E731
    write_samples(tmp_path / "a.png", data, np.arange(3), ("FRONT",), tiles, 64)
    assert Image.open(tmp_path / "a.png").size == (3 * 192 + 360, 2 * 192)
    write_samples(tmp_path / "none.png", data, np.arange(1), ("FRONT",), tiles, 64)
    assert not (tmp_path / "none.png").exists()


def test_a_run_keeps_its_sheet_and_shows_it_to_the_loggers(drawn, monkeypatch):
    monkeypatch.setattr(trainer, "WandbLogger", Recorder)
    monkeypatch.setattr(trainer, "find_spec", lambda name: name)
    shown = []
    monkeypatch.setattr(Recorder, "log_image", lambda self, *given: shown.append(given), raising=False)
    folder = fit(drawn(epochs=1, logger="wandb"))
    assert shown == [("samples", [str(folder.samples)])]
    events = EventAccumulator(str(folder.logs))
    events.Reload()
    assert events.Tags()["images"] == ["samples"]


def test_without_an_encoder_there_is_none(drawn):
    assert not fit(drawn(encoder="none", epochs=1)).samples.exists()
