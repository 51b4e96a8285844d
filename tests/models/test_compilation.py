import pytest
import torch
from transformers.models.smolvlm.configuration_smolvlm import SmolVLMVisionConfig
from transformers.models.smolvlm.modeling_smolvlm import SmolVLMVisionTransformer

from roadcue.errors import BadEncoder
from roadcue.models.compilation import COMPILED, compiled
from roadcue.models.none.encoder import NoEncoder
from roadcue.models.preprocessing import Preprocessing
from roadcue.models.smol.encoder import SmolEncoder
from roadcue.training.config import TrainConfig

TINY = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}


@pytest.fixture
def tower():
    """Random, of one layer and 2 x 2 patches."""
    torch.manual_seed(0)
    tower = SmolVLMVisionTransformer(SmolVLMVisionConfig(**TINY, image_size=28, patch_size=14))
    preprocess = Preprocessing(28, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bicubic", "squash")
    return SmolEncoder(tower, preprocess, dtype="fp32", origin="random")


def pictures(count):
    return torch.randint(
        0, 256, (count, 3, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(count)
    )


@pytest.mark.slow  # it waits for a C++ compiler
def test_compiled_features_are_those_of_the_tower_but_for_rounding(tower, capsys):
    expected = {count: tower.encode(pictures(count)) for count in (3, 1, 2)}
    encoder = compiled(tower)
    for count, features in expected.items():
        torch.testing.assert_close(encoder.encode(pictures(count)), features, rtol=1e-4, atol=1e-5)
    said = capsys.readouterr().err
    assert said.count("compiling the encoder for 3 pictures at once (--compile)") == 1, (
        "smaller batches are filled up"
    )
    assert said.count("compiled in ") == 1


def test_batches_are_filled_up_to_the_largest_and_cut_again(tower, monkeypatch):
    seen = []

    def compile_nothing(encode, dynamic):
        return lambda pixels: seen.append(len(pixels)) or encode(pixels)

    monkeypatch.setattr(torch, "compile", compile_nothing)
    expected = {count: tower.encode(pictures(count)) for count in (2, 1, 3)}
    encoder = compiled(tower)
    for count, features in expected.items():
        torch.testing.assert_close(encoder.encode(pictures(count)), features)
    assert seen == [2, 2, 2, 3, 3], "each new size is tried first"


def test_compiled_features_have_a_store_of_their_own(tower):
    before = dict(tower.fingerprint)
    assert compiled(tower).fingerprint == {**before, COMPILED: "torch.compile"}
    assert tower.description.endswith(", compiled")


def test_a_machine_without_a_compiler_is_a_sentence(tower, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("InvalidCxxCompiler: No working C++ compiler found\nand more")

    monkeypatch.setattr(torch, "compile", lambda encode, dynamic: fails)
    with pytest.raises(
        BadEncoder, match=r"does not work here \(.*No working C\+\+ compiler found\); it needs a C\+\+"
    ):
        compiled(tower).encode(pictures(1))
    with pytest.raises(ValueError, match="pixels must be"):
        compiled(tower).encode(torch.zeros(1, 3, 5, 5, dtype=torch.uint8))
    with pytest.raises(BadEncoder, match="without an encoder there is nothing to compile"):
        compiled(NoEncoder())


def test_a_captioner_is_not_compiled():
    with pytest.raises(ValueError, match="--compile is of the encoder of heads"):
        TrainConfig(head="caption", compile=True)
