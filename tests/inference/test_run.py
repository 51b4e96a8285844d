"""`predict.py`: pictures and folders in, one JSON line for each picture out."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from fitted import fit
from main_job import exit_code
from PIL import Image
from safetensors.torch import load_file

from roadcue import predict
from roadcue.command_line import parse
from roadcue.errors import BadInput
from roadcue.heads.cue.config import CueConfig
from roadcue.heads.field.config import FieldConfig
from roadcue.inference.config import PredictConfig
from roadcue.inference.pictures import picture_files
from roadcue.inference.run import load
from roadcue.loaders import picture_file

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
    said = capsys.readouterr().out
    assert "{" not in said, "the progress, and no line"
    assert said.endswith(f"{out}: 3 lines\n")
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
    assert exit_code(predict.main, "--run", run, folder / "notes.txt", "--out", folder / "c/../notes.txt") == 2
    assert "is to be read itself, and would be replaced" in capsys.readouterr().err
    before = (folder / "b.jpg").read_bytes()
    assert exit_code(predict.main, "--run", run, folder, "--out", folder / "b.jpg") == 2
    assert "would replace a picture or a film by lines of text" in capsys.readouterr().err
    assert (folder / "b.jpg").read_bytes() == before


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


def test_pictures_of_other_formats_and_linked_folders_are_not_left_out_silently(run, folder, tmp_path, capsys):
    for name in ("x.heic", "y.HEIC", "z.tif"):
        (folder / "c" / name).write_bytes(b"another format")
    (folder / "link").symlink_to(folder / "c", target_is_directory=True)
    assert exit_code(predict.main, "--run", run, folder) == 0
    captured = capsys.readouterr()
    assert len(lines_of(captured.out)) == 3
    assert f"{folder}: left out (.heic 2, .tif 1, linked folders 1): only .jpg" in captured.err


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
    assert captured.err.count("there are no past states, which a path starts from") == 1, (
        "once, not for every picture"
    )
    assert not captured.out
    assert "name a manifest that has them" in captured.err


@pytest.mark.parametrize("name", ["gpu", "cuda:77", "meta:x"])
def test_a_device_that_is_none_here_is_said(run, name):
    with pytest.raises(BadInput, match=f"device '{name}' cannot be used here .*; use device='cpu'"):
        load(run, device=name)


def test_what_is_not_there_is_named_before_anything_is_loaded(run, folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("roadcue.inference.run.RoadPredictor.of_run", lambda *_: pytest.fail("loaded"))
    (tmp_path / "empty").mkdir()
    for what, why in ((tmp_path / "no", "there is no such file or folder"), (tmp_path / "empty", "no picture")):
        assert exit_code(predict.main, "--run", run, folder, what) == 2
        captured = capsys.readouterr()
        assert captured.err.startswith(f"error: {what}: ")
        assert why in captured.err
        assert not captured.out
        with pytest.raises(BadInput, match=why):
            picture_files([str(what)])


@pytest.mark.parametrize("words", [("--compile", "P"), ("P", "--compile"), ("--compile", "yes", "P")])
def test_a_bare_flag_takes_no_picture_for_its_value(words):
    config, _ = parse(PredictConfig, ["--run", "r", *words])
    assert (config.what, config.compile) == (["P"], True)
    assert not parse(PredictConfig, ["--run", "r", "--compile", "false", "P"])[0].compile


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


def unlike_folder(where):
    """Black, white and striped pictures: unlike all that the run has learnt from."""
    where.mkdir()
    stripes = np.tile(np.array([0, 255], np.uint8), (60, 40))
    for name, picture in (("black", np.zeros((60, 80))), ("white", np.full((60, 80), 255)), ("stripes", stripes)):
        Image.fromarray(picture.astype(np.uint8)).convert("RGB").save(where / f"{name}.png")
    return where


def test_line_1_a_picture_unlike_the_training_pictures_is_not_answered(run, folder, tmp_path, capsys):
    assert exit_code(predict.main, "--run", run, unlike_folder(tmp_path / "unlike"), folder / "b.jpg") == 0
    *unlike, like = lines_of(capsys.readouterr().out)
    reason = "the picture is unlike those that were learnt from"
    for line in unlike:
        for head in ("field", "cue"):
            assert line[head]["in_distribution"] is False, line["id"]
            assert line[head]["ood_score"] > 1
            assert line[head]["reason"] == reason
            assert line[head]["sentence"] == f"Not sure: {reason}."
        assert line["cue"]["sure"] is False
        assert len(line["cue"]["cues"]) == len(line["cue"]["paces"]) == 3, "every one is possible"
        assert line["cue"]["cue"] == line["cue"]["pace"] == "unknown"
        assert line["cue"]["probabilities"] == line["cue"]["pace_probabilities"] == {}
        annotation = line["field"]["annotation"]
        assert annotation["sidewalk_pos"] == annotation["road_pos"] == annotation["object_present"] == "unknown"
    assert like["cue"]["in_distribution"] is True
    assert like["cue"]["ood_score"] <= 1
    assert like["cue"]["reason"] is None


def test_line_1_a_run_is_recalibrated_by_pictures_of_another_camera(run, folder, drawn, tmp_path, capsys):
    """A camera with a slightly warm cast, which the run has not learnt from: most are unlike, and then none is."""
    dataset, own = drawn.splits["val"], tmp_path / "own"
    own.mkdir()
    for number in range(40):
        picture = picture_file.decode(dataset.image(number, "FRONT"), "here")
        Image.fromarray((picture * [1, 0.95, 0.9]).astype(np.uint8)).save(own / f"{number:03}.png")

    def share():
        assert exit_code(predict.main, "--run", run, own) == 0
        return np.mean([not line["cue"]["in_distribution"] for line in lines_of(capsys.readouterr().out)])

    assert share() > 0.5
    before = (run / "model" / "detector" / "model.safetensors").read_bytes()
    old = load_file(run / "model" / "detector" / "model.safetensors")["threshold"].tolist()
    config = json.loads((run / "model" / "detector" / "config.json").read_text())
    assert exit_code(predict.main, "--run", run, "--recalibrate", own) == 0
    said = capsys.readouterr().out
    assert re.search(r"\d+% of 40 pictures were unlike those .*, now 0% are; 200 or more are better", said)
    assert share() == 0
    again = json.loads((run / "model" / "detector" / "config.json").read_text())
    assert (config["replaced"], again["calibrated_on"]) == ([], "40 pictures of another camera")
    new = load_file(run / "model" / "detector" / "model.safetensors")["threshold"].tolist()
    assert again["replaced"] == [{"calibrated_on": config["calibrated_on"], "threshold": old}]
    for time, threshold, rows in (("was", old, config["calibrated_on"]), ("is", new, again["calibrated_on"])):
        assert f"  {time} {', '.join(f'{value:.4g}' for value in threshold[0])}, by {rows}\n" in said
    assert exit_code(predict.main, "--run", run, unlike_folder(tmp_path / "unlike")) == 0
    assert not any(line["cue"]["in_distribution"] for line in lines_of(capsys.readouterr().out)), "as they were"
    assert (run / "model" / "detector" / "model.safetensors").read_bytes() != before


def test_line_1_no_recalibration_lets_a_covered_lens_pass(run, tmp_path, capsys):
    detector = run / "model" / "detector" / "model.safetensors"
    before = detector.read_bytes()
    own = unlike_folder(tmp_path / "unlike")
    assert exit_code(predict.main, "--run", run, "--recalibrate", own) == 2
    assert "3 pictures are too few to set a threshold by; give 20, or 200 better" in capsys.readouterr().err
    for copy in range(9):
        unlike_folder(own / str(copy))
    assert exit_code(predict.main, "--run", run, "--recalibrate", own) == 2
    assert re.search(
        r"only \d+% of (black|white|noise) ones would be told .* it stays as it was", capsys.readouterr().err
    )
    assert detector.read_bytes() == before


def test_a_run_that_sees_no_picture_cannot_be_recalibrated(drawn, folder, capsys):
    blind = fit(drawn(head="cue", encoder="none", head_options={"cue": CueConfig(hidden=16)}, epochs=1)).path
    assert exit_code(predict.main, "--run", blind, "--recalibrate", folder) == 2
    assert "does not tell pictures unlike those that it has learnt from: it sees none" in capsys.readouterr().err
