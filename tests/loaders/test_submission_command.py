"""The validator as a command: what it prints, and its exit code."""

import json
from pathlib import Path

import numpy as np
import pytest

from roadcue.loaders.waymo_e2e.submission import __main__ as command
from roadcue.loaders.waymo_e2e.submission.write import Entry, encode_submission


def archive(names=("a-149", "b-008", "c-077"), account="me@example.org"):
    return encode_submission(Entry(account, "straight on", False, "5K"), names, np.zeros((len(names), 20, 2)))


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A good submission and its list."""
    (tmp_path / "out.tar.gz").write_bytes(archive())
    (tmp_path / "list.json").write_text(json.dumps({"a": 149, "b": 8, "c": 77}))
    return tmp_path / "out.tar.gz", tmp_path / "list.json"


def test_the_command_says_yes(files, capsys):
    file, frames = files
    assert command.main(["check", str(file), "--frames", str(frames)]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{file}: 3 frames in 1 shard; nothing that the server is known to refuse\n"
    assert captured.err == ""


def test_the_command_says_every_problem_on_a_line_of_its_own(files, capsys):
    file, frames = files
    file.write_bytes(archive(["a-149"], account="me"))
    assert command.main(["check", str(file), "--frames", str(frames)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"error: {file}: account_name is 'me'")
    assert lines[1].startswith(f"error: {file}: Missing 2 sequence names from the submission")


@pytest.mark.parametrize("missing", [0, 1])
def test_the_command_says_which_file_is_not_there(files, capsys, missing):
    files[missing].unlink()
    assert command.main(["check", str(files[0]), "--frames", str(files[1])]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {files[missing]}: cannot be read (No such file or directory)")
    assert ("with --frames" in error) == bool(missing)


def test_the_command_reads_no_huge_file(files, capsys, monkeypatch):
    monkeypatch.setattr(command, "MAX_BYTES", 100)
    assert command.main(["check", str(files[0]), "--frames", str(files[1])]) == 2
    assert "which no submission needs" in capsys.readouterr().err


def test_the_command_needs_to_know_what_to_do(capsys):
    for words in ([], ["chek"], ["check"], ["check", "file"]):
        with pytest.raises(SystemExit) as stop:
            command.main(words)
        assert stop.value.code == 2
    assert "--frames" in capsys.readouterr().err
