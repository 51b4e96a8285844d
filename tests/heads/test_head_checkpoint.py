"""What was saved comes back bit for bit; what does not fit is refused by name."""

import json
from dataclasses import dataclass

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from roadcue.errors import BadHead
from roadcue.heads.baselines.waypoint import Ridge
from roadcue.heads.registry import build_head, load_head
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.heads.waypoint.head import WaypointHead

BASELINES = {baseline.name: baseline for baseline in WaypointHead.baselines}


def make(name, batches, vectors=2):
    torch.manual_seed(0)
    config = WaypointConfig(hidden=16, residual="ego")
    head = BASELINES[name]() if name in BASELINES else build_head(name, config, vectors, 5)
    head.fit(batches)
    return head.eval()


@pytest.fixture
def saved(tmp_path, batches):
    make("waypoint", batches).save_pretrained(tmp_path)
    return tmp_path


def alter_weights(folder, change):
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors")


def alter_config(folder, change):
    config = json.loads((folder / "config.json").read_text())
    change(config)
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_damage(saved, value):
    def damage(weights):
        name = max((name for name, weight in weights.items() if "decoder" in name), key=lambda n: weights[n].numel())
        weights[name].view(-1)[-1] = value

    alter_weights(saved, damage)
    with pytest.raises(BadHead, match=r"decoder\S*: not finite numbers, the file is damaged"):
        load_head(saved)


def test_statistics_that_are_no_numbers_are_damage(saved):
    statistics = [name for name, buffer in load_head(saved).named_buffers() if buffer.is_floating_point()]
    assert len(statistics) > 3
    for name in statistics:
        whole = load_file(saved / "model.safetensors")
        alter_weights(saved, lambda weights, name=name: weights[name].view(-1)[0].fill_(torch.nan))
        with pytest.raises(BadHead, match=rf"{name}: not finite numbers, the file is damaged"):
            load_head(saved)
        save_file(whole, saved / "model.safetensors")


@pytest.mark.parametrize("vectors", [2, 0])
@pytest.mark.parametrize("name", ["waypoint", *BASELINES])
def test_round_trip_is_bit_equal(name, vectors, tmp_path, batches):
    head = make(name, batches, vectors)
    head.save_pretrained(tmp_path / "new" / "folder")
    back = load_head(tmp_path / "new" / "folder")
    assert type(back) is type(head)
    assert not back.training
    assert back.state_dict().keys() == head.state_dict().keys()
    assert all(torch.equal(value, back.state_dict()[key]) for key, value in head.state_dict().items())
    assert torch.equal(back(batches[0][0])["waypoints"], head(batches[0][0])["waypoints"])
    assert [parameter.requires_grad for parameter in back.parameters()] == [True] * len(list(head.parameters()))
    assert back.arguments() == head.arguments()
    assert sorted(file.name for file in (tmp_path / "new" / "folder").iterdir()) == [
        "config.json",
        "model.safetensors",
    ]


def test_a_config_with_more_than_the_head_reads_is_saved_without_it(tmp_path, batches):
    @dataclass(frozen=True)
    class Options(WaypointConfig):
        name: str = "waypoint"

    head = build_head("waypoint", Options(hidden=16, residual="none"), 2, 5)
    head.fit(batches)
    head.save_pretrained(tmp_path)
    assert load_head(tmp_path).config == WaypointConfig(hidden=16, residual="none")


def test_saving_again_replaces(saved, batches):
    make("ridge", batches).save_pretrained(saved)
    assert isinstance(load_head(saved), Ridge)


def test_from_pretrained_wants_its_own_kind(saved):
    assert isinstance(WaypointHead.from_pretrained(saved), WaypointHead)
    with pytest.raises(BadHead, match="holds a 'waypoint', not a Ridge"):
        Ridge.from_pretrained(saved)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda weights: weights.pop("decoder.layers.4.bias"), r"decoder\.layers\.4\.bias: missing"),
        (lambda weights: weights.update(extra=torch.zeros(1)), "extra: unexpected"),
        (
            lambda weights: weights.update({"decoder.layers.4.bias": torch.zeros(7)}),
            r"layers\.4\.bias \(7,\) instead of \(16,\): misshapen",
        ),
        (
            lambda weights: weights.update({"decoder.layers.4.bias": torch.zeros(16).half()}),
            r"layers\.4\.bias torch\.float16: of another dtype",
        ),
        (lambda weights: weights.pop("base.weight"), r"base\.weight.*: missing"),
    ],
)
def test_weights_that_do_not_fit_are_named(saved, change, message):
    alter_weights(saved, change)
    with pytest.raises(BadHead, match=rf"model\.safetensors: the weights are not .*{message}"):
        load_head(saved)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda config: config.update(head="waypiont"), "no head 'waypiont'; did you mean waypoint"),
        (lambda config: config.pop("head"), "head"),
        (lambda config: config.update(head=["waypoint"]), "does not describe a head"),
        (lambda config: config["config"].update(layers=3), "layers"),
        (lambda config: config["config"].update(hidden="many"), "does not describe a head"),
        (lambda config: config["config"].update(dropout=2), "below 1"),
        (
            lambda config: config["config"].update(hidden=10**12),
            r"layers\.0\.bias \(16,\) instead|does not describe a head",
        ),
        (lambda config: config.update(width=-1), "does not describe a head"),
        (lambda config: config.update(color="red"), "color"),
        (lambda config: config.pop("width"), "width"),
        (lambda config: config.update(width=6), r"reduced.mean \(2, 5\) instead"),
    ],
)
def test_a_config_that_does_not_fit_is_named(saved, change, message):
    alter_config(saved, change)
    with pytest.raises(BadHead, match=message) as caught:
        load_head(saved)
    assert str(saved) in str(caught.value)


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_a_missing_or_damaged_file_is_named(saved, file):
    whole = (saved / file).read_bytes()
    for content in (b"", whole[: len(whole) // 2], b"\xff" * 40, b"[1]", b"null"):
        (saved / file).write_bytes(content)
        with pytest.raises(BadHead, match=rf"{file}.*train (again|anew)") as caught:
            load_head(saved)
        assert "download" not in str(caught.value), "nobody offers a run of one's own"
    (saved / file).unlink()
    with pytest.raises(BadHead, match=rf"{file}.*(is not there|missing).*train (again|anew)"):
        load_head(saved)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@given(
    key=st.sampled_from(["head", "config", "features", "width", "hidden", "dropout", "residual"]), value=json_values
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_in_a_config_gives_a_head_or_a_sentence(saved, key, value):
    whole = (saved / "config.json").read_text()
    try:
        alter_config(saved, lambda config: (config if key in config else config["config"]).update({key: value}))
        outcome = load_head(saved).name
    except BadHead as error:
        outcome = str(error)
    finally:
        (saved / "config.json").write_text(whole)
    assert outcome == "waypoint" or str(saved) in outcome
