"""Somebody else's head, encoder, captioner and data set, in a package that is not installed or in a --plugin file."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from main_job import exit_code

import roadcue
from roadcue import eval as scoring
from roadcue import predict, train
from roadcue.errors import BadInput
from roadcue.evaluation.frames import FRAMES, Frames
from roadcue.heads.registry import HEADS
from roadcue.loaders.registry import DATASETS, open_dataset
from roadcue.models.registry import CAPTIONERS, ENCODERS

PLUGINS = Path(__file__).parents[1] / "plugins"
FILE = str(PLUGINS / "register.py")
QUICK = ("--workers", 0, "--epochs", 30, "--batch_size", 16)


@pytest.fixture
def registries(monkeypatch):
    """Registries that forget, at the end, what a test has added."""
    for registry in (HEADS, DATASETS, ENCODERS, CAPTIONERS):
        monkeypatch.setattr(registry, "_own", dict(registry._own))
        monkeypatch.setattr(registry, "_entry_points", None)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith(("road_dots", "roadcue_plugin_")):
            del sys.modules[name]


@pytest.fixture(params=["entry points", "--plugin"])
def words(request, registries, monkeypatch):
    """What a command needs to know the plugins: nothing, where their package is on the path."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    if request.param == "--plugin":
        return ("--plugin", FILE)
    # As pip would leave them in site-packages, side by side: the package, and what it says of itself.
    monkeypatch.syspath_prepend(str(PLUGINS / "package"))
    monkeypatch.syspath_prepend(str(PLUGINS / "entry_points"))
    return ()


def pictures(folder):
    dataset = open_dataset("dots", None, "val")
    for row in range(3):
        (folder / f"{row}.jpg").write_bytes(dataset.image(row, "TOP"))
    return [dataset.targets(row).fields["dot"] for row in range(3)]


def test_a_head_an_encoder_and_a_data_set_go_through_all_commands(words, tmp_path, capsys):
    run = tmp_path / "run"
    given = ("--data", "dots", "--encoder", "colour", "--head", "dot", "--dot.hidden", 24, "--pooling", "grid")
    assert exit_code(train.main, *words, *given, "--grid", 4, *QUICK, "--lr", 0.01, "--run_dir", run) == 0
    output = capsys.readouterr().out
    assert "dot accuracy: dot" in output
    assert "dots: 32 drawn pictures" in output
    assert exit_code(scoring.main, *words, "--run", run, "--resamples", 50) == 0
    (table,) = json.loads((run / "metrics.json").read_text())["answers"]
    assert table["title"] == "Side of the dot"
    accuracy = {name: figures["accuracy"]["value"] for name, figures in table["methods"].items()}
    assert accuracy.keys() - {"dot, answered"} == {"dot", "dot without features", "always left"}
    assert accuracy["dot"] > 0.9 > accuracy["always left"]
    assert "Side of the dot" in (run / "report.html").read_text()
    frames = Frames.read(run / FRAMES)
    assert frames.about["questions"] == {"dot": ["dot"]}
    assert set(frames.columns["dot:dot:answer"]) == {"The dot is on the left.", "The dot is on the right."}
    assert set(frames.columns["always left:dot:answer"]) == {"The dot is on the left."}
    assert np.isnan(frames.columns["dot:dot:right"]).all(), "the head has not said what is right"

    (tmp_path / "pictures").mkdir()
    true = pictures(tmp_path / "pictures")
    out = tmp_path / "answers.jsonl"
    assert exit_code(predict.main, *words, "--run", run, "--out", out, tmp_path / "pictures") == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["dot"]["side"] for line in lines] == true
    assert lines[0]["dot"]["sentence"] == f"The dot is on the {true[0]}."
    plugins = [FILE] if words else []
    loaded = roadcue.load(run, plugins=plugins).predict(tmp_path / "pictures" / "0.jpg", baselines=True)
    assert loaded["dot"].side == true[0]
    assert loaded["always left"].side == "left"


def test_a_captioner_goes_through_all_commands(words, tmp_path, capsys):
    run = tmp_path / "run"
    given = ("--data", "dots", "--encoder", "shouting", "--head", "caption", "--caption.target", "caption")
    quick = ("--workers", 0, "--epochs", 1, "--batch_size", 8, "--precision", "fp32")
    assert exit_code(train.main, *words, *given, *quick, "--run_dir", run) == 0
    assert "shouting captioner" in capsys.readouterr().out
    assert exit_code(scoring.main, *words, "--run", run, "--resamples", 20) == 0
    loss, form = json.loads((run / "metrics.json").read_text())["answers"]
    assert (loss["title"], form["title"]) == ("Loss on the caption texts", "Form of the caption texts")
    assert len((run / "predictions.jsonl").read_text().splitlines()) == 32
    assert "Loss on the caption texts" in (run / "report.html").read_text()
    (tmp_path / "pictures").mkdir()
    pictures(tmp_path / "pictures")
    out = tmp_path / "answers.jsonl"
    assert exit_code(predict.main, *words, "--run", run, "--out", out, tmp_path / "pictures") == 0
    assert all("text" in json.loads(line)["caption"] for line in out.read_text().splitlines())


def test_a_plugin_that_a_run_folder_names_is_not_loaded(registries, tmp_path, capsys, monkeypatch):
    canary = tmp_path / "mine.py"
    canary.write_text(f"from pathlib import Path\nPath({str(tmp_path / 'it_ran')!r}).touch()\n")
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text(f"head: mine\nplugin:\n- {canary}\nmine:\n  hidden: 3\n")
    monkeypatch.chdir(tmp_path)
    sentence = "was written with the plugin .*mine.py, which is code and is never loaded by itself"
    with pytest.raises(BadInput, match=sentence):
        roadcue.load(run)
    for main, words in ((scoring.main, ("--run", run)), (predict.main, ("--run", run, canary))):
        assert exit_code(main, *words) == 2
        assert "name it again: --plugin" in capsys.readouterr().err
    assert exit_code(train.main, "--config", run / "config.yaml") == 2
    assert "name it again: --plugin" in capsys.readouterr().err
    assert not (tmp_path / "it_ran").exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "there is no such file"),
        ("1 +", "fails .SyntaxError"),
        ("from roadcue.heads.registry import HEADS\nHEADS.register('cue', int)", "head 'cue' is there already"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_a_sentence(registries, tmp_path, capsys, content, sentence):
    file = tmp_path / "plugin.py"
    if content is not None:
        file.write_text(content)
    assert exit_code(train.main, "--plugin", file, "--encoder", "none") == 2
    import re

    assert re.search(sentence, capsys.readouterr().err)


def test_a_head_without_scores_is_an_error_and_not_left_out(registries, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(PLUGINS / "package"), str(PLUGINS / "entry_points"), *sys.path])
    from road_dots.dot import DotHead

    monkeypatch.delattr(DotHead, "score")
    run = tmp_path / "run"
    given = ("--data", "dots", "--encoder", "colour", "--head", "dot", "--workers", 0, "--epochs", 1)
    assert exit_code(train.main, *given, "--run_dir", run) == 0
    with pytest.raises(NotImplementedError, match="'dot' brings no scores of its own"):
        exit_code(scoring.main, "--run", run, "--resamples", 5)
