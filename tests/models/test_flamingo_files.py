"""A whole OpenFlamingo out of a folder, however its parts lie in it."""

import pytest
import torch
from tiny_flamingo import IMAGE, drawn_images, tiny_config, tiny_flamingo, write_published, write_tokenizer

from roadcue.errors import BadCheckpoint
from roadcue.models.flamingo import loading
from roadcue.models.flamingo.loading import FlamingoFiles, load_whole


@pytest.fixture
def model():
    return tiny_flamingo()


def logits(model) -> torch.Tensor:
    ids = torch.tensor([[IMAGE, 2, 3, 4]])
    with torch.no_grad():
        return model(ids, drawn_images(1, 1)).logits


def test_what_save_pretrained_left(model, tmp_path):
    model.save_pretrained(tmp_path)
    write_tokenizer(tmp_path)
    again, tokenizer = load_whole(FlamingoFiles(str(tmp_path)))
    assert torch.equal(logits(again), logits(model))
    assert tokenizer.convert_tokens_to_ids("<image>") == IMAGE


def test_the_three_published_parts_side_by_side(model, tmp_path, monkeypatch):
    write_published(model, tmp_path)
    with pytest.raises(BadCheckpoint, match=r"the weights are not those of this Flamingo|too few"):
        load_whole(FlamingoFiles(str(tmp_path)))  # its sizes are not the published ones
    config = tiny_config()
    sizes = {name: getattr(config, name) for name in ("image_token_id", "endofchunk_token_id", "pad_token_id")}
    sizes |= {name: getattr(config, name) for name in vars(config) if name.startswith(("perceiver_", "cross_attn_"))}
    monkeypatch.setattr(loading, "FlamingoConfig", lambda **parts: type(config)(**parts, **sizes))
    again, tokenizer = load_whole(FlamingoFiles(str(tmp_path)))
    assert torch.equal(logits(again), logits(model))
    assert len(tokenizer) == config.text_config.vocab_size


def test_a_folder_of_nothing_says_what_it_should_hold(tmp_path):
    with pytest.raises(BadCheckpoint, match=r"missing; a folder with an OpenFlamingo holds clip/ \(openai/clip-vit"):
        load_whole(FlamingoFiles(str(tmp_path)))
