"""A small config.json that asks for a model nobody has is refused at once: no hang, no memory, no traceback."""

import json
import shutil
import time

import pytest
from tiny_vlms import tiny_qwen

from roadcue.errors import BadCheckpoint
from roadcue.models import mini
from roadcue.models.auto.loading import load_model
from roadcue.models.flamingo import loading as flamingo
from roadcue.models.flamingo.modeling.config import read_config
from roadcue.models.smol.loading import load_tower, load_whole

ABSURD = [10**6, 2**70, 0, -1, "many", None, [], 1.5]


@pytest.fixture
def folder(tmp_path):
    """A copy of a checkpoint's small files beside its weights, whose config can be changed."""

    def copy(source):
        shutil.copytree(source, tmp_path / "copy")
        return tmp_path / "copy"

    return copy


def change(folder, key, value):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    *above, last = key.split(".")
    place = config
    for name in above:
        place = place[name]
    assert last in place or last == "cross_attn_every_n_layers", key
    place[last] = value
    path.write_text(json.dumps(config))


def refused(load, *arguments):
    start = time.monotonic()
    with pytest.raises(BadCheckpoint, match="copy") as caught:
        load(*arguments)
    assert time.monotonic() - start < 20
    assert len(str(caught.value)) < 3000


@pytest.mark.parametrize("value", ABSURD)
@pytest.mark.parametrize("key", ["vision_config.num_hidden_layers", "vision_config.hidden_size"])
def test_a_tower_of_a_million_layers(folder, key, value):
    copy = folder(mini.SMOL)
    change(copy, key, value)
    refused(load_tower, copy)


@pytest.mark.parametrize("value", [10**6, -1, "many"])
def test_a_language_model_of_a_million_layers(folder, value):
    copy = folder(mini.SMOL)
    change(copy, "text_config.num_hidden_layers", value)
    refused(load_whole, copy)


@pytest.mark.parametrize("value", ABSURD)
@pytest.mark.parametrize(
    "key",
    [
        "perceiver_depth",
        "perceiver_heads",
        "cross_attn_every_n_layers",
        "text_config.n_layers",
        "text_config.n_heads",
        "vision_config.num_hidden_layers",
        "vision_config.patch_size",
    ],
)
def test_the_saved_config_of_a_flamingo(folder, key, value):
    copy = folder(mini.FLAMINGO)
    before = read_config(copy / "config.json")
    *_, last = key.split(".")
    part = before.vision_config if "vision" in key else before.text_config if "text" in key else before
    if getattr(part, last) == value or (key == "perceiver_depth" and value == 0):
        return
    change(copy, key, value)
    try:
        model, _ = flamingo.load_whole(flamingo.FlamingoFiles(str(copy)))
    except BadCheckpoint:
        return
    assert model.config.to_dict()  # a value that is as good as another, such as none for the default


@pytest.mark.parametrize("value", [10**6, "many"])
def test_any_model_of_transformers(tmp_path, value):
    import torch

    copy = tiny_qwen(tmp_path / "copy")
    change(copy, "text_config.num_hidden_layers", value)
    refused(load_model, copy, torch.float32)


@pytest.mark.parametrize("layers", [30, 1000])
def test_a_tower_is_bounded_by_the_weights_in_its_file(folder, layers):
    """No fixed number: a published model has a hundred times as many weights as this one."""
    copy = folder(mini.SMOL)
    change(copy, "vision_config.num_hidden_layers", layers)
    with pytest.raises(BadCheckpoint, match=r"asks for more than \d+ weights, and its files hold 69"):
        load_tower(copy)
