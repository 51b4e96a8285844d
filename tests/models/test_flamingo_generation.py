from collections import Counter

import pytest
import torch
from tiny_flamingo import ENDOFCHUNK, IMAGE, PAD, drawn_images, tiny_flamingo

LEFT_PADDED = torch.tensor(
    [
        [IMAGE, 2, 3, ENDOFCHUNK, IMAGE, 2],
        [PAD, PAD, PAD, IMAGE, 2, 3],
        [PAD, 4, 5, IMAGE, 6, 2],
    ]
)
TOWARDS = 4.0
"""Enough for `<image>` to be written here and there."""
GREEDY = {"do_sample": False, "max_new_tokens": 6}


@pytest.fixture(scope="module")
def model():
    model = tiny_flamingo()
    model.generation_config.eos_token_id = None  # random weights end where they like
    return model


@pytest.fixture
def images():
    return drawn_images(3, 2)


@pytest.fixture
def runs(model):
    """How often each part runs."""
    counted = Counter()
    parts = {"tower": model.vision_encoder, "perceiver": model.perceiver}
    parts |= {"kv": model.lang_encoder.gated[0].attn.to_kv, "words": model.lang_encoder.gated[0].attn.to_q}
    hooks = [part.register_forward_hook(lambda *_, name=name: counted.update([name])) for name, part in parts.items()]
    yield counted
    for hook in hooks:
        hook.remove()


@torch.no_grad()
def by_hand(model, ids, images, steps, towards_image=0.0):
    """Greedy tokens of whole forward passes, without `generate` and without a cache."""
    mask, media = (ids != PAD).long(), model.encode_media(ids, images)
    for _ in range(steps):
        logits = model(ids, attention_mask=mask, media=media).logits[:, -1]
        logits[:, IMAGE] += towards_image
        best = logits.argmax(dim=-1, keepdim=True)
        ids, mask = torch.cat((ids, best), dim=1), torch.cat((mask, torch.ones_like(best)), dim=1)
    return ids


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("mask", [True, False])
def test_greedy_tokens_are_those_of_whole_forward_passes(model, images, use_cache, mask):
    given = (LEFT_PADDED != PAD).long() if mask else None
    generated = model.generate(LEFT_PADDED, images, given, use_cache=use_cache, **GREEDY)
    assert generated.tolist() == by_hand(model, LEFT_PADDED, images, 6).tolist()


def test_a_batch_says_what_its_rows_say_alone(model, images):
    together = model.generate(LEFT_PADDED, images, **GREEDY)
    for row, ids in enumerate(LEFT_PADDED):
        alone = model.generate(ids[ids != PAD][None], images[row : row + 1], **GREEDY)
        assert alone[0, -6:].tolist() == together[row, -6:].tolist()


@pytest.mark.parametrize("options", [{}, {"num_beams": 3}, {"do_sample": True, "num_return_sequences": 4}])
@pytest.mark.parametrize("use_cache", [True, False])
def test_pictures_are_encoded_and_projected_once(model, images, runs, options, use_cache):
    model.generate(LEFT_PADDED, images, use_cache=use_cache, **GREEDY | options)
    assert (runs["tower"], runs["perceiver"], runs["kv"]) == (1, 1, 1)
    assert runs["words"] == 6


@pytest.mark.parametrize("use_cache", [True, False])
def test_words_after_the_prompt_see_its_last_picture(model, use_cache):
    images = drawn_images(1, 2)
    ids = torch.tensor([[IMAGE, 2, IMAGE, 2, 3]])
    seen = []
    hook = model.lang_encoder.gated[0].attn.register_forward_hook(
        lambda _, inputs, output: seen.append(inputs[2][:, -1:].tolist())
    )
    model.generate(ids, images, use_cache=use_cache, suppress_tokens=[IMAGE], **GREEDY)
    hook.remove()
    assert seen == [[[2]]] * 6


@pytest.mark.parametrize("use_cache", [True, False])
def test_a_picture_the_model_writes_itself_is_counted(model, images, use_cache):
    """The words after it then see all pictures alike, as in the package; with a cache as without."""
    generated = model.generate(LEFT_PADDED, images, use_cache=use_cache, sequence_bias=[[[IMAGE], TOWARDS]], **GREEDY)
    assert generated.tolist() == by_hand(model, LEFT_PADDED, images, 6, TOWARDS).tolist()
    written = generated[:, 6:-1] == IMAGE
    assert written.any(), "a picture is written before the last word"
    assert not written.all()


@pytest.mark.parametrize("use_cache", [True, False])
def test_beams_find_what_is_likeliest(model, images, use_cache):
    """As wide as the vocabulary and two deep, the search misses nothing: all pairs are tried by hand."""
    rows = len(model.lang_encoder.transformer.wte.weight)
    generated = model.generate(
        LEFT_PADDED, images, num_beams=rows, do_sample=False, max_new_tokens=2, use_cache=use_cache
    )
    words = torch.arange(rows)
    for row, ids in enumerate(LEFT_PADDED):
        pairs = torch.cartesian_prod(words, words)
        text = torch.cat((ids.expand(len(pairs), -1), pairs), dim=1)
        mask = torch.cat((ids != PAD, torch.tensor([True, True]))).expand(len(pairs), -1)
        with torch.no_grad():
            media = model.encode_media(ids[None], images[row : row + 1]).expand(len(pairs), -1, -1, -1, -1)
            scores = model(text, attention_mask=mask, media=media).logits.log_softmax(dim=-1)
        likely = scores[:, -3].gather(1, pairs[:, :1]) + scores[:, -2].gather(1, pairs[:, 1:])
        assert generated[row, -2:].tolist() == pairs[likely.argmax()].tolist()


def test_beams_of_one_row_see_its_own_pictures(model, images):
    together = model.generate(LEFT_PADDED, images, num_beams=3, do_sample=False, max_new_tokens=6)
    for row, ids in enumerate(LEFT_PADDED):
        alone = model.generate(
            ids[ids != PAD][None], images[row : row + 1], num_beams=3, do_sample=False, max_new_tokens=6
        )
        assert alone[0, -6:].tolist() == together[row, -6:].tolist()
    turned = model.generate(LEFT_PADDED, images.flip(0), num_beams=3, do_sample=False, max_new_tokens=6)
    assert turned.tolist() != together.tolist()


def test_sampling_follows_the_seed_and_the_probabilities(model, images):
    def sampled(seed):
        torch.manual_seed(seed)
        return model.generate(LEFT_PADDED, images, do_sample=True, top_k=0, max_new_tokens=6)

    assert sampled(0).tolist() == sampled(0).tolist() != sampled(1).tolist()
    torch.manual_seed(0)
    ids = LEFT_PADDED[:1]
    drawn = model.generate(
        ids, images[:1], do_sample=True, top_k=0, max_new_tokens=1, num_return_sequences=4000, use_cache=False
    )
    with torch.no_grad():
        expected = model(ids, images[:1]).logits[0, -1].softmax(dim=-1)
    share = torch.bincount(drawn[:, -1], minlength=len(expected)) / len(drawn)
    torch.testing.assert_close(share, expected, rtol=0, atol=0.04)


def test_a_text_ends_with_its_chunk(model, images):
    fresh = tiny_flamingo()
    ends = fresh.generate(LEFT_PADDED, images, sequence_bias=[[[ENDOFCHUNK], 100.0]], **GREEDY)
    assert ends[:, 6:].tolist() == [[ENDOFCHUNK]] * 3
    assert fresh.generation_config.pad_token_id == PAD


def test_a_cache_without_a_place_in_the_text_is_refused(model, images):
    with torch.no_grad():
        cache = model(LEFT_PADDED, images, use_cache=True).past_key_values
    with pytest.raises(ValueError, match=r"with a cache, last_image must say"):
        model(LEFT_PADDED[:, -1:], images, past_key_values=cache)


def test_half_precision_generates(model, images):
    small = tiny_flamingo().to(torch.bfloat16)
    assert small.generate(LEFT_PADDED, images, **GREEDY).shape == (3, 12)
