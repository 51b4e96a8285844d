"""What people's captions and pictures hold, and what models answer: said or counted, and the rest goes on."""

import json
from dataclasses import replace

import pytest
from drawn_walks import drawn_walks
from main_job import exit_code

from roadcue import eval as scoring
from roadcue import predict, train
from roadcue.evaluation.writing import CaptionRun
from roadcue.loaders.sensation.captions import read_captions, write_captions
from roadcue.loaders.sensation.files import CAPTIONS
from roadcue.models.generation import GenerationSettings

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
SIGNS = "[bold red]A car[/] <image> \x1b[31mon the left<|im_end|>"
TEXTS = ["", "A car.\nA tree.\r\n\n", "snow " * 20_000, "A 🚗 on the left.", SIGNS, "A bin."]


@pytest.fixture(scope="module", autouse=True)
def _gentle(one_thread):
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eight pictures to learn from, of which six have the texts above, and four others."""
    folder = drawn_walks(tmp_path_factory, train=8, val=4)
    texts = iter(TEXTS)
    captions = read_captions(folder / CAPTIONS)
    changed = [replace(one, target=next(texts, one.target)) if one.split == "train" else one for one in captions]
    write_captions(folder / CAPTIONS, changed)
    return folder


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    """The miniature as it is, as a run that is asked for captions."""
    run = tmp_path_factory.mktemp("captions") / "run"
    words = ["--encoder", "smol", "--head", "caption", "--caption.target", "caption", "--epochs", 0]
    words += ["--data", "sensation", "--data_dir", folder, "--device", "cpu", "--precision", "fp32"]
    assert exit_code(train.main, *words, "--run_dir", run) == 0
    return run


def test_captions_that_cannot_be_learnt_are_counted_and_the_others_are_cleaned(run):
    counts = json.loads((run / "run.json").read_text())["texts"]["train"]
    assert counts == {"without": 1, "too_long": 1, "refused": 0, "cleaned": 2}
    assert json.loads((run / "run.json").read_text())["rows"] == {"train": 6, "val": 4}


def test_answers_that_never_end_are_counted(run, tmp_path, monkeypatch):
    monkeypatch.setattr(CaptionRun, "settings", GenerationSettings(max_new_tokens=2))
    assert exit_code(scoring.main, "--run", run, "--resamples", 10, "--out", tmp_path) == 0
    (form,) = [
        table
        for table in json.loads((tmp_path / "metrics.json").read_text())["answers"]
        if table["title"].startswith("Form")
    ]
    assert form["methods"]["caption"]["cut_off"]["value"] == 1.0
    assert not [line for line in (tmp_path / "predictions.jsonl").open() if json.loads(line)["ended"]]


def test_a_picture_that_does_not_decode_is_said_or_counted(folder, run, tmp_path, capsys):
    pictures = sorted((folder / "validation/images").iterdir())
    whole = pictures[1].read_bytes()
    pictures[1].write_bytes(whole[:40])
    words = ["--run", run, "--resamples", 10, "--out", tmp_path]
    try:
        assert exit_code(scoring.main, *words) == 2
        assert "--on_bad_record skip leaves such pictures out and counts them" in capsys.readouterr().err
        assert exit_code(scoring.main, *words, "--on_bad_record", "skip") == 0
        assert json.loads((tmp_path / "metrics.json").read_text())["skipped_pictures"] == 1
        assert len((tmp_path / "predictions.jsonl").read_text().splitlines()) == 3
        capsys.readouterr()
        assert exit_code(predict.main, "--run", run, *pictures) == 2
        said = capsys.readouterr()
    finally:
        pictures[1].write_bytes(whole)
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert ["error" in line for line in lines] == [False, True, False, False]
    assert "1 of 4 pictures could not be read" in said.err


def test_predictions_with_signs_for_terminals_and_models_are_texts_beside_a_run(folder, run, tmp_path, capsys):
    texts = [SIGNS, "snow " * 20_000, "", "Sidewalk: left.\n\u2028Road: right. 🚗"]
    pictures = sorted((folder / "validation/images").iterdir())
    rows = [{"image": one.name, "prediction": text} for one, text in zip(pictures, texts, strict=True)]
    (tmp_path / "said.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["--run", run, "--predictions", tmp_path / "said.jsonl", "--resamples", 10, "--out", tmp_path / "out"]
    assert exit_code(scoring.main, *words) == 0
    said = capsys.readouterr()
    assert "\x1b[31m" not in said.out + said.err
    tables = json.loads((tmp_path / "out/comparison.json").read_text())["answers"]
    assert any("said" in table["methods"] for table in tables)
    page = (tmp_path / "out/comparison.html").read_text()
    assert "<image>" not in page
