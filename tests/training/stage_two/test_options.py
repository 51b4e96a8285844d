"""Options of stage two: what is taken over from the run of `--from`, and what cannot be asked for."""

import pytest

from roadcue.command_line import override, parse
from roadcue.errors import BadInput
from roadcue.options_as_text import as_yaml
from roadcue.training.config import TrainConfig
from roadcue.training.stage_two.config import LoraOptions
from roadcue.training.stage_two.earlier_run import options_of_run, taken_over

STAGE_ONE = ["--head", "waypoint,cue", "--cameras", "FRONT,REAR", "--grid", "2", "--lr", "0.5", "--seed", "7"]
STAGE_ONE += ["--waypoint.kind", "linear", "--past_frames", "20", "--epochs", "3", "--precision", "bf16"]


@pytest.fixture
def stage_one(tmp_path):
    """The folder of a finished run, without its weights."""
    folder = tmp_path / "one"
    (folder / "model").mkdir(parents=True)
    (folder / "config.yaml").write_text(parse(TrainConfig, STAGE_ONE)[1])
    (folder / "run.json").write_text("{}")
    return folder


def test_a_run_goes_on_with_the_options_of_the_earlier_one(stage_one):
    config, text = parse(TrainConfig, ["--stage", "lora", "--from", str(stage_one), "--lora.rank=4", "--epochs", "2"])
    assert (config.head, config.cameras, config.grid, config.past_frames) == ("waypoint,cue", "FRONT,REAR", 2, "20")
    assert (config.head_options["waypoint"].kind, config.seed, config.precision) == ("linear", 7, "bf16")
    assert (config.epochs, config.batch_size, config.lr) == (2, 16, 1e-3)
    assert config.lora == LoraOptions(rank=4, scope="vision")
    assert config.lora.settings["alpha"] == 8
    folder, earlier = taken_over(config)
    assert (folder.path, earlier.lr) == (stage_one, 0.5)
    assert override(TrainConfig, text, {"lora.last": "1"})[0].lora.last == 1
    assert parse(TrainConfig, [f"--from={stage_one}"])[0].run_name == "roadworld-smol-waypoint+cue-longer"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--grid", "4"], "--grid 4, and the run has 2"),
        (["--waypoint.kind", "mlp"], "--waypoint.kind mlp, and the run has linear"),
        (["--cameras", "FRONT"], "--cameras FRONT, and the run has FRONT,REAR"),
        (["--encoder", "none"], "has no encoder, so there is no picture to learn from"),
        (["--compile"], "--compile is of features that are stored once"),
        (["--dry_run"], "--dry_run is of features that are stored once"),
    ],
)
def test_what_is_learnt_from_cannot_be_other(words, sentence, stage_one):
    config, _ = parse(TrainConfig, ["--stage", "full", "--from", str(stage_one), *words])
    with pytest.raises(BadInput, match=sentence):
        taken_over(config)


def test_a_stage_two_is_no_beginning(stage_one, tmp_path):
    config, text = parse(TrainConfig, ["--stage", "full", "--from", str(stage_one)])
    (stage_one / "config.yaml").write_text(text)
    with pytest.raises(BadInput, match=f"is a stage two itself .*began with, {stage_one}"):
        taken_over(config)


def test_a_run_that_is_not_finished_is_no_beginning(stage_one, capsys):
    (stage_one / "run.json").unlink()
    assert _refused(["--stage", "lora", "--from", str(stage_one)], capsys).startswith(
        f"error: --from {stage_one}: is no finished run (run.json is missing)"
    )
    assert "no run here" in _refused(["--stage", "lora", "--from", str(stage_one.parent)], capsys)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--stage", "lora"], "--stage lora goes on from a finished run of heads; name it: --from runs/..."),
        (["--stage", "full"], "--stage full goes on from a finished run"),
        (["--lora.rank", "8"], "--lora.rank: of --stage lora; add it"),
        (["--head", "caption", "--lora.rank", "8"], "--lora.rank: of --stage lora; add it"),
        (["--accumulate", "2"], "--accumulate: is of an encoder that learns"),
        (["--augment", "0.5"], "--augment: is of pictures that are encoded in every step"),
        (["--quantize", "nf4"], "--quantize nf4: is of language models"),
        (["--head", "caption", "--accumulate", "0"], "--accumulate 0: must be at least 1"),
        (["--head", "caption", "--encoder_lr", "0"], "--encoder_lr 0.0: a factor above 0"),
        (["--head", "caption", "--stage", "lora", "--lora.rank", "0"], "--lora.rank 0: a whole number from 1"),
        (["--head", "caption", "--stage", "lora", "--lora.last", "few"], "--lora.last few: expected int or all"),
        (["--head", "caption", "--stage", "lora", "--lora.last", "0"], "--lora.last 0: how many blocks"),
        (["--head", "caption", "--stage", "lora", "--lora.dropout", "1"], "--lora.dropout 1.0: a share from 0"),
        (["--head", "caption", "--stage", "lora", "--lora.alpha", "0"], "--lora.alpha 0.0: must be above 0"),
    ],
)
def test_what_fits_no_run_is_a_sentence(words, sentence, capsys):
    assert sentence in _refused(words, capsys)


def test_a_perceiver_behind_the_tower_is_refused_before_the_training():
    with pytest.raises(ValueError, match="--stage full: is of CLIP's patches"):
        TrainConfig(stage="full", from_run="runs/one", encoder="flamingo", encoder_features="perceiver")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--lora.scope", "text"], "--lora.scope text: no gradient of a head reaches the text"),
        (["--lora.scope", "both"], "--lora.scope both: no gradient of a head reaches the text"),
    ],
)
def test_what_no_lora_of_heads_can_do_is_a_sentence(words, sentence, stage_one, capsys):
    assert sentence in _refused(["--stage", "lora", "--from", str(stage_one), *words], capsys)


def test_captions_adapt_their_language_model():
    config, _ = parse(TrainConfig, ["--head", "caption", "--stage", "lora"])
    assert config.lora.scope == "text"
    assert "lora" not in as_yaml(TrainConfig())


def _refused(words, capsys):
    with pytest.raises(SystemExit) as stop:
        parse(TrainConfig, words)
    assert stop.value.code == 2
    return capsys.readouterr().err


def test_the_place_of_the_data_is_taken_over(stage_one):
    (stage_one / "config.yaml").write_text(f"{(stage_one / 'config.yaml').read_text()}\ndata_dir: there/walks\n")
    assert options_of_run(str(stage_one), ())["data_dir"] == "there/walks"
