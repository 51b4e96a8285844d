"""Run folders and option files from elsewhere: none of them runs code."""

import shutil
import sys
from dataclasses import fields
from typing import get_args, get_type_hints

import pytest

import roadcue
from roadcue import eval as scoring
from roadcue import train
from roadcue.command_line import parse, parse_file
from roadcue.config_file import plain_options
from roadcue.errors import BadInput
from roadcue.heads.field.config import FieldConfig
from roadcue.training.config import TrainConfig

CANARY = """
from pathlib import Path
Path(__file__).with_name("it_ran").touch()
class X:
    def __init__(self, *args, **kwargs): pass
"""
ASKING = (
    "head:\n  class_path: payload.X\n",
    "head: {class_path: payload.X, init_args: {}}\n",
    "field:\n  class_path: payload.X\n",
    "lr: {class_path: payload.X}\n",
    "sweep: [{class_path: payload.X}]\n",
    "class_path: payload.X\n",
    "head: '{class_path: payload.X}'\n",
    "field: 'class_path: payload.X'\n",
    "cue: payload.yaml\n",
    "cue: !!python/object/apply:payload.X []\n",
    "lr: !!python/name:payload.X\n",
    "run_dir: &a x\nstore_dir: *a\n",
    "head: &a {name: field}\nfield:\n  <<: *a\n",
    "epochs: 1\nepochs: 2\n",
    "head: {nmae: waypoint}\n",
    "waypoint: {knid: mlp}\n",
    "store_dir: !!bool x\n",
    "store_dir: !!timestamp x\n",
    'store_dir: !!int ""\n',
    "waypoint:\n  class_path: payload.X\n",
    "waypoint: payload.yaml\n",
    "plugin: payload.py\n",
    "plugin: [payload.py]\n",
    "epochs: 2026-11-28\n",
    "- lr\n",
    "lr\n",
)


@pytest.fixture
def payload(tmp_path, monkeypatch):
    """The folder of a run whose config.yaml can be written, with code beside it that leaves a trace when imported."""
    (tmp_path / "payload.py").write_text(CANARY)
    (tmp_path / "payload.yaml").write_text("class_path: payload.X\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "payload", raising=False)
    return tmp_path


@pytest.mark.parametrize("text", ASKING)
def test_no_file_of_options_runs_code(payload, text, capsys):
    (payload / "config.yaml").write_text(text)
    with pytest.raises(BadInput, match=r"config\.yaml"):
        roadcue.load(payload)
    assert scoring.main(["--run", str(payload)]) == 2
    for words in (
        ["--config", "config.yaml"],
        ["--config=config.yaml"],
        ["--run_dir", "x", "--config", "config.yaml"],
    ):
        with pytest.raises(SystemExit) as stop:
            train.main(words)
        assert stop.value.code == 2
    assert "config.yaml" in capsys.readouterr().err
    assert "payload" not in sys.modules
    assert not (payload / "it_ran").exists()


@pytest.mark.parametrize("words", [["--field", "payload.yaml"], ["--cue=payload.X"], ["--fiel", "payload.X"]])
def test_no_option_takes_a_class(payload, words, capsys):
    with pytest.raises(SystemExit) as stop:
        train.main(["--encoder", "none", *words])
    assert stop.value.code == 2
    assert "there is no option" in capsys.readouterr().err
    assert not (payload / "it_ran").exists()


def test_the_canary_would_sing(payload):
    import payload as imported

    assert imported.X()
    assert (payload / "it_ran").exists()
    shutil.rmtree(payload / "__pycache__", ignore_errors=True)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("waypoint:\n  class_path: payload.X\n", r"f: waypoint\.class_path asks for code"),
        ("head:\n  class_path: payload.X\n", "f: head holds options, .* of an older RoadCue: train it again"),
        ("a: &x 1\nb: *x\n", "f: line 2: not a file of options .*alias"),
        ("lr: 1\nlr: 2\n", "f: line 2: .*lr stands here again"),
        ("waypoint:\n  knid: x\n", r"f: there is no option --waypoint\.knid"),
        ("head:\n  nmae: x\n", "f: head holds options, .* of an older RoadCue: train it again"),
        ("lr: {a: 1}\n", "f: lr is .* expected a number"),
        ("waypoint: mlp\n", "f: waypoint is 'mlp', not options"),
        ("[", "f: line 1"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text, sentence):
    with pytest.raises(BadInput, match=sentence):
        plain_options(text, TrainConfig, "f")


def test_plain_options_are_taken(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("lr: 1e-2\nhead: field\nfield:\n  hidden: 16\nsweep: []\ncameras: null\n")
    config = parse_file(TrainConfig, path)
    assert (config.lr, config.head, config.sweep, config.cameras) == (0.01, "field", [], None)
    assert config.head_options == {"field": FieldConfig(hidden=16)}


@pytest.mark.parametrize("text", ["", "\n", "# lr: 1\n", "{}\n", "null\n", "---\n"])
def test_an_empty_file_is_said_to_be_empty(text):
    with pytest.raises(BadInput, match=r"^f: the file is empty; "):
        plain_options(text, TrainConfig, "f")


def nullable(config):
    return {name for name, hint in get_type_hints(config).items() if type(None) in get_args(hint)}


@pytest.mark.parametrize("group", [None, *TrainConfig.option_groups()])
def test_null_is_a_value_of_those_options_alone_that_may_be_left_out(group):
    """Whatever else it meets later is code that expects a value."""
    config = TrainConfig.option_groups()[group] if group else TrainConfig
    for option in fields(config):
        text = f"{group}:\n  {option.name}: null\n" if group else f"{option.name}: null\n"
        if option.name in nullable(config):
            plain_options(text, TrainConfig, "f")
        elif option.name not in ("head_options", "plugin"):  # one is no option, one is read apart
            where = f"{group}.{option.name}" if group else option.name
            with pytest.raises(BadInput, match=rf"^f: {where} has no value \(null\)"):
                plain_options(text, TrainConfig, "f")
    assert {"cameras", "lr", "run_dir"} <= nullable(TrainConfig)
    assert "head" not in nullable(TrainConfig)


@pytest.mark.parametrize("text", ["sweep: [null]\n", "plugin: [null]\n", "waypoint: null\n", "head: [waypoint]\n"])
def test_null_and_lists_where_they_mean_nothing(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(BadInput, match=r"config\.yaml"):
        parse_file(TrainConfig, tmp_path / "config.yaml")


@pytest.mark.parametrize("option", ["lr", "weight_decay", "ema", "calibration", "val_fraction"])
@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf"])
def test_a_number_that_is_none_is_refused(tmp_path, option, value):
    (tmp_path / "config.yaml").write_text(f"{option}: {value}\n")
    with pytest.raises(BadInput, match=rf"config\.yaml: .*--{option} "):
        parse_file(TrainConfig, tmp_path / "config.yaml")


@pytest.mark.parametrize("command", ["--config", "run folder"])
def test_a_file_s_plugin_is_not_loaded_though_the_user_has_one_of_that_name(payload, tmp_path, monkeypatch, command):
    """What the user has named is loaded, and afterwards, as in the processes of a sweep, nothing else."""
    theirs, mine = payload / "head.py", tmp_path / "mine" / "head.py"
    mine.parent.mkdir()
    mine.write_text("")
    theirs.write_text(CANARY)
    file = payload / "config.yaml"
    file.write_text(f"plugin: [{theirs}]\nepochs: 3\n")
    if command == "--config":
        config, text = parse(TrainConfig, ["--config", str(file), "--plugin", str(mine)])
        assert str(theirs) not in text
    else:
        config = parse_file(TrainConfig, file, [mine])
    assert (config.plugin, config.epochs) == ([str(mine)], 3)
