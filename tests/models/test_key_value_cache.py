"""Keys and values that grow in place are those of transformers' own cache."""

import pytest
import torch
from transformers import DynamicCache, Gemma3TextConfig

from roadcue.models.generation import GenerationSettings
from roadcue.models.key_value_cache import RoomyLayer, roomy_cache
from roadcue.models.registry import build_captioner


@pytest.mark.parametrize("name", ["smol", "flamingo"])
def test_a_text_is_the_same_without_it(name, monkeypatch):
    captioner = build_captioner(name)
    visual = captioner.encode(torch.randint(0, 256, (3, 3, 224, 224), dtype=torch.uint8))
    prompts = [captioner.prompt(asked) for asked in ("Go on?", "Describe the scene.", "What is there, and where?")]
    settings = GenerationSettings(max_new_tokens=40)
    used = settings.cache(captioner.model, 10)
    assert {type(layer) for layer in used.layers} == {RoomyLayer}
    assert settings.cache(captioner.model, 10) is not used
    written = captioner.generate(visual, prompts, settings)
    monkeypatch.setattr(GenerationSettings, "cache", lambda *_: None)
    assert captioner.generate(visual, prompts, settings) == written


def test_all_that_was_told_comes_back_and_no_more_than_there_is_room_for():
    roomy, plain = RoomyLayer(6), DynamicCache()
    for tokens in (3, 1, 1):
        keys, values = torch.randn(2, 2, 4, tokens, 8)
        for one, other in zip(roomy.update(keys, values), plain.update(keys, values, 0), strict=True):
            assert torch.equal(one, other)
        assert roomy.get_seq_length() == plain.get_seq_length()
    with pytest.raises(ValueError, match="a text of 8 tokens, and there is room for 6"):
        roomy.update(keys.repeat(1, 1, 3, 1), values.repeat(1, 1, 3, 1))


def test_a_model_that_forgets_what_is_far_keeps_its_own():
    class Model:
        config = Gemma3TextConfig(num_hidden_layers=6, sliding_window=4)

    assert roomy_cache(Model(), 10) is None
    assert GenerationSettings(num_beams=2).cache(build_captioner("smol").model, 10) is None
