"""`predict.py`: pictures and folders in, one JSON line for each picture out."""

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from fitted import fit
from main_job import exit_code
from PIL import Image

from roadcue import predict
from roadcue.errors import BadInput
from roadcue.heads.cue.config import CueConfig
from roadcue.heads.field.config import FieldConfig
from roadcue.inference.pictures import picture_files
from roadcue.inference.run import load

SMALL = {"field": FieldConfig(hidden=16), "cue": CueConfig(hidden=16)}


@pytest.fixture
def run(drawn):
    """A pedestrian's run: it needs a picture and nothing else."""
    for dataset in drawn.splits.values():
        dataset.states.past[:] = np.nan
        dataset.states.future[:] = np.nan
        dataset.states.intent[:] = 0
    return fit(drawn(head="field,cue", head_options=SMALL, epochs=1)).path


@pytest.fixture
def folder(drawn, tmp_path):
    """Three pictures, one of them below another folder, and a file that is none."""
    where = tmp_path / "pictures"
    (where / "c").mkdir(parents=True)
    dataset = drawn.splits["val"]
    (where / "b.jpg").write_bytes(dataset.image(0, "FRONT"))
    Image.new("RGB", (80, 60), "grey").save(where / "a.PNG")
    (where / "c" / "d.jpeg").write_bytes(dataset.image(1, "FRONT"))
    (where / "notes.txt").write_text("no picture")
    return where


def lines_of(text):
    return [json.loads(line) for line in text.splitlines()]


def test_pictures_and_folders_are_answered_line_by_line(run, folder, capsys):
    assert exit_code(predict.main, "--run", run, folder, folder / "b.jpg", "--batch", 2) == 0
    lines = lines_of(capsys.readouterr().out)
    names = ["a.PNG", "b.jpg", "c/d.jpeg", "b.jpg"]
    assert [line["id"] for line in lines] == [str(folder / name) for name in names]
    predictor = load(run)
    for line, name in zip(lines, names, strict=True):
        assert line.keys() == {"id", "field", "cue"}, "the run's heads, and no baseline"
        one = predictor.predict(Image.open(folder / name).convert("RGB") if "PNG" in name else str(folder / name))
        for head in ("field", "cue"):
            assert line[head]["sentence"] == one[head].sentence
            assert line[head].keys() == {*one[head].to_json(), "sentence"}
        assert line["field"]["annotation"] == json.loads(json.dumps(one["field"].json))
    assert lines[1] == lines[3]


def test_out_is_a_whole_file_and_no_line_is_printed_beside_it(run, folder, tmp_path, capsys):
    out = tmp_path / "answers" / "lines.jsonl"
    assert exit_code(predict.main, "--run", run, folder, "--out", out) == 0
    assert "{" not in capsys.readouterr().out, "the progress, and no line"
    assert len(lines_of(out.read_text())) == 3
    assert [file.name for file in out.parent.iterdir()] == ["lines.jsonl"]


@pytest.mark.parametrize("batch", [1, 2, 16])
def test_a_bad_picture_says_why_and_the_others_are_answered(run, folder, tmp_path, capsys, batch):
    (folder / "bad.jpg").write_bytes((folder / "b.jpg").read_bytes()[:300])
    out = tmp_path / "lines.jsonl"
    assert exit_code(predict.main, "--run", run, folder, "--out", out, "--batch", batch) == 2
    lines = lines_of(out.read_text())
    assert [line["id"] for line in lines] == [
        str(folder / name) for name in ("a.PNG", "b.jpg", "bad.jpg", "c/d.jpeg")
    ]
    assert [line.keys() for line in lines] == [{"id", "field", "cue"}] * 2 + [{"id", "error"}] + [
        {"id", "field", "cue"}
    ]
    assert str(folder / "bad.jpg") in lines[2]["error"]
    error = capsys.readouterr().err
    assert "error: 1 of 4 pictures could not be read; each says why in its line" in error
    assert "Traceback" not in error


def test_what_pillow_does_not_call_an_image_error_is_one_line_s_error_too(run, folder, capsys):
    """A PNG whose header chunk is cut short: Pillow raises a plain ValueError."""
    header = b"\x89PNG\r\n\x1a\n" + (5).to_bytes(4, "big") + b"IHDR" + b"\0" * 9
    (folder / "bad.png").write_bytes(header)
    assert exit_code(predict.main, "--run", run, folder) == 2
    lines = lines_of(capsys.readouterr().out)
    assert ["error" in line for line in lines] == [str(folder / "bad.png") == line["id"] for line in lines]
    assert len(lines) == 4


def test_the_lines_replace_no_device_and_go_to_no_empty_name(run, folder, tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe")
    assert exit_code(predict.main, "--run", run, folder, "--out", tmp_path / "pipe") == 2
    assert (tmp_path / "pipe").is_fifo()
    assert f"{tmp_path / 'pipe'}: is not a file" in capsys.readouterr().err
    assert exit_code(predict.main, "--run", run, folder, "--out", "") == 2
    assert "--out needs a file" in capsys.readouterr().err


def test_a_model_whose_heads_are_not_those_of_its_config_is_refused(run, folder, tmp_path, capsys):
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    order = json.loads((copy / "model/model.json").read_text())
    for heads, blind in (([], []), (order["heads"], []), (order["heads"][:1], order["blind"][:0]), ("field", "cue")):
        (copy / "model/model.json").write_text(json.dumps({"heads": heads, "blind": blind}))
        assert exit_code(predict.main, "--run", copy, folder) == 2
        error = capsys.readouterr().err
        assert "model.json: is damaged" in error or "which its config.yaml names" in error
    (copy / "model/model.json").write_text(json.dumps(order))
    shutil.rmtree(copy / "model/heads/field")
    shutil.copytree(copy / "model/heads/cue", copy / "model/heads/field")
    assert exit_code(predict.main, "--run", copy, folder) == 2
    assert "holds the head 'cue'; train again" in capsys.readouterr().err


def test_a_file_that_is_named_is_taken_whatever_it_is_called(run, folder, capsys):
    assert exit_code(predict.main, "--run", run, folder / "notes.txt") == 2
    (line,) = lines_of(capsys.readouterr().out)
    assert line["error"].startswith(f"{folder / 'notes.txt'}: does not decode as a JPEG, PNG or WebP picture")
    shutil.copy(folder / "b.jpg", folder / "picture")
    assert exit_code(predict.main, "--run", run, folder / "picture") == 0


def test_a_run_that_predicts_paths_says_what_a_picture_lacks(drawn, folder, capsys):
    waypoint = fit(drawn(epochs=1)).path
    capsys.readouterr()
    assert exit_code(predict.main, "--run", waypoint, folder) == 2
    captured = capsys.readouterr()
    for text in (captured.out, captured.err):
        assert "Traceback" not in text
    assert captured.err.count("past states and an intent that no picture has") == 1, "once, not for every picture"
    assert not captured.out
    assert "roadcue.load(run).predict(images, past=..., intent=...)" in captured.out + captured.err


@pytest.mark.parametrize("name", ["gpu", "cuda:77", "meta:x"])
def test_a_device_that_is_none_here_is_said(run, name):
    with pytest.raises(BadInput, match=f"device '{name}' cannot be used here .*; use device='cpu'"):
        load(run, device=name)


def test_what_is_not_there_is_named_before_anything_is_loaded(folder, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    for what, why in ((tmp_path / "no", "there is no such picture or folder"), (tmp_path / "empty", "no picture")):
        assert exit_code(predict.main, "--run", tmp_path / "no run", folder, what) == 2
        captured = capsys.readouterr()
        assert captured.err.startswith(f"error: {what}: ")
        assert why in captured.err
        assert not captured.out
        with pytest.raises(BadInput, match=why):
            picture_files([str(what)])


def test_a_missing_run_and_missing_words_are_said(folder, tmp_path, capsys):
    assert exit_code(predict.main, "--run", tmp_path / "no run", folder) == 2
    assert "no run here" in capsys.readouterr().err
    assert exit_code(predict.main, folder) == 2
    assert "name a run and pictures" in capsys.readouterr().err
    assert exit_code(predict.main, "--run", tmp_path, folder, "--batch", 0) == 2
    assert "--batch 0: must be at least 1" in capsys.readouterr().err


def test_a_reader_that_has_gone_or_no_output_at_all(run, folder, capfd, monkeypatch):
    """`predict.py ... | head -1`, and `predict.py ... >&-`."""
    read, write = os.pipe()
    os.close(read)
    with open(write, "w") as pipe:
        for stdout in (pipe, None):
            with monkeypatch.context() as patch:
                patch.setattr(sys, "stdout", stdout)
                assert predict.main(["--run", str(run), str(folder)]) == 141
    assert capfd.readouterr().err == ""
