import json
import os

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_flamingo import IMAGE, SMALL, drawn_images, tiny_flamingo, write_published

from roadcue.errors import BadCheckpoint
from roadcue.models.flamingo.loading import load_published
from roadcue.models.flamingo.modeling.config import FlamingoConfig
from roadcue.models.flamingo.modeling.model import Flamingo
from roadcue.models.flamingo.modeling.weights import TIED

IDS = torch.tensor([[2, IMAGE, 3, 4]])
GATED = "lang_encoder.transformer.blocks.{}.gated_cross_attn_layer.attn.to_q.weight"


@pytest.fixture(scope="module")
def model():
    return tiny_flamingo()


@pytest.fixture
def places(model, tmp_path):
    return write_published(model, tmp_path)


def load(places, **settings):
    return load_published(*places, **SMALL | settings)


def rewrite(path, change):
    """Save a file of tensors again after `change` has edited their dict."""
    tensors = torch.load(path, weights_only=True) if path.suffix in (".bin", ".pt") else load_file(path)
    changed = change(tensors) or tensors
    torch.save(changed, path) if path.suffix in (".bin", ".pt") else save_file(changed, path)


def same(loaded, expected):
    """Equal weights, none left on the meta device, the embedding tied, the same part trainable, and it runs."""
    state, wanted = loaded.state_dict(), expected.state_dict()
    assert state.keys() == wanted.keys()
    assert all(torch.equal(state[key], wanted[key]) for key in state)
    assert not any(value.is_meta for value in [*loaded.parameters(), *loaded.buffers()])
    assert loaded.lang_encoder.lm_head.weight is loaded.lang_encoder.transformer.wte.weight
    assert loaded.trained_state().keys() == expected.trained_state().keys()
    assert not loaded.training
    with torch.no_grad():
        images = drawn_images(1, 1)
        assert torch.equal(loaded(IDS, images).logits, expected(IDS, images).logits)


def test_the_three_published_files_are_the_model(model, places):
    same(load(places), model)


def test_what_was_saved_comes_back(model, tmp_path):
    model.save_pretrained(tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}
    assert TIED not in load_file(tmp_path / "model.safetensors")
    loaded = Flamingo.from_pretrained(tmp_path)
    same(loaded, model)
    fields = [key for key in FlamingoConfig.__annotations__ if not key.endswith("_config")]
    assert [getattr(loaded.config, key) for key in fields] == [getattr(model.config, key) for key in fields]
    assert loaded.generation_config.eos_token_id == model.config.endofchunk_token_id


def test_the_trained_part_saved_alone_is_a_checkpoint(model, places):
    torch.save({"model_state_dict": model.trained_state(), "epoch": 3}, places[2])
    same(load(places), model)


@pytest.mark.parametrize(
    "written",
    [
        lambda key: "module." + key,
        lambda key: key.replace("perceiver.", "perceiver._checkpoint_wrapped_module."),
        lambda key: "module." + key.replace("layer.attn", "layer._checkpoint_wrapped_module.attn"),
    ],
)
def test_prefixes_of_training_are_taken_off(model, places, written):
    rewrite(places[2], lambda tensors: {"model_state_dict": {written(key): tensors[key] for key in tensors}})
    same(load(places), model)


def test_the_same_weight_under_two_names_is_refused(places):
    rewrite(places[2], lambda tensors: tensors | {"module.perceiver.latents": tensors["perceiver.latents"]})
    with pytest.raises(BadCheckpoint, match=r"checkpoint\.pt: holds weights twice"):
        load(places)


def test_each_place_may_hold_safetensors_or_a_pickle(model, places):
    clip, mpt, checkpoint = places
    torch.save(load_file(clip / "model.safetensors"), clip / "pytorch_model.bin")
    (clip / "model.safetensors").unlink()
    save_file(torch.load(mpt / "pytorch_model.bin", weights_only=True), mpt / "model.safetensors")
    (mpt / "pytorch_model.bin").unlink()
    save_file(torch.load(checkpoint, weights_only=True), checkpoint.with_suffix(".safetensors"))
    same(load((clip, mpt, checkpoint.with_suffix(".safetensors"))), model)


def test_a_pickle_in_the_format_before_torch_1_6_is_read(model, places):
    tensors = torch.load(places[2], weights_only=True)
    torch.save(tensors, places[2], _use_new_zipfile_serialization=False)
    same(load(places), model)


def test_weights_are_converted_and_leave_their_files(model, places):
    half = load(places, dtype=torch.bfloat16)
    assert {value.dtype for value in half.parameters()} == {torch.bfloat16}
    whole = load(places)
    for path in (places[0] / "model.safetensors", places[1] / "pytorch_model.bin", places[2]):
        path.write_bytes(os.urandom(path.stat().st_size))  # in place: what was mapped would change
    same(whole, model)


@pytest.mark.parametrize("stored", [torch.float16, torch.bfloat16])
def test_parts_stored_in_another_dtype_run_together(places, stored):
    rewrite(
        places[0] / "model.safetensors",
        lambda t: {k: v.to(stored) if v.is_floating_point() else v for k, v in t.items()},
    )
    loaded = load(places)
    assert {value.dtype for value in loaded.parameters()} == {torch.float32}
    assert loaded(IDS, drawn_images(1, 1)).logits.isfinite().all()


def test_every_problem_of_every_file_is_in_one_message(places):
    clip, mpt, checkpoint = places

    def of_tower(tensors):
        del tensors["vision_model.pre_layrnorm.bias"]
        tensors["text_model.extra"] = torch.zeros(1)

    def of_language(tensors):
        tensors["transformer.blocks.1.attn.q_ln.bias"] = torch.zeros(32)
        del tensors["transformer.blocks.0.attn.k_ln.weight"], tensors["transformer.blocks.2.attn.k_ln.weight"]
        tensors["transformer.wte.weight"] = torch.zeros(41, 32)

    def of_trained(tensors):
        for block in range(3):
            del tensors[GATED.format(block)]
        tensors["perceiver.norm.bias"] = torch.zeros(23)
        tensors["perceiver.frame_embs"] = torch.zeros(1, 24)

    rewrite(clip / "model.safetensors", of_tower)
    rewrite(mpt / "pytorch_model.bin", of_language)
    rewrite(checkpoint, of_trained)
    with pytest.raises(BadCheckpoint) as caught:
        load(places)
    first, *lines, remedy = str(caught.value).splitlines()
    assert first == "the weights are not those of this Flamingo"
    assert lines == [
        f"{clip}: vision_model.pre_layrnorm.bias: missing",
        f"{mpt}: transformer.blocks.{{0,2}}.attn.k_ln.weight: missing; "
        "transformer.blocks.1.attn.q_ln.bias: unexpected; "
        "transformer.wte.weight (41, 32) instead of (40, 32): misshapen",
        f"{checkpoint}: {GATED.format('{0-2}')}: missing; perceiver.frame_embs: unexpected; "
        "perceiver.norm.bias (23,) instead of (24,): misshapen",
    ]
    assert "cross_attn_every_n_layers" in remedy


def test_another_number_of_gated_blocks_is_told(places):
    with pytest.raises(BadCheckpoint, match=r"blocks\.\{0,2\}\.gated_cross_attn_layer\.attn\.to_q.*: unexpected"):
        load(places, cross_attn_every_n_layers=2)


def test_a_checkpoint_without_the_embedding_is_refused(places):
    rewrite(places[2], lambda tensors: {key: tensors[key] for key in tensors if not key.endswith("wte.weight")})
    with pytest.raises(BadCheckpoint, match=r"checkpoint\.pt: lang_encoder\.transformer\.wte\.weight is missing"):
        load(places)


def test_ids_beyond_the_vocabulary_are_refused(places):
    with pytest.raises(BadCheckpoint, match=r"its vocabulary has 13 rows, too few for .*'image_token_id': 50278"):
        load(places, image_token_id=50278)


class Harm:
    """What a pickle can do to who loads it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.mark.parametrize("place", [1, 2])
def test_a_pickle_that_would_run_code_is_refused(places, tmp_path, place):
    path = places[place] / "pytorch_model.bin" if place == 1 else places[place]
    torch.save({"model_state_dict": {"a": Harm(str(tmp_path / "harm"))}}, path)
    with pytest.raises(BadCheckpoint, match=f"{path.name}: is damaged, or holds more than tensors, which is refused"):
        load(places)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x02}q\x00.", b"no pickle", bytes(range(256))])
def test_any_bytes_are_a_bad_checkpoint(places, content):
    places[2].write_bytes(content)
    with pytest.raises(BadCheckpoint, match=r"checkpoint\.pt: "):
        load(places)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_checkpoint_is_named(places, share):
    whole = places[2].read_bytes()
    places[2].write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(BadCheckpoint, match=r"checkpoint\.pt: .*download it again"):
        load(places)


@pytest.mark.parametrize(
    "held", [[torch.zeros(1)], {"a": 1}, {1: torch.zeros(1)}, torch.zeros(2), {"model_state_dict": 3}]
)
def test_a_pickle_of_something_else_is_refused(places, held):
    torch.save(held, places[2])
    with pytest.raises(BadCheckpoint, match=r"checkpoint\.pt: holds .* save a state_dict"):
        load(places)


def test_missing_files_are_named(places, tmp_path):
    with pytest.raises(BadCheckpoint, match=r"none\.pt: missing; download it again"):
        load((*places[:2], tmp_path / "none.pt"))
    (places[1] / "pytorch_model.bin").unlink()
    with pytest.raises(BadCheckpoint, match=r"mpt: holds neither model\.safetensors nor"):
        load(places)


@pytest.mark.parametrize(
    "config",
    [{"model_type": "siglip"}, {"model_type": "clip"}, {"model_type": "clip", "vision_config": {"hidden_size": "x"}}],
)
def test_a_tower_that_is_not_clip_is_refused(places, config):
    (places[0] / "config.json").write_text(json.dumps(config))
    with pytest.raises(BadCheckpoint, match=r"clip/config\.json: "):
        load(places)


@pytest.mark.parametrize(
    "change", [{"model_type": "mpt"}, {"text_config": 3}, {"perceiver_depth": "six"}, {"vision_config": None}]
)
def test_a_saved_configuration_that_is_none_is_refused(model, tmp_path, change):
    model.save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BadCheckpoint, match=r"config\.json: "):
        Flamingo.from_pretrained(tmp_path)


def test_a_saved_configuration_of_other_sizes_is_audited(model, tmp_path):
    model.save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"perceiver_depth": 1}))
    with pytest.raises(BadCheckpoint, match=r"perceiver\.layers\.1\.0\.norm_latents\.bias.*: unexpected"):
        Flamingo.from_pretrained(tmp_path)
