"""What encoding would take is said, and nothing is written; too small a disk is met before anything is encoded."""

import math
import re
import shutil
from types import SimpleNamespace

import pytest
from main_job import exit_code

from roadcue import train
from roadcue.loaders.contrast import CONTRAST_SHAPE

WORDS = ["--grid", "2", "--workers", "0"]
ROW = 2 * 4 * 192 + 4 * math.prod(CONTRAST_SHAPE) + 2 + 8
"""Bytes of a row with one camera: four vectors as fp16, its contrast, whether it is there, whether it is done, and a
checksum."""


def test_samples_bytes_rate_and_hours_are_said_and_nothing_is_written(small, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert exit_code(train.main, *WORDS, "--dry_run") == 0
    said = capsys.readouterr().out
    assert not list(tmp_path.iterdir())
    assert "96 samples, 96 pictures of FRONT" in said
    assert f"a store of {96 * ROW / 1000:,.1f} KB would be made: {tmp_path}/cache/features/drawn-train/smol-" in said
    assert "48 samples, 48 pictures of FRONT" in said
    assert re.search(
        r"\d+\.\d pictures/s, measured on 64 of them on .+: 0\.\d\d hours for the 144 pictures of the stores", said
    )


def test_what_is_encoded_already_takes_no_time(small, tmp_path, capsys):
    assert exit_code(train.main, *WORDS, "--epochs", "1", "--run_dir", tmp_path / "run") == 0
    capsys.readouterr()
    assert exit_code(train.main, *WORDS, "--dry_run", "--run_dir", tmp_path / "run") == 0
    said = capsys.readouterr().out
    assert said.count("KB is there already") == 2
    assert "0.00 hours for the 0 pictures" in said


def test_without_an_encoder_there_is_nothing_to_measure(small, capsys):
    assert exit_code(train.main, "--encoder", "none", "--dry_run") == 0
    assert "samples: 96 of train, 48 of val; no picture is encoded" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--head", "caption", "--encoder", "smol"], ["--sweep", "lr=1e-3,1e-2"]])
def test_what_cannot_be_measured_is_refused(words, capsys):
    assert exit_code(train.main, *words, "--dry_run") == 2
    assert "--dry_run measures" in capsys.readouterr().err


def test_the_room_for_both_stores_is_asked_for_before_the_first_is_made(small, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100 * ROW))  # enough for the first alone
    assert exit_code(train.main, *WORDS, "--run_dir", tmp_path / "run") == 2
    needed, free, missing = (f"{rows * ROW / 1000:,.1f} KB" for rows in (144, 100, 44))
    said = capsys.readouterr().err
    assert f"{needed} are needed, {free} are free, {missing} are missing" in said
    assert "--store_dir" in said
    assert not (tmp_path / "cache").exists()
