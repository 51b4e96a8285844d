"""What holds for every encoder with every head, on the miniature weights and drawn pictures."""

import copy
import hashlib
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn import DrawnDataset

from roadcue.heads import registry as heads
from roadcue.heads.cue.config import CueConfig
from roadcue.heads.field.config import FieldConfig
from roadcue.heads.field.labels import no_fields
from roadcue.heads.multi_head import MultiHeadModel
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.heads.waypoint.head import DECODERS
from roadcue.loaders import picture_file
from roadcue.models import registry as models
from roadcue.models.pooling import pool_tokens
from roadcue.schema import HeadTargets
from roadcue.training.build import build_run_encoder
from roadcue.training.config import TrainConfig
from roadcue.training.extraction import stored_split
from roadcue.training.heads.batches import labels_of
from roadcue.training.heads.fitting import build_model, fit_by_gradient
from roadcue.training.heads.module import HeadsModule
from roadcue.training.run_folder import RunFolder
from roadcue.training.trainer import KeepLast

POOLINGS = {
    ("smol", "waypoint"): ("mean", "grid", "attention"),
    ("smol", "field"): ("attention",),
    ("smol", "cue"): ("attention",),
    **{("flamingo", head): ("grid",) for head in heads.HEADS},
    **{("none", head): ("mean",) for head in heads.HEADS},
}
"""What pools an encoder's patches knows nothing of the encoder, and to a head poolings are but more or fewer vectors:
one pair goes through all."""
DEFAULT = WaypointConfig().kind
EARLIER = "attention with earlier frames"
PAIRS = [
    (encoder, head, pooling, DEFAULT)
    for encoder, head in product(models.ENCODERS, heads.HEADS)
    for pooling in POOLINGS[encoder, head]
]
PAIRS += [("smol", "waypoint", "grid", kind) for kind in DECODERS if kind != DEFAULT]
PAIRS.append(("smol", "waypoint", EARLIER, DEFAULT))  # to any head they are but more vectors
PAIRS.append(("smol", "waypoint,field,cue", "grid", DEFAULT))


@pytest.fixture(scope="session")
def features(tmp_path_factory):
    """One folder of feature stores: the same pictures are encoded once."""
    return tmp_path_factory.mktemp("features")


@pytest.fixture(params=PAIRS, ids="-".join)
def parts(request, features):
    """Config, encoder, training split and fitted model of one pair."""
    encoder_name, head, pooling, kind = request.param
    small = {
        "waypoint": WaypointConfig(kind, hidden=32, residual="none", modes=3, anchors=16, past_dropout=0.25),
        "field": FieldConfig(hidden=16),
        "cue": CueConfig(hidden=16),
    }
    config = TrainConfig(
        encoder=encoder_name,
        head=head,
        head_options={name: options for name, options in small.items() if name in head.split(",")},
        pooling=pooling.split()[0],
        past_frames="1,3" if pooling == EARLIER else None,
        grid=2,
        cameras="FRONT,REAR",
        missing_camera="learned",
        epochs=2,
        batch_size=8,
        workers=0,
        store_dir=str(features),
    )
    encoder = build_run_encoder(config)
    torch.manual_seed(0)
    model = build_model(config, encoder)
    data = DrawnDataset(sequences=2, without_rear={4}, no_future={7})
    split = stored_split(
        data, encoder, config, frames_back=config.frames_back, labels=labels_of(data, model.heads.values())
    )
    model.fit(split.learnable(model).batches())
    return config, encoder, split, model


def digest(tensors):
    return hashlib.sha256(b"".join(tensor.detach().numpy().tobytes() for tensor in tensors)).hexdigest()


def test_shapes_and_finite_losses(parts):
    _, _, split, model = parts
    batch = split.batch(np.arange(10))
    for name, prediction in model(batch).items():
        for key, part in prediction.items():
            assert len(part) == 10, (name, key)
            assert torch.isfinite(part).all(), (name, key)
        if "waypoints" in prediction:
            assert prediction["waypoints"].shape == (10, 20, 2), name
        for key in prediction:
            if key in ("position_probabilities", "cue_probabilities"):
                torch.testing.assert_close(prediction[key].sum(dim=2), torch.ones(10, 2))
        if "modes" in prediction:
            modes, probabilities = prediction["modes"], prediction["mode_probabilities"]
            assert modes.shape == (*probabilities.shape, 20, 2), name
            assert torch.equal(modes[:, 0], prediction["waypoints"]), name
            torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(10))
        if any(True for _ in model.heads[name].parameters()):
            loss = model.heads[name].loss(prediction, batch["targets"])["loss"]
            assert torch.isfinite(loss)
            assert loss > 0


def test_without_any_target_the_loss_is_nothing_and_still_has_a_graph(parts):
    _, _, split, model = parts
    batch = split.batch(np.arange(10))
    positions, objects = no_fields(10)
    nothing = HeadTargets(
        future=torch.full_like(batch["targets"]["future"], torch.nan), positions=positions, objects=objects
    )
    for name, prediction in model(batch).items():
        assert not model.heads[name].known(nothing).any(), name
        if any(True for _ in model.heads[name].parameters()):
            loss = model.heads[name].loss(prediction, nothing)["loss"]
            loss.backward(retain_graph=True)
            assert loss == 0, name
            assert not any(parameter.grad.any() for parameter in model.heads[name].parameters()), name


def test_calibrating_changes_no_weight(parts):
    _, _, split, model = parts
    before = digest(model.parameters())
    batch = split.batch(np.arange(10))
    plain = model.eval()(batch)
    known = split.learnable(model)
    model.calibrate(known.batches(), np.arange(len(known)))  # as many sequences as rows, so that sets change
    assert digest(model.parameters()) == before
    for name, prediction in model(batch).items():
        changed = {key for key, part in prediction.items() if not torch.equal(part, plain[name][key])}
        assert changed <= {key for key in prediction if key.endswith(("_probabilities", "_sets"))}, name
        assert bool(changed) == (model.heads[name].calibrated), name


def test_a_batch_is_not_changed(parts):
    config, _, split, model = parts
    batch = split.batch(np.arange(10))
    before = copy.deepcopy(batch)
    HeadsModule(model, lr=config.lr, weight_decay=0, steps=1).losses(model(batch), batch["targets"])
    for now, then in ((batch, before), (batch["targets"], before["targets"])):
        assert now.keys() == then.keys()
        for name in now.keys() - {"targets"}:
            assert torch.equal(now[name].nan_to_num(7e7), then[name].nan_to_num(7e7)), name


def test_only_heads_and_pool_get_gradients_and_the_encoder_stays_as_it_was(parts):
    _, encoder, split, model = parts
    weights = list(encoder.parameters()) if encoder.width else []
    before = digest(weights)
    statistics = {name: buffer.clone() for name, buffer in model.named_buffers()}
    module = HeadsModule(model, lr=1e-2, weight_decay=0, steps=4)
    optimizer = module.configure_optimizers()["optimizer"]
    for _ in range(3):
        batch = split.batch(np.arange(10))
        optimizer.zero_grad()
        torch.stack(list(module.losses(model.train()(batch), batch["targets"]).values())).sum().backward()
        optimizer.step()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in weights)
    assert digest(weights) == before
    for name, buffer in model.named_buffers():
        assert torch.equal(buffer, statistics[name]), name


def test_saving_and_loading_is_bit_equal(parts, tmp_path):
    _, _, split, model = parts
    known = split.learnable(model)
    model.calibrate(known.batches(), np.arange(len(known)))  # as many sequences as rows, so that sets change
    model.save_pretrained(tmp_path / "model")
    again = MultiHeadModel.from_pretrained(tmp_path / "model")
    assert list(again.heads) == list(model.heads)
    batch = split.batch(np.arange(10))
    one, other = model.eval()(batch), again.eval()(batch)
    for name, prediction in one.items():
        for key, part in prediction.items():
            assert torch.equal(part, other[name][key]), (name, key)


def test_cached_equals_uncached(parts):
    config, encoder, split, model = parts
    if not encoder.width:
        assert split.store is None
        return
    dataset, batch = split.dataset, split.batch(np.arange(6))
    direct = torch.zeros(batch["stored"].shape)

    @cache
    def encoded(row, camera):
        pixels = encoder.preprocess(picture_file.decode(dataset.image(row, camera), camera))[None]
        return pool_tokens(encoder.encode(pixels), config.pooling, config.grid)[0]

    views = list(product((0, *config.frames_back), config.camera_names))
    for row, (place, (back, camera)) in product(range(6), enumerate(views)):
        earlier = row - back  # all six are of the first sequence, whose frames are its rows
        if earlier >= 0 and camera in dataset.cameras_of(earlier):
            direct[row, place] = encoded(earlier, camera)
    torch.testing.assert_close(batch["stored"].float(), direct, rtol=2e-3, atol=2e-3)
    predicted = model.eval()({**batch, "stored": direct})
    for name, prediction in model(batch).items():
        for key in prediction.keys() & {"waypoints", "cue_probabilities", "presence_probabilities"}:
            torch.testing.assert_close(prediction[key], predicted[name][key], rtol=1e-2, atol=2e-2)


def test_stopping_after_k_steps_and_going_on_is_as_if_it_never_stopped(parts, tmp_path, monkeypatch):
    config, encoder, split, model = parts
    split = split.learnable(model)

    def trained(folder, resuming):
        torch.manual_seed(0)
        model = build_model(config, encoder)
        model.fit(split.batches())
        fit_by_gradient(model, split, split, replace(config, checkpoint_every=2), RunFolder(folder), resuming)
        return model

    class Stopped(Exception):
        pass

    save = KeepLast.on_train_batch_end

    def stop_after_step_4(self, trainer, *rest):
        save(self, trainer, *rest)
        if trainer.global_step == 4:
            raise Stopped

    whole = trained(tmp_path / "whole", resuming=False)
    with monkeypatch.context() as patch:
        patch.setattr(KeepLast, "on_train_batch_end", stop_after_step_4)
        with pytest.raises(Stopped):
            trained(Path(tmp_path / "parts"), resuming=False)
    torch.manual_seed(99)
    resumed = trained(tmp_path / "parts", resuming=True)
    for (name, one), other in zip(whole.state_dict().items(), resumed.state_dict().values(), strict=True):
        assert torch.equal(one, other), name


def test_calibration_draws_nothing_and_drops_nothing(parts):
    """In training mode before it, with whatever random numbers: the same temperatures and sets come out."""
    _, _, split, model = parts
    rows, buffers = split.learnable(model), []
    for seed in (1, 2):
        torch.manual_seed(seed)
        model.train().calibrate(rows.batches(), rows.sequence)
        buffers.append({name: buffer.clone() for name, buffer in model.named_buffers()})
    assert all(torch.equal(buffer, buffers[1][name]) for name, buffer in buffers[0].items())


def test_the_optimizer_is_told_all_of_its_options(parts):
    model = parts[3]
    module = HeadsModule(model, lr=3e-3, weight_decay=0.07, steps=4)
    groups = module.configure_optimizers()["optimizer"].param_groups
    assert {group["initial_lr"] for group in groups} == {3e-3}
    assert {group["weight_decay"] for group in groups} == {0.07}
    held = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(held) == sorted(map(id, model.parameters()))


def test_weight_decay_is_the_run_s_and_shrinks_its_weights(parts, tmp_path):
    config, encoder, split, _ = parts
    if encoder.width:  # what decays knows nothing of the encoder
        return
    split, sizes = split.learnable(parts[3]), []
    for decay in (0.0, 5.0):
        torch.manual_seed(0)
        model = build_model(config, encoder)
        model.fit(split.batches())
        options = replace(config, lr=1e-2, weight_decay=decay)
        fit_by_gradient(model, split, split, options, RunFolder(tmp_path / str(decay)), False)
        sizes.append(sum(float(parameter.detach().square().sum()) for parameter in model.parameters()))
    assert sizes[1] < 0.9 * sizes[0]


def test_a_row_that_no_head_can_learn_from_is_in_no_part_of_a_run(parts):
    _, _, split, model = parts
    for name, head in model.heads.items():
        known = head.known(split.targets)
        assert split.learnable(model, name).rows.tolist() == split.rows[known.numpy()].tolist(), name
        if "future" in head.needs and "labels" not in head.needs:
            assert 7 not in split.learnable(model, name).rows, "the row without a log"
