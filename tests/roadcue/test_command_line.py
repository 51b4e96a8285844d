import os
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from types import SimpleNamespace

import pytest
from main_job import exit_code

from roadcue import train
from roadcue.command_line import override, parse, parse_file, parser_for, run
from roadcue.errors import BadInput
from roadcue.evaluation.config import EvalConfig
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.options_as_text import words_of
from roadcue.training.config import TrainConfig


def test_defaults_need_no_flag():
    config, _ = parse(TrainConfig, [])
    assert config == TrainConfig()


def test_head_is_short_for_its_name_and_keeps_its_options():
    config, _ = parse(TrainConfig, ["--encoder", "smol", "--head", "waypoint", "--waypoint.residual", "ego"])
    assert (config.head, config.head_options["waypoint"].residual) == ("waypoint", "ego")
    assert parse(TrainConfig, ["--head=waypoint"])[0].head == "waypoint"


def test_a_dump_reads_back_and_flags_override_it(tmp_path):
    config, text = parse(TrainConfig, ["--lr", "0.01", "--waypoint.residual", "ego", "--cameras", "FRONT,REAR"])
    path = tmp_path / "config.yaml"
    path.write_text(text)
    assert parse_file(TrainConfig, path) == config
    again, _ = parse(TrainConfig, ["--config", str(path), "--lr", "0.5"])
    assert (again.lr, again.head_options["waypoint"].residual, again.camera_names) == (0.5, "ego", ("FRONT", "REAR"))


def test_the_features_of_an_encoder_are_named_like_the_options_of_a_head(tmp_path):
    config, text = parse(TrainConfig, ["--encoder", "flamingo", "--encoder.features=perceiver"])
    assert (config.encoder, config.encoder_features) == ("flamingo", "perceiver")
    assert override(TrainConfig, text, {"encoder.features": "patches"})[0].encoder_features == "patches"
    path = tmp_path / "config.yaml"
    path.write_text("encoder: smol\n")  # of a run before there was a choice
    assert parse_file(TrainConfig, path).encoder_features == "patches"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--encoder", "smoll"], "--encoder smoll: choose one of smol, flamingo, none; did you mean smol?"),
        (["--waypoint.residul", "ego"], "there is no option --waypoint.residul; did you mean --waypoint.residual?"),
        (["--epochs", "many"], "--epochs many: expected int"),
        (["--epochs", "0"], "--epochs 0: must be at least 1"),
        (["--val_fraction", "1"], "must lie between 0 and 1"),
        (["--config", "/nowhere.yaml"], "/nowhere.yaml"),
        (["--waypoint.dropout", "2"], "dropout"),
        (["--ema", "1"], "--ema 1.0: a decay from 0"),
        (["--seeds", "0"], "--seeds 0: must be at least 1"),
        (["--seed", "-1"], "--seed -1: a whole number from 0 to 4294967295"),
        (["--lr", "1e400"], "--lr inf must be above 0"),
    ],
)
def test_a_wrong_word_is_one_sentence_and_exit_code_2(words, sentence, capsys):
    with pytest.raises(SystemExit) as stop:
        parse(TrainConfig, words)
    assert stop.value.code == 2
    assert sentence in capsys.readouterr().err


def test_a_wrong_word_of_an_option_that_may_be_left_out(capsys):
    with pytest.raises(SystemExit):
        parse(EvalConfig, ["--data", "sidwalk"])
    assert "--data sidwalk: choose one of roadworld, waymo_e2e" in (error := capsys.readouterr().err)
    assert "did you mean sidewalk?" in error
    assert "Union" not in error


def test_every_sweep_counts():
    config, _ = parse(TrainConfig, ["--sweep", "lr=1e-3,1", "--seeds", "3", "--sweep=head=waypoint"])
    assert (config.sweep, config.seeds) == (["lr=1e-3,1", "head=waypoint"], 3)


def test_the_words_of_a_configuration_make_it_again():
    options = {"lr": 0.5, "data_dir": "/a b", "ema": 0.99, "cameras": "FRONT,REAR", "seed": 4}
    config = TrainConfig(head_options={"waypoint": WaypointConfig(normalize=False, residual="none")}, **options)
    assert parse(TrainConfig, words_of(config))[0] == config
    assert words_of(TrainConfig()) == []
    assert "--seed" not in words_of(config, ("seed",))


def test_a_dump_with_other_options():
    _, text = parse(TrainConfig, ["--lr", "0.5", "--sweep", "lr=1,2"])
    config, again = override(TrainConfig, text, {"waypoint.dropout": "0.3", "sweep": "[]"})
    assert (config.lr, config.head_options["waypoint"].dropout, config.sweep) == (0.5, 0.3, [])
    assert "dropout: 0.3" in again
    for settings, sentence in (
        ({"waypoint.drop": "0"}, "there is no option --waypoint.drop"),
        ({"lr": "x"}, "--lr x: expe"),
    ):
        with pytest.raises(BadInput, match=sentence):
            override(TrainConfig, text, settings)


def test_a_run_is_required_for_evaluation(capsys):
    with pytest.raises(SystemExit) as stop:
        parse(EvalConfig, [])
    assert stop.value.code == 2
    assert "run" in capsys.readouterr().err


def test_a_damaged_config_names_its_file(tmp_path):
    path = tmp_path / "config.yaml"
    for text in ("encoder: [", "encoder: nope\n", "no_such_option: 1\n"):
        path.write_text(text)
        with pytest.raises(BadInput, match=r"config\.yaml"):
            parse_file(TrainConfig, path)


def test_errors_that_a_person_can_mend_have_no_traceback(capsys):
    def refuse():
        raise BadInput("the shard is empty")

    def full():
        raise OSError(28, "No space left on device", "/store/features.npy")

    assert run(refuse) == 2
    assert run(full) == 2
    error = capsys.readouterr().err
    assert "error: the shard is empty" in error
    assert "error: /store/features.npy: No space left on device" in error


def test_a_bug_keeps_its_traceback():
    def bug():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(bug)


def test_ctrl_c_is_not_an_error_message_with_a_traceback(capsys):
    def interrupted():
        raise KeyboardInterrupt

    assert run(interrupted) == 130
    assert "goes on" in capsys.readouterr().err


def test_a_worker_that_died_is_a_sentence(capsys):
    def broken():
        raise BrokenProcessPool("A process in the process pool was terminated abruptly")

    assert run(broken) == 2
    assert "worker process has died" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--head", "waypont"], "did you mean waypoint?"),
        (["--data", "waymo_e2e"], "--data_dir"),
        (["--data", "waymo_e2e", "--data_dir", "/nowhere"], "/nowhere"),
        (["--checkpoint", "/nowhere"], "/nowhere"),
        (["--pooling", "cls"], "class token"),
        (["--grid", "99"], "99"),
    ],
)
def test_the_command_says_what_is_wrong(words, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("ROADCUE_CACHE", str(tmp_path))
    assert exit_code(train.main, *words, "--run_dir", tmp_path / "run") == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert "Traceback" not in error


@pytest.mark.parametrize("script", ["train.py", "eval.py", "predict.py"])
def test_help_answers_without_torch(script):
    """torch alone takes longer to import than a person waits for a help text."""
    code = (
        f"import sys, runpy\nsys.argv = [{script!r}, '--help']\n"
        f"try: runpy.run_path({script!r}, run_name='__main__')\nexcept SystemExit: pass\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert "default:" in done.stdout


def test_every_option_is_explained():
    for config in (TrainConfig, EvalConfig):
        for action in parser_for(config)._actions:
            assert action.help, action.option_strings


def test_pictures_are_words_without_a_flag_before_and_behind_the_flags():
    from roadcue.inference.config import PredictConfig

    for words in (["--run", "runs/a", "one.jpg", "two"], ["one.jpg", "two", "--run", "runs/a"]):
        config, _ = parse(PredictConfig, words)
        assert (config.run, config.what) == ("runs/a", ["one.jpg", "two"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--run_dir", "a", "--run_dir", "b"], "--run_dir is given twice, and takes one value"),
        (["--run_dir=a", "--run_dir", "a"], "--run_dir is given twice"),
        (["--waypoint.kind", "mlp", "--waypoint.kind=mlp"], "--waypoint.kind is given twice"),
        (["--encoder_features", "patches", "--encoder.features", "patches"], "--encoder.features is given twice"),
        (["--config", "a", "--config", "b"], "--config is given twice, a and b"),
    ],
)
def test_an_option_that_takes_one_value_is_given_once(words, sentence, capsys):
    with pytest.raises(SystemExit) as stop:
        parse(TrainConfig, words)
    assert stop.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--head", "field", "--waypoint.kind", "mlp", "--waypoint.loss", "rater"],
            "--waypoint.kind, --waypoint.loss: of the waypoint head, which --head field does not train; leave it out",
        ),
        (["--cue.coverage", "0.8"], "--cue.coverage: of the cue head, which --head waypoint does not train"),
        (["--caption.target", "caption"], "--caption.target: of the caption head, which --head waypoint does not"),
        (["--head", "caption", "--field.hidden", "8"], "--field.hidden: of the field head, which --head caption"),
    ],
)
def test_an_option_of_a_head_that_is_not_trained_is_refused(words, sentence, capsys):
    with pytest.raises(SystemExit) as stop:
        parse(TrainConfig, words)
    assert stop.value.code == 2
    assert sentence in capsys.readouterr().err


def test_a_plugin_and_a_sweep_are_given_as_often_as_there_are(tmp_path):
    files = [tmp_path / "one.py", tmp_path / "two.py"]
    for file in files:
        file.write_text("")
    words = [word for file in files for word in ("--plugin", str(file))]
    config, _ = parse(TrainConfig, [*words, "--sweep", "lr=1,2", "--sweep", "seed=1"])
    assert (config.plugin, config.sweep) == ([str(file) for file in files], ["lr=1,2", "seed=1"])


_HUGE = "1" + "0" * 30


@pytest.mark.parametrize(
    ("words", "bound"),
    [
        (["--grid", "100000"], "--grid 100000: must be at most 64; that is 4096 vectors"),
        (["--field.layers", "1000000"], "layers must be at most 32, got 1000000"),
        (["--waypoint.hidden", "1000000"], "hidden must be at most 8192 units, got 1000000"),
        (["--waypoint.modes", "1000000"], "modes must be at most 256"),
        (["--waypoint.anchors", "1000000"], "anchors must be at most 65536"),
        (["--workers", "1000000"], "--workers 1000000: must be at most 1024; each is a process"),
        *(
            ([f"--{name}", _HUGE], f"--{name} {_HUGE}: must be at most")
            for name in ("grid", "encode_batch", "batch_size", "epochs", "warm_up", "seeds", "frame_stride")
        ),
        (["--past_frames", _HUGE], "each from 1 to 1000000"),
    ],
)
def test_an_absurd_size_is_refused_before_memory_is_asked_for(words, bound, capsys):
    with pytest.raises(SystemExit) as stop:
        parse(TrainConfig, words)
    assert stop.value.code == 2
    assert bound in capsys.readouterr().err


@pytest.mark.parametrize("words", [("--resamples", _HUGE), ("--seed", "-1"), ("--seed", _HUGE)])
def test_an_absurd_number_of_evaluation(words, capsys):
    with pytest.raises(SystemExit) as stop:
        parse(EvalConfig, ["--run", "x", *words])
    assert stop.value.code == 2
    assert " ".join(words) in capsys.readouterr().err


@pytest.mark.parametrize(("code", "exit_code"), [("raise KeyboardInterrupt", 130), ("raise SystemExit(0)", 2)])
def test_a_plugin_that_is_stopped_or_ends_the_program(tmp_path, capsys, code, exit_code):
    (tmp_path / "mine.py").write_text(code)
    for _ in range(2):  # what was half imported is not taken for a plugin the next time
        with pytest.raises(SystemExit) as stop:
            parse(TrainConfig, ["--plugin", str(tmp_path / "mine.py")])
        assert stop.value.code == exit_code
        error = capsys.readouterr().err
        assert error.startswith("error: stopped\n" if exit_code == 130 else "error: --plugin ")


@pytest.mark.parametrize("lines", [1, 100_000])  # met at the end, and while it writes
def test_a_reader_that_has_gone_ends_a_command_quietly(monkeypatch, capfd, lines):
    read, write = os.pipe()
    os.close(read)
    with open(write, "w") as pipe, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", pipe)
        assert run(lambda: print("line\n" * lines)) == 141
    assert capfd.readouterr().err == ""


def test_a_command_without_an_output(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert run(lambda: print("nobody reads this")) == 0


@pytest.mark.parametrize("name", ["training.extraction", "training.miniatures"])
def test_help_names_the_command_as_it_is_typed(name, monkeypatch, capsys):
    module = sys.modules["__main__"]
    spec = SimpleNamespace(name=f"roadcue.{name}" + (".__main__" if name.endswith("miniatures") else ""))
    monkeypatch.setattr(module, "__spec__", spec)
    assert parser_for(TrainConfig).format_usage().startswith(f"usage: python -m roadcue.{name} [")
    monkeypatch.setattr(module, "__spec__", None)
    for typed, said in (
        ("train.py", "python train.py"),
        ("/a b/train.py", "python '/a b/train.py'"),
        ("/usr/bin/roadcue-train", "roadcue-train"),
    ):
        monkeypatch.setattr(sys, "argv", [typed, "--help"])
        assert parser_for(TrainConfig).format_usage().startswith(f"usage: {said} [")
        with pytest.raises(SystemExit):
            parse(TrainConfig, ["--epo", "3"])
        message = f"error: there is no option --epo; did you mean --epochs?\nAll options: {said} --help\n"
        assert capsys.readouterr().err == message
