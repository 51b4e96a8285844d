"""The published caption figures out of the published captions, and the words of every published text."""

import csv
import json
import shutil
import tempfile
from importlib.util import find_spec

import numpy as np
import pytest
from lacking import lacking

from roadcue import eval as scoring
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.captions.meteor import Meteor
from roadcue.metrics.captions.meteor_tables import INSTALL, meteor_folder, read_meteor_tables
from roadcue.metrics.captions.ptb_tokenizer import ptb_words
from roadcue.metrics.captions.scores import score_captions

OURS = {
    **{f"BLEU-{k}": f"bleu_{k}" for k in range(1, 5)},
    "ROUGE-L": "rouge_l",
    "CIDEr": "cider",
    "avg_prediction_length": "words_said",
    "avg_target_length": "words_wanted",
}


@pytest.fixture(scope="module")
def published(golden_dir):
    """Of each file of figures the captions that they are of."""
    files = sorted((golden_dir / "sensation").glob("*_caption_metrics.json"))
    assert files
    return {
        file: json.loads(file.with_name(file.name.replace("_metrics", "_predictions")).read_text(encoding="utf-8"))
        for file in files
    }


def test_sensation_published_caption_figures_come_out_to_every_digit(published):
    for file, rows in published.items():
        said, wanted = [row["prediction"] for row in rows], [[row["target"]] for row in rows]
        figures = score_captions(said, wanted, np.arange(len(rows)), Bootstrap(20))
        theirs = json.loads(file.read_text())
        assert theirs.keys() >= OURS.keys()
        for name, key in OURS.items():
            assert figures[key].value == pytest.approx(theirs[name], rel=0, abs=1e-9), (file.name, name)
            assert figures[key].low < figures[key].value < figures[key].high


def test_sensation_published_meteor_comes_out(published):
    """The formula itself is tested in test_meteor.py, without the package."""
    if meteor_folder() is None:
        lacking(f"needs METEOR's tables: {INSTALL}")
    meteor = Meteor(read_meteor_tables())
    for file, rows in published.items():
        said, wanted = [row["prediction"] for row in rows], [[row["target"]] for row in rows]
        figures = score_captions(said, wanted, np.arange(len(rows)), Bootstrap(20), meteor)
        assert figures["meteor"].value == pytest.approx(json.loads(file.read_text())["METEOR"], rel=0, abs=1e-5)


def test_sensation_words_are_those_of_the_tokenizer_in_java(golden_dir):
    """At least 999 of 1,000 texts; of all published ones every one was equal when this was written."""
    if find_spec("pycocoevalcap") is None or shutil.which("java") is None:
        pytest.skip(f"needs pycocoevalcap and a `java`: {INSTALL}")
    texts = sorted(all_texts(golden_dir / "sensation"))
    theirs = java_words(texts)
    other = [text for text, words in zip(texts, theirs, strict=True) if ptb_words(text) != words]
    assert len(other) <= len(texts) / 1000, other[:10]


def all_texts(folder):
    with open(folder / "complete_captions_sensation.csv", encoding="utf-8", newline="") as file:
        texts = {row["target"] for row in csv.DictReader(file)}
    rows = [json.loads(line) for file in folder.glob("*.jsonl") for line in file.read_text("utf-8").splitlines()]
    rows += [row for file in folder.glob("*_predictions.json") for row in json.loads(file.read_text("utf-8"))]
    keys = ("prompt", "text", "response", "prediction", "target")
    return texts | {row[key] for row in rows for key in keys if key in row}


def java_words(texts):
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", folder)
        tokenized = PTBTokenizer().tokenize({row: [{"caption": text}] for row, text in enumerate(texts)})
    return [tokenized[row][0].split() for row in range(len(texts))]


def test_sensation_published_files_are_scored_as_they_are(golden_dir, tmp_path, monkeypatch):
    monkeypatch.setattr("roadcue.evaluation.caption_rows.meteor_folder", lambda: None)  # has a test of its own
    files = [file for pattern in ("*_predictions.json", "*_predictions.jsonl") for file in golden_dir.rglob(pattern)]
    assert files
    for file in files:
        words = ["--predictions", str(file), "--head", "caption", "--resamples", "20", "--out", str(tmp_path)]
        assert scoring.main(words) == 0
        metrics = json.loads((tmp_path / f"{file.stem}.metrics.json").read_text())
        assert metrics["rows_without_target"] == 0
        assert metrics["intervals_over"] == "sequences"
        figures = {name: each["cider"]["value"] for name, each in metrics["methods"].items()}
        assert figures["prediction"] > 0
