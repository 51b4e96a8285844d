"""The miniature's recipe at the smallest size: it runs, stops, goes on, and ends as a checkpoint that loads."""

import pytest
import torch
from safetensors.torch import load_file

from loaders.errors import BadInput
from models.smol import SmolEncoder
from training.pretrain_mini import __main__ as recipe
from training.pretrain_mini.config import PretrainConfig

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Where the pictures of this file's runs are kept: the first run draws them."""
    return tmp_path_factory.mktemp("drawn")


def config(drawn, out, **changes):
    settings = {"drives": 2, "stride": 50, "walks": 2, "epochs": 2, "batch_size": 4, "captioned": 2, "workers": 1}
    return PretrainConfig(**settings | changes, drawn=str(drawn), out=str(out), checkpoint_every=1, device="cpu")


def test_a_stopped_run_goes_on_to_the_same_weights(drawn, tmp_path, monkeypatch):
    recipe.main(config(drawn, tmp_path / "whole"))

    class Stop(recipe._SayProgress):
        def on_train_batch_start(self, trainer, *_):
            if trainer.global_step == 2:
                raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(recipe, "_SayProgress", Stop)
        with pytest.raises(KeyboardInterrupt):
            recipe.main(config(drawn, tmp_path / "stopped"))
    recipe.main(config(drawn, tmp_path / "stopped"))
    whole, stopped = (load_file(tmp_path / name / "smol/model.safetensors") for name in ("whole", "stopped"))
    assert all(torch.equal(whole[key], stopped[key]) for key in whole)
    with pytest.raises(BadInput, match=r"other options: --lr was 0\.001 and is 0\.01; use another --out"):
        recipe.main(config(drawn, tmp_path / "stopped", lr=0.01))


def test_the_checkpoint_loads_by_the_path_of_the_published_one(drawn, tmp_path):
    recipe.main(config(drawn, tmp_path))
    encoder = SmolEncoder.from_pretrained(tmp_path / "smol", origin="test")
    tokens = encoder.encode(torch.zeros(1, 3, 224, 224, dtype=torch.uint8))
    assert tokens.shape == (1, 14, 14, encoder.width)
    assert tokens.isfinite().all()
    card = (tmp_path / "smol/README.md").read_text()
    assert "It has seen nothing but drawn pictures" in card
    assert "| caption, nats per token |" in card
