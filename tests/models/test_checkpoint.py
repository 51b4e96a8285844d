import json
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from roadcue.errors import BadCheckpoint, RoadCueError
from roadcue.models import checkpoint, mini
from roadcue.models.checkpoint import describe_checkpoint, public_name, read_json, read_tensors, resolve_checkpoint
from roadcue.models.smol.encoder import SmolEncoder
from roadcue.models.smol.loading import PREFIX

INDEX = "model.safetensors.index.json"


def rewrite(folder: Path, change) -> None:
    """Save the folder's weights again after `change` has edited their dict."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


def shard(folder: Path) -> None:
    """Two shards and an index, as large checkpoints have them: the language model, and everything else."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = {key: f"model-0000{1 if 'text_model' in key else 2}-of-00002.safetensors" for key in tensors}
    for name in sorted(set(names.values())):
        save_file({key: tensors[key] for key in tensors if names[key] == name}, folder / name)
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": names}))


def tower_weights(folder: Path) -> str:
    return SmolEncoder.from_pretrained(folder, origin="test").fingerprint["weights"]


def test_names_resolve(tmp_path, monkeypatch):
    assert resolve_checkpoint("mini") == mini.SMOL
    assert resolve_checkpoint(str(tmp_path)) == tmp_path
    asked = []
    monkeypatch.setattr(checkpoint, "download", lambda hub_id: asked.append(hub_id) or tmp_path)
    assert resolve_checkpoint("full") == resolve_checkpoint("org/name-2.2B") == tmp_path
    assert asked == ["HuggingFaceTB/SmolVLM2-2.2B-Instruct", "org/name-2.2B"]


def test_descriptions_say_published_only_of_what_was_published(tmp_path):
    assert describe_checkpoint("full") == "published checkpoint HuggingFaceTB/SmolVLM2-2.2B-Instruct"
    assert describe_checkpoint("mini") == "miniature shipped with RoadCue, trained on drawn RoadWorld pictures only"
    assert describe_checkpoint(str(tmp_path)) == f"checkpoint in {tmp_path}"
    assert describe_checkpoint("full", "flamingo") == "published checkpoint openflamingo/OpenFlamingo-3B-vitl-mpt1b"


def test_every_encoders_weights_have_a_public_name_of_their_own(tmp_path):
    assert public_name("mini", "smol") == "RoadCue's miniature SmolVLM2"
    assert public_name("mini", "flamingo") == "RoadCue's miniature OpenFlamingo"
    assert public_name("full", "flamingo") == "openflamingo/OpenFlamingo-3B-vitl-mpt1b"
    assert public_name("org/name", "flamingo") == "org/name"
    assert public_name(str(tmp_path), "flamingo") is None
    assert public_name("mini", "somebody's") is None
    assert public_name("org/name", "somebody's") == "org/name"


@pytest.mark.parametrize("name", ["mini", "full"])
def test_an_encoder_from_a_plugin_has_no_weights_of_roadcue_s(name):
    with pytest.raises(BadCheckpoint, match=f"checkpoint '{name}': RoadCue has none for somebody's; name a folder"):
        resolve_checkpoint(name, "somebody's")


@pytest.mark.parametrize("name", ["fulll", "", "./no/such", "/no/such/folder", "../x", "a/b/c", "org/na me"])
def test_a_name_of_nothing_is_an_error(name):
    with pytest.raises(BadCheckpoint, match="no such folder, and it is not mini, full or a hub id"):
        resolve_checkpoint(name) if name else resolve_checkpoint(" ")


def test_an_unreachable_hub_is_an_error_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(BadCheckpoint, match=r"hf download HuggingFaceTB/SmolVLM2-2.2B-Instruct\), or pass"):
        resolve_checkpoint("full")


def test_a_sharded_checkpoint_gives_the_same_tower_without_the_language_model(folder):
    whole = tower_weights(folder)
    shard(folder)
    (folder / "model-00001-of-00002.safetensors").unlink()
    assert tower_weights(folder) == whole


def test_a_missing_tower_shard_is_named(folder):
    shard(folder)
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(BadCheckpoint, match=r"model-00002-of-00002\.safetensors: missing"):
        tower_weights(folder)


def test_a_shard_that_lacks_what_the_index_promises_is_named(folder):
    shard(folder)
    path = folder / "model-00002-of-00002.safetensors"
    tensors = load_file(path)
    del tensors[PREFIX + "post_layernorm.weight"]
    save_file(tensors, path)
    with pytest.raises(BadCheckpoint, match=r"00002-of-00002.*lacks model\.vision_model\.post_layernorm\.weight"):
        tower_weights(folder)


@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/passwd", "sub/x.safetensors", "..", "", 3, None])
def test_an_index_that_points_out_of_the_folder_is_refused(folder, name):
    (folder / "model.safetensors").unlink()
    (folder / INDEX).write_text(json.dumps({"weight_map": {PREFIX + "post_layernorm.weight": name}}))
    with pytest.raises(BadCheckpoint, match="is no file name in this folder"):
        tower_weights(folder)


@pytest.mark.parametrize("content", ["{}", '{"weight_map": []}', "[]", "{", "\xff"])
def test_an_index_that_is_none_is_named(folder, content):
    (folder / "model.safetensors").unlink()
    (folder / INDEX).write_bytes(content.encode("latin-1"))
    with pytest.raises(BadCheckpoint, match=r"model\.safetensors\.index\.json"):
        tower_weights(folder)


def test_pickled_weights_are_refused(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(BadCheckpoint, match="only safetensors are read"):
        tower_weights(folder)


def test_a_missing_key_is_named(folder):
    key = PREFIX + "encoder.layers.2.mlp.fc1.bias"
    rewrite(folder, lambda tensors: tensors.pop(key))
    with pytest.raises(BadCheckpoint, match=f"{key}: missing.*download both again"):
        tower_weights(folder)


def test_an_unexpected_key_of_the_tower_is_named_and_one_of_another_part_is_not(folder):
    rewrite(folder, lambda tensors: tensors.update({"model.text_model.extra": torch.zeros(2)}))
    tower_weights(folder)
    rewrite(folder, lambda tensors: tensors.update({PREFIX + "head.probe": torch.zeros(2)}))
    with pytest.raises(BadCheckpoint, match=f"{PREFIX}head.probe: unexpected"):
        tower_weights(folder)


def test_a_misshapen_key_is_named_with_both_shapes(folder):
    rewrite(folder, lambda tensors: tensors.update({PREFIX + "post_layernorm.bias": torch.zeros(127)}))
    with pytest.raises(BadCheckpoint, match=r"post_layernorm\.bias \(127,\) instead of \(192,\): misshapen"):
        tower_weights(folder)


def test_a_key_that_is_not_floating_point_is_named(folder):
    integers = torch.zeros(128, dtype=torch.int8)
    rewrite(folder, lambda tensors: tensors.update({PREFIX + "post_layernorm.bias": integers}))
    with pytest.raises(BadCheckpoint, match=r"post_layernorm\.bias torch\.int8: not floating-point"):
        tower_weights(folder)


def test_every_problem_is_in_one_message(folder):
    def change(tensors):
        for layer in range(4):
            del tensors[f"{PREFIX}encoder.layers.{layer}.mlp.fc1.bias"]
            del tensors[f"{PREFIX}encoder.layers.{layer}.mlp.fc2.bias"]
        tensors[PREFIX + "x"] = torch.zeros(1)

    rewrite(folder, change)
    with pytest.raises(
        BadCheckpoint,
        match=r"\.\{0-3\}\.mlp\.fc1\.bias, .*\{0-3\}\.mlp\.fc2\.bias: missing; .*vision_model\.x: unexpected",
    ):
        tower_weights(folder)


def test_a_checkpoint_without_the_tower_is_said_to_be_one(folder):
    save_file({"model.text_model.norm.weight": torch.ones(3)}, folder / "model.safetensors")
    with pytest.raises(BadCheckpoint, match=r"no key starts with 'model\.vision_model\.'"):
        tower_weights(folder)


@pytest.mark.parametrize("length", [0, 5, 1000, -1])
def test_a_truncated_file_is_named(folder, length):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(BadCheckpoint, match=r"model\.safetensors: not a whole safetensors file.*download it again"):
        tower_weights(folder)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 3000), value=st.integers(0, 255))
def test_a_damaged_header_is_an_error_or_changes_nothing_it_should_not(tmp_path, place, value):
    save_file({"a.x": torch.arange(6.0), "a.y": torch.ones(2, 3)}, tmp_path / "model.safetensors")
    content = bytearray((tmp_path / "model.safetensors").read_bytes())
    content[place % len(content)] = value
    damaged = tmp_path / "damaged"
    shutil.rmtree(damaged, ignore_errors=True)
    damaged.mkdir()
    (damaged / "model.safetensors").write_bytes(content)
    with suppress(BadCheckpoint):
        tensors = read_tensors(damaged, "a.")
        assert sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()) <= 48


@given(content=st.binary(max_size=40))
def test_any_bytes_are_a_json_object_or_a_bad_checkpoint(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("json") / "config.json"
    path.write_bytes(content)
    with suppress(BadCheckpoint):
        assert isinstance(read_json(path), dict)


def test_the_home_of_nobody_is_no_checkpoint():
    with pytest.raises(RoadCueError, match=r"^~no_such_user/x: there is no home folder"):
        resolve_checkpoint("~no_such_user/x")
