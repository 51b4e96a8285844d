"""One step of heads and their encoder: the gradient, and at which rate what learns."""

import numpy as np
import pytest
import torch
from drawn import DrawnDataset
from tiny_smol import write_tiny_smol

from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.models.adapters import adapter_parameters
from roadcue.models.learning_encoder import checkpoint_blocks, let_adapter_learn
from roadcue.models.registry import build_encoder
from roadcue.training.config import TrainConfig
from roadcue.training.heads.batches import StoredSplit, labels_of
from roadcue.training.heads.fitting import build_model
from roadcue.training.stage_two.config import LoraOptions
from roadcue.training.stage_two.module import PicturesModule
from roadcue.training.stage_two.pictures import PictureSplit

ROWS, CAMERAS = 7, ("FRONT", "REAR")


def config(folder, **options):
    groups = {"waypoint": WaypointConfig(kind="linear", residual="none"), "lora": LoraOptions(rank=4)}
    given = {"head": "waypoint,field", "stage": "lora", "from_run": "one", "grid": 2, "cameras": "FRONT,REAR"}
    return TrainConfig(head_options=groups, checkpoint=str(folder), **{**given, **options})


@pytest.fixture(scope="module")
def tower(tmp_path_factory):
    return write_tiny_smol(tmp_path_factory.mktemp("tower"))


def module_of(options):
    """A module whose adapter has moved, and a batch with rows that lack a camera, a future or labels."""
    torch.manual_seed(0)
    encoder = build_encoder("smol", checkpoint=options.checkpoint)
    model = build_model(options, encoder)
    data = DrawnDataset("train", sequences=3, frames=4, without_rear=(1, 2), no_future=(4,))
    split = StoredSplit.of(data, None, labels=labels_of(data, model.heads.values()))
    pictures = PictureSplit.of(split, encoder, CAMERAS, CAMERAS)
    batch = pictures.batch(np.arange(ROWS))
    let_adapter_learn(encoder, {**options.lora.settings, "dropout": 0.0})
    for weight in adapter_parameters(encoder.tower).values():
        torch.nn.init.normal_(weight, std=0.1)
    module = PicturesModule(model, encoder, options, steps=1)
    stored = module.encoded(batch)
    stored["stored"] = stored["stored"].detach()
    model.fit([stored])
    return module.train(), batch


def gradients(module, batch):
    module.zero_grad()
    stored = module.encoded(batch)
    torch.manual_seed(0)  # the heads have dropout
    sum(module.losses(module.model(stored), stored["targets"]).values()).backward()
    return {name: weight.grad.clone() for name, weight in module.named_parameters() if weight.grad is not None}


@pytest.mark.parametrize(("parts", "checkpointing"), [(3, False), (2, True), (20, False)])
def test_pictures_encoded_in_parts_give_the_gradient_of_all_at_once(tower, parts, checkpointing, monkeypatch):
    module, batch = module_of(config(tower))
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)  # sums in another order differ by 1e-12 then
    module.double()
    batch = {**batch, "past": batch["past"].double()}
    batch["targets"] = {
        name: one.double() if one.is_floating_point() else one for name, one in batch["targets"].items()
    }
    whole = gradients(module, batch)
    assert sum("lora_A" in name for name in whole) == 12
    module.config = config(tower, accumulate=parts)
    if checkpointing:
        checkpoint_blocks(module.encoder.tower)
    again = gradients(module, batch)
    assert again.keys() == whole.keys()
    for name, gradient in whole.items():
        assert gradient.dtype == torch.float64
        torch.testing.assert_close(again[name], gradient, rtol=1e-9, atol=1e-12)


def test_the_encoder_learns_at_a_share_of_the_rate(tower):
    module, _ = module_of(config(tower, lr=0.5, encoder_lr=0.2))
    heads, encoder = module.configure_optimizers()["optimizer"].param_groups
    assert (heads["lr"], encoder["lr"]) == (0.5, 0.1)
    assert set(encoder["params"]) == set(adapter_parameters(module.encoder).values())
    assert module.encoder.training
    assert not module.eval().encoder.training


def test_a_frozen_encoder_stays_out_of_it(tower):
    options = config(tower)
    encoder = build_encoder("smol", checkpoint=options.checkpoint)
    module = PicturesModule(build_model(options, encoder), encoder, options, steps=1).train()
    assert len(module.parameter_groups()) == 1
    assert not any(part.training for part in module.encoder.modules())
