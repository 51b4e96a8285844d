"""Fine-tuning the miniature OpenFlamingo on a few drawn pictures: what learns, what stays, going on after a stop."""

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from roadcue.errors import BadInput
from roadcue.models import mini
from roadcue.models.flamingo.loading import Parts, load_whole
from roadcue.models.flamingo.modeling.model import Flamingo
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.write import write_sidewalk
from roadcue.training import trainer as stepwise
from roadcue.training.captions import fine_tuning as flamingo_sft
from roadcue.training.captions.fine_tuning import SftConfig

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
STEPS = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eight pictures to learn from and two others, in SENSATION's files."""
    folder = tmp_path_factory.mktemp("sidewalk") / "drawn"
    write_sidewalk(SidewalkSpec(train=8, val=2, width=128, height=96), folder, workers=1)
    return folder


def config(folder, out, **changes) -> SftConfig:
    place = {"data": "sensation", "data_dir": str(folder), "out": str(out), "device": "cpu", "precision": "fp32"}
    settings = {"epochs": 2, "lr": 1e-3, "warm_up": 2, "text_dropout": 0.3, "checkpoint_every": 1}
    return SftConfig(**place | settings | changes)


@pytest.fixture(scope="module")
def tuned(folder, tmp_path_factory):
    """The folder of a finished run."""
    out = tmp_path_factory.mktemp("tuned")
    flamingo_sft.main(config(folder, out))
    return out


def nats(out) -> list[float]:
    return [float(line.split(": ")[1].split()[0]) for line in out.splitlines() if line.startswith("loss on")]


def test_the_loss_falls(folder, tmp_path, capsys):
    for epochs, lr in ((1, 1e-12), (5, 1e-3)):
        flamingo_sft.main(config(folder, tmp_path / str(epochs), epochs=epochs, lr=lr, text_dropout=0.0, warm_up=0))
    before, after = nats(capsys.readouterr().out)
    assert after < 0.7 * before


def test_only_the_perceiver_the_gated_attention_and_two_rows_have_learnt(tuned):
    before, after = Flamingo.from_pretrained(mini.FLAMINGO), Flamingo.from_pretrained(tuned / "model")
    then, now = before.state_dict(), after.state_dict()
    changed = {name for name in then if not torch.equal(then[name], now[name])}
    tied = "lang_encoder.lm_head.weight"
    assert changed == before.trained_state().keys() | {tied}
    rows = (then[tied] != now[tied]).any(dim=1).nonzero().flatten().tolist()
    assert rows == sorted([before.config.endofchunk_token_id, before.config.image_token_id])


def test_a_checkpoint_holds_what_learns_and_no_more(tuned):
    with safe_open(tuned / "last.safetensors", framework="pt") as file:
        held = {name for name in file.keys() if name.startswith("state_dict.")}  # noqa: SIM118 - not a dict
    learnt = Flamingo.from_pretrained(mini.FLAMINGO).trained_state()
    assert held == {f"state_dict.model.{name}" for name in learnt}


def test_a_stopped_run_goes_on_to_the_same_weights(folder, tuned, tmp_path, monkeypatch):
    class Stop(stepwise.SayProgress):
        def on_train_batch_start(self, trainer, *_):
            if trainer.global_step == STEPS - 1:
                raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(stepwise, "SayProgress", Stop)
        with pytest.raises(KeyboardInterrupt):
            flamingo_sft.main(config(folder, tmp_path))
    flamingo_sft.main(config(folder, tmp_path))
    whole, stopped = (load_file(run / "model/model.safetensors") for run in (tuned, tmp_path))
    assert all(torch.equal(whole[name], stopped[name]) for name in whole)
    with pytest.raises(BadInput, match=r"other options: --lr was 0\.001 and is 0\.01; use another --out"):
        flamingo_sft.main(config(folder, tmp_path, lr=0.01))


def test_the_result_is_a_checkpoint_that_writes(tuned):
    model, tokenizer = load_whole(Parts(str(tuned / "model")))
    pixels = torch.randn(1, 1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    prompt = tokenizer("<image>Output:", return_tensors="pt").input_ids
    written = model.generate(prompt, pixels, max_new_tokens=8, do_sample=False)
    assert written.shape[1] > prompt.shape[1]


def test_the_gates_start_where_they_are_told_to(folder, tmp_path):
    flamingo_sft.main(config(folder, tmp_path, epochs=1, lr=1e-9, gate_init=0.1))
    for block in Flamingo.from_pretrained(tmp_path / "model").lang_encoder.gated:
        torch.testing.assert_close(torch.cat([block.attn_gate, block.ff_gate]), torch.full((2,), 0.1))


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"lr": 0.0}, {"warm_up": -1}, {"text_dropout": 1.0}])
def test_options_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="--"):
        SftConfig(**wrong)
