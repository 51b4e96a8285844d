"""Texts that leave their batch as they end are those of transformers' `generate`."""

import inspect

import pytest
import torch

from roadcue.models.generation import GenerationSettings
from roadcue.models.greedy import _closed_up
from roadcue.models.key_value_cache import RoomyLayer
from roadcue.models.registry import build_captioner


@pytest.mark.parametrize("name", ["smol", "flamingo"])
def test_texts_of_different_lengths_and_prompts_are_those_of_generate(name, monkeypatch):
    captioner = build_captioner(name)
    pixels = torch.randint(0, 256, (5, 3, 224, 224), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    asked = ("Describe the scene.", "Say which way to go, and at which pace.", "Annotate the picture as JSON.")
    prompts = [captioner.prompt(asked[place % 3]) for place in range(5)]
    visual, settings = captioner.encode(pixels), GenerationSettings(max_new_tokens=40)
    rows = []
    forward = captioner.model.forward

    def counting(*given, **named):
        rows.append(len(named["input_ids"]))
        return forward(*given, **named)

    counting.__signature__ = inspect.signature(forward)
    monkeypatch.setattr(captioner.model, "forward", counting)
    written = captioner.generate(visual, prompts, settings)
    assert rows[0] == 5
    assert min(rows) < 5, "who has ended is not computed any more"
    monkeypatch.setattr(type(captioner), "next_inputs", lambda *_: None)
    assert captioner.generate(visual, prompts, settings) == written
    assert {one.ended for one in written} == {True, False}


def test_the_last_stand_where_others_have_left():
    kept = torch.tensor([True, False, True, False, True, True])
    order = _closed_up(kept)
    assert order.tolist() == [0, 4, 2, 5]
    layer, (keys, values) = RoomyLayer(4), torch.randn(2, 6, 1, 2, 3)
    layer.update(keys, values)
    layer.keep(order)
    more = torch.randn(4, 1, 1, 3)
    assert torch.equal(layer.update(more, more)[0], torch.cat([keys[order], more], dim=2))
