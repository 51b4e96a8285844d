"""Fine-tuning the miniature OpenFlamingo on a few drawn pictures: what learns, what stays, going on after a stop."""

import csv
import json
import re
import shutil
from dataclasses import replace

import pytest
import torch
from drawn_walks import drawn_walks
from safetensors import safe_open
from safetensors.torch import load_file

from roadcue import train
from roadcue.errors import BadInput, BadRecord
from roadcue.loaders.sensation.dataset import Sensation
from roadcue.models import mini
from roadcue.models.flamingo.loading import FlamingoFiles, load_whole
from roadcue.models.flamingo.modeling.model import Flamingo
from roadcue.options_as_text import as_yaml
from roadcue.training import trainer
from roadcue.training.build import open_split
from roadcue.training.captions.config import CaptionOptions
from roadcue.training.captions.fine_tuning import train_captions
from roadcue.training.captions.module import CaptionModule
from roadcue.training.config import TrainConfig
from roadcue.training.run_folder import RunFolder

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
STEPS = 4


@pytest.fixture(scope="module", autouse=True)
def _gentle(one_thread):
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eight pictures to learn from and two others, in SENSATION's files."""
    return drawn_walks(tmp_path_factory, train=8, val=2)


def config(folder, run_dir, caption=None, **changes) -> TrainConfig:
    place = {"data": "sensation", "data_dir": str(folder), "run_dir": str(run_dir), "device": "cpu"}
    what = {"encoder": "flamingo", "head": "caption", "precision": "fp32", "workers": 0}
    settings = {"epochs": 2, "lr": 1e-3, "warm_up": 2, "checkpoint_every": 1}
    options = {"caption": CaptionOptions(**{"text_dropout": 0.3, **(caption or {})})}
    return TrainConfig(**place | what | settings | {"head_options": options} | changes)


def fine_tune(config) -> RunFolder:
    train_captions(config, as_yaml(config))
    return RunFolder.of(config.run_dir)


@pytest.fixture(scope="module")
def tuned(folder, tmp_path_factory):
    """A finished run, by the command."""
    run = tmp_path_factory.mktemp("tuned") / "run"
    words = ["--encoder", "flamingo", "--head", "caption", "--data", "sensation", "--data_dir", str(folder)]
    words += ["--run_dir", str(run), "--device", "cpu", "--precision", "fp32", "--workers", "0", "--epochs", "2"]
    words += ["--lr", "1e-3", "--warm_up", "2", "--checkpoint_every", "1", "--caption.text_dropout", "0.3"]
    assert train.main(words) == 0
    return RunFolder.of(run)


def stopping_at(step: int) -> type[trainer.SayProgress]:
    """What stops a training before that step."""

    class Stop(trainer.SayProgress):
        def on_train_batch_start(self, trainer, *_):
            if trainer.global_step == step:
                raise KeyboardInterrupt

    return Stop


def logged(run: RunFolder, name: str) -> list[float]:
    """A column of the run's CSV log, where it has a value."""
    lines = [line for file in sorted(run.logs.glob("*/metrics.csv")) for line in csv.DictReader(file.open())]
    return [float(line[name]) for line in lines if line.get(name)]


def test_the_loss_falls(folder, tmp_path):
    losses = []
    for epochs, lr in ((1, 1e-12), (5, 1e-3)):
        options = {"text_dropout": 0.0, "target": "json"}  # a form that the miniature does not know
        given = config(folder, tmp_path / str(epochs), options, epochs=epochs, lr=lr, warm_up=0)
        losses.append(logged(fine_tune(given), "val/loss"))
    (before,), after = losses
    assert len(after) == 5, "measured after every epoch"
    assert after[-1] < 0.7 * before


def test_a_run_leaves_what_a_run_of_heads_leaves(tuned):
    assert len(logged(tuned, "val/loss")) == 2
    assert len(logged(tuned, "train/loss")) == STEPS
    assert list(tuned.logs.glob("events*"))
    facts = tuned.read_facts()
    assert facts["rows"] == {"train": 8, "val": 2}
    assert facts["skipped"] == 0
    assert "miniature" in facts["captioner"]
    assert {"roadcue", "python", "torch"} <= facts["versions"].keys()


def test_only_the_perceiver_the_gated_attention_and_two_rows_have_learnt(tuned):
    before, after = Flamingo.from_pretrained(mini.FLAMINGO), Flamingo.from_pretrained(tuned.model)
    then, now = before.state_dict(), after.state_dict()
    changed = {name for name in then if not torch.equal(then[name], now[name])}
    tied = "lang_encoder.lm_head.weight"
    assert changed == before.trained_state().keys() | {tied}
    rows = (then[tied] != now[tied]).any(dim=1).nonzero().flatten().tolist()
    assert rows == sorted([before.config.endofchunk_token_id, before.config.image_token_id])


def test_a_checkpoint_holds_what_learns_and_no_more(tuned):
    with safe_open(tuned.last, framework="pt") as file:
        held = {name for name in file.keys() if name.startswith("state_dict.")}  # noqa: SIM118 - not a dict
    learnt = Flamingo.from_pretrained(mini.FLAMINGO).trained_state()
    assert held == {f"state_dict.captioner.model.{name}" for name in learnt}


def test_a_stopped_run_goes_on_to_the_same_weights(folder, tuned, tmp_path, monkeypatch):
    """Stopped with pictures decoded ahead, and gone on with them too: the finished run decoded them in the loop."""
    given = config(folder, tmp_path, workers=2)

    with monkeypatch.context() as patched:
        patched.setattr(trainer, "SayProgress", stopping_at(STEPS - 1))
        with pytest.raises(KeyboardInterrupt):
            fine_tune(given)
    with pytest.raises(BadInput, match=r"other options: --lr 0\.01, and the run has 0\.001; use another --run_dir"):
        fine_tune(replace(given, lr=0.01, resume="auto"))
    steps, step = [], CaptionModule.training_step
    monkeypatch.setattr(CaptionModule, "training_step", lambda *a: steps.append(1) or step(*a))
    stopped = fine_tune(replace(given, resume="auto"))
    assert len(steps) == 1
    one, other = (load_file(run.model / "model.safetensors") for run in (tuned, stopped))
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("encoder", ["smol", "flamingo"])
def test_a_mixture_goes_on_after_a_stop_to_the_same_weights_and_says_what_it_writes(
    folder, tmp_path, capsys, monkeypatch, encoder
):
    options = {"navigation": 0.3, "few_shot": 0.5, "weather": 0.5, "val_texts": 2}
    given = config(folder, tmp_path / "whole", options, encoder=encoder, batch_size=3)
    whole = fine_tune(given)
    out = capsys.readouterr().out
    assert out.count("\nprompt: ") == out.count("\nlearnt is what stands between [[ and ]]: ...") == 1
    assert (
        len(re.findall(r"epoch \d/2  val loss \d\.\d+ nats per token, F1 \d\.\d+ of the claims in 2 texts", out)) == 2
    )
    assert len(logged(whole, "val/claims_f1")) == 2
    assert whole.read_facts()["texts"]["train"] == {"without": 0, "too_long": 0, "refused": 0, "cleaned": 0}
    stopped = tmp_path / "stopped"
    with monkeypatch.context() as patched:
        patched.setattr(trainer, "SayProgress", stopping_at(4))
        with pytest.raises(KeyboardInterrupt):
            fine_tune(replace(given, run_dir=str(stopped)))
    gone_on = fine_tune(replace(given, run_dir=str(stopped), resume="auto"))
    one, other = (load_file(run.model / "model.safetensors") for run in (whole, gone_on))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_finished_run_is_left_alone_and_none_is_overwritten(folder, tuned, capsys):
    fine_tune(config(folder, tuned.path, resume="auto"))
    assert "is finished" in capsys.readouterr().out
    with pytest.raises(BadInput, match="--resume auto"):
        fine_tune(config(folder, tuned.path))
    with pytest.raises(BadInput, match=r"other options: --lr 0\.01, and the run has"):
        fine_tune(config(folder, tuned.path, lr=0.01, resume="auto"))


def test_a_finished_run_whose_texts_have_changed_is_not_said_to_be_finished(folder, tuned, monkeypatch):
    targets = Sensation.targets
    monkeypatch.setattr(Sensation, "targets", lambda *a: replace(targets(*a), bvpi=f"{targets(*a).bvpi} Else."))
    with pytest.raises(BadInput, match="is finished, and the training data have changed since"):
        fine_tune(config(folder, tuned.path, resume="auto"))


def test_targets_are_part_of_a_caption_runs_identity(folder, tuned, tmp_path, monkeypatch):
    stopped = shutil.copytree(tuned.path, tmp_path / "run")
    (stopped / "run.json").unlink()
    targets = Sensation.targets
    monkeypatch.setattr(Sensation, "targets", lambda *a: replace(targets(*a), bvpi=f"{targets(*a).bvpi} Else."))
    with pytest.raises(BadInput, match="has changed since the checkpoint: bvpi texts; put it back as it was"):
        fine_tune(config(folder, stopped, resume="auto"))


def test_a_caption_run_is_the_same_where_its_data_lie_elsewhere(folder, tuned, tmp_path, capsys):
    copied = shutil.copytree(folder, tmp_path / "scratch", copy_function=shutil.copyfile)
    places = {"device": "auto", "workers": 3, "store_dir": str(tmp_path / "stores"), "encode_batch": 3}
    fine_tune(config(copied, tuned.path, resume="auto", **places))
    assert "is finished; nothing left to train" in capsys.readouterr().out


def test_a_picture_that_does_not_decode_is_left_out_before_the_loop_and_counted(folder, tmp_path, monkeypatch):
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    given = config(data, tmp_path / "run", epochs=1)
    name = f"{open_split(given, 'train').states.id[3]}.jpg"
    (picture,) = data.rglob(name)
    picture.write_bytes(picture.read_bytes()[:40])
    with monkeypatch.context() as patched:
        patched.setattr(CaptionModule, "training_step", lambda *_: pytest.fail("the training has begun"))
        with pytest.raises(BadRecord, match="--on_bad_record skip leaves such pictures out and counts them"):
            fine_tune(given)
    run = fine_tune(replace(given, on_bad_record="skip"))
    facts = json.loads(run.facts.read_text())
    assert facts["skipped"] == 1
    assert facts["rows"] == {"train": 7, "val": 2}


def test_the_result_is_a_checkpoint_that_writes(tuned):
    model, tokenizer = load_whole(FlamingoFiles(str(tuned.model)))
    pixels = torch.randn(1, 1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    prompt = tokenizer("<image>Output:", return_tensors="pt").input_ids
    written = model.generate(prompt, pixels, max_new_tokens=8, do_sample=False)
    assert written.shape[1] > prompt.shape[1]


def test_the_gates_start_where_they_are_told_to(folder, tmp_path):
    run = fine_tune(config(folder, tmp_path, {"gate_init": 0.1}, epochs=1, lr=1e-9))
    for block in Flamingo.from_pretrained(run.model).lang_encoder.gated:
        torch.testing.assert_close(torch.cat([block.attn_gate, block.ff_gate]), torch.full((2,), 0.1))


@pytest.mark.parametrize("wrong", [{"epochs": -1}, {"lr": 0.0}, {"warm_up": -1}, {"head": "caption,cue"}])
def test_options_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="--"):
        TrainConfig(**{"head": "caption", "encoder": "flamingo", **wrong})


@pytest.mark.parametrize(
    "wrong", [{"text_dropout": 1.0}, {"navigation": 1.1}, {"few_shot": -0.1}, {"weather": 30.0}, {"val_texts": -1}]
)
def test_a_share_that_is_none_is_refused_with_its_option(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=rf"--caption\.{name} "):
        CaptionOptions(**wrong)


def test_what_is_not_given_is_as_document_000_fine_tunes():
    given = TrainConfig(head="caption", encoder="flamingo")
    assert (given.epochs, given.batch_size, given.lr, given.warm_up) == (10, 4, 2e-5, 100)
    assert (given.weight_decay, given.precision) == (0.1, "bf16")
    heads = TrainConfig()
    assert (heads.epochs, heads.batch_size, heads.lr, heads.warm_up) == (20, 256, 1e-3, 0)
    assert (heads.weight_decay, heads.precision) == (1e-4, "fp32")
