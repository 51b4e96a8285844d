import pytest
import torch
from tiny_flamingo import ENDOFCHUNK, IMAGE, PAD, drawn_images, tiny_config, tiny_flamingo
from torch import nn
from transformers.models.mpt.modeling_mpt import MptAttention

from roadcue.models.flamingo.modeling.config import MPT_1B, PUBLISHED
from roadcue.models.flamingo.modeling.model import Flamingo


class Gives(nn.Module):
    """A layer whose answer is known beforehand."""

    def __init__(self, answer: torch.Tensor) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, _: torch.Tensor) -> torch.Tensor:
        return self.answer


EXACT = {"rtol": 0, "atol": 1e-5}


@pytest.fixture(scope="module")
def model():
    return tiny_flamingo()


@pytest.fixture(scope="module")
def full_size():
    with torch.device("meta"):
        return Flamingo(PUBLISHED).eval()


def numbers(parameters) -> int:
    return sum(parameter.numel() for parameter in parameters)


def test_the_published_size(full_size):
    tower, perceiver, language = full_size.vision_encoder, full_size.perceiver, full_size.lang_encoder
    blocks = [numbers(block.parameters()) for block in language.gated]
    projection = 1024 * 768  # of open_clip's tower, into the space of the texts: not read
    assert numbers(tower.parameters()) + projection == 303_966_208
    assert numbers(perceiver.parameters()) == 63_019_008
    assert blocks == [36_708_354] * 24
    resized = (50_432 - 50_280) * 2048
    assert numbers(language.parameters()) - sum(blocks) + resized == 1_311_442_944
    assert MPT_1B["vocab_size"] == 50_280


def test_what_the_package_trains_is_trainable_and_nothing_else(full_size):
    trainable = {name for name, weight in full_size.named_parameters() if weight.requires_grad}
    assert numbers(weight for weight in full_size.parameters() if weight.requires_grad) == 1_046_992_944
    assert len(trainable) == len(full_size.trained_state()) == 334
    assert sum(name.startswith("perceiver.") for name in trainable) == 69
    assert sum(".gated_cross_attn_layer." in name for name in trainable) == 264
    assert "lang_encoder.transformer.wte.weight" in trainable


def test_a_step_of_training_moves_what_is_trainable(model):
    model = tiny_flamingo(seed=3)
    ids = torch.tensor([[IMAGE, 2, 3, 4, ENDOFCHUNK]])
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    model.train()
    model(ids, drawn_images(1, 1), labels=ids).loss.backward()
    torch.optim.SGD([weight for weight in model.parameters() if weight.requires_grad], lr=0.1).step()
    moved = {name for name, weight in model.named_parameters() if not torch.equal(weight, before[name])}
    assert moved == set(model.trained_state())


def test_gates_of_new_blocks_start_where_they_are_told():
    for model in (Flamingo(tiny_config()), Flamingo(tiny_config(gate_init=0.1))):
        gates = torch.stack([gate for block in model.lang_encoder.gated for gate in (block.attn_gate, block.ff_gate)])
        assert (gates == torch.tensor(model.config.gate_init)).all()
    model.set_gates(0.5)
    assert model.lang_encoder.gated[0].ff_gate == model.lang_encoder.gated[2].attn_gate == 0.5
    assert model.lang_encoder.gated[0].ff_gate.requires_grad


@torch.no_grad()
def test_closed_gates_leave_the_language_model_alone():
    model = tiny_flamingo()
    model.set_gates(0.0)
    ids = torch.tensor([[IMAGE, 2, 3, 4]])
    seen, other = model(ids, drawn_images(1, 1)).logits, model(ids, drawn_images(1, 1, seed=1)).logits
    assert torch.equal(seen, other)


@torch.no_grad()
@pytest.mark.parametrize("every", [1, 2, 3])
def test_cross_attention_stands_before_every_nth_block(every):
    model = tiny_flamingo(cross_attn_every_n_layers=every)
    layers = model.lang_encoder.transformer.blocks
    assert [layer.gated_cross_attn_layer is not None for layer in layers] == [(n + 1) % every == 0 for n in range(3)]
    ids = torch.tensor([[IMAGE, 2, 3, 4]])
    assert not torch.equal(model(ids, drawn_images(1, 1)).logits, model(ids, drawn_images(1, 1, seed=1)).logits)


@torch.no_grad()
def test_words_see_the_last_picture_before_them_alone(model):
    ids = torch.tensor([[2, IMAGE, 3, 4, IMAGE, 5, 6]])
    images = drawn_images(1, 2)
    logits = model(ids, images).logits

    def changed(picture: int) -> list[int]:
        """Places whose gated attention, apart from what earlier places tell them, hears this picture."""
        other = images.clone()
        other[:, picture] = drawn_images(1, 1, seed=9)[:, 0]
        return (model(ids, other).logits != logits).any(dim=-1)[0].nonzero().flatten().tolist()

    assert changed(0) == [1, 2, 3, 4, 5, 6], "from its place on; later words hear it through the words between"
    assert changed(1) == [4, 5, 6]
    media, seen = model.encode_media(ids, images), torch.tensor([[0, 1, 2, 3]])
    block, hidden = model.lang_encoder.gated[0], torch.randn(1, 4, 32)
    none, first, second, beyond = block.attn(hidden, media[:, 0], seen).unbind(1)
    assert torch.equal(none, torch.zeros_like(none)), "before any picture there is nothing to see"
    for number, attended in ((1, first), (2, second)):
        alone = media[:, 0, number - 1 : number]
        torch.testing.assert_close(
            attended, block.attn(hidden, alone, torch.ones(1, 4, dtype=int))[:, number], **EXACT
        )
    latents = media[:, 0].flatten(1, 2).chunk(2, dim=-1)[1].mean(dim=1)
    torch.testing.assert_close(beyond, block.attn.to_out(latents), **EXACT)


@torch.no_grad()
def test_words_may_see_all_pictures_before_them():
    model = tiny_flamingo(only_attend_immediate_media=False)
    attn, hidden = model.lang_encoder.gated[0].attn, torch.randn(1, 3, 32)
    media = model.encode_media(torch.tensor([[IMAGE, IMAGE]]), drawn_images(1, 2))[:, 0]
    attended = attn(hidden, media, torch.tensor([[0, 1, 2]]))
    none, first, both = attended.unbind(1)
    assert torch.equal(none, torch.zeros_like(none))
    ones = torch.ones(1, 3, dtype=int)
    torch.testing.assert_close(first, attn(hidden, media[:, :1], ones)[:, 1], **EXACT)
    torch.testing.assert_close(both, attn(hidden, media.flatten(1, 2)[:, None], ones)[:, 2], **EXACT)


@torch.no_grad()
def test_padding_on_the_left_changes_nothing(model):
    ids, images = torch.tensor([[IMAGE, 2, 3, 4]]), drawn_images(1, 1)
    padded = torch.cat((torch.full((1, 3), PAD), ids), dim=1)
    logits = model(padded, images, padded != PAD).logits[:, 3:]
    torch.testing.assert_close(logits, model(ids, images).logits, **EXACT)
    assert not torch.allclose(model(padded, images).logits[:, 3:], model(ids, images).logits, **EXACT)


@torch.no_grad()
def test_pictures_after_the_last_that_is_told_of_are_padding(model):
    ids, images = torch.tensor([[IMAGE, 2, 3]]), drawn_images(1, 2)
    torch.testing.assert_close(model(ids, images).logits, model(ids, images[:, :1]).logits, **EXACT)


@torch.no_grad()
def test_words_without_pictures_are_words(model):
    ids = torch.tensor([[2, 3, 4]])
    logits = model(ids).logits
    assert torch.equal(logits, model(ids, drawn_images(1, 1)[:, :0]).logits)
    torch.testing.assert_close(logits, model(ids, drawn_images(1, 1)).logits, **EXACT)


@pytest.mark.parametrize(
    ("ids", "images", "message"),
    [
        ([[IMAGE, IMAGE]], (1, 1), "up to 2 <image> in a row, and pictures for 1 rows, 1 in each"),
        ([[IMAGE, 2], [IMAGE, 3]], (1, 1), "2 rows of text .* pictures for 1 rows"),
        ([[IMAGE, 2]], None, "up to 1 <image> in a row"),
    ],
)
def test_pictures_that_do_not_fit_the_text_are_refused(model, ids, images, message):
    pixels = None if images is None else drawn_images(*images)
    with pytest.raises(ValueError, match=message):
        model(torch.tensor(ids), pixels)
    with pytest.raises(ValueError, match=message):
        model.generate(torch.tensor(ids), pixels, max_new_tokens=1)


@pytest.mark.parametrize("shape", [(1, 1, 1, 3, 28, 28), (1, 3, 28, 28), (1, 1, 3, 28, 42), (1, 1, 1, 28, 28)])
def test_a_shape_that_is_not_of_pictures_is_refused(model, shape):
    with pytest.raises(ValueError, match=r"must be \(b, images, 3, 28, 28\), .* vision_x\[:, :, 0\]; got"):
        model(torch.tensor([[IMAGE]]), torch.randn(shape))


@torch.no_grad()
def test_the_loss_is_that_of_the_next_token_where_it_is_asked(model):
    ids, images = torch.tensor([[IMAGE, 2, 3, 4]]), drawn_images(1, 1)
    labels = torch.tensor([[-100, -100, 3, 4]])
    out = model(ids, images, labels=labels)
    expected = -out.logits.log_softmax(dim=-1)[0, [1, 2], [3, 4]].mean()
    torch.testing.assert_close(out.loss, expected)
    torch.testing.assert_close(model(ids, images, labels=labels, logits_to_keep=3).loss, expected)
    assert model(ids, images, logits_to_keep=2).logits.shape == (1, 2, 13)


@torch.no_grad()
def test_a_steeper_alibi_is_honoured(model):
    ids = torch.tensor([[2, 3, 4, 5]])
    text = model.config.text_config.to_dict()
    steeper = tiny_flamingo(text_config=text | {"attn_config": {"qk_ln": True, "alibi_bias_max": 16}})
    assert steeper.config.text_config.attn_config.alibi_bias_max == 16
    assert not torch.allclose(steeper(ids).logits, model(ids).logits, **EXACT)


@torch.no_grad()
def test_queries_and_keys_are_normalised_over_their_full_width(model):
    attention = model.lang_encoder.transformer.blocks[0].decoder_layer.attn
    hidden, bias, mask = torch.randn(2, 5, 32), torch.randn(4, 1, 5), torch.ones(5, 5).triu(1).bool()
    q, k, v = attention.Wqkv(hidden).chunk(3, dim=-1)
    q, k = (torch.nn.functional.layer_norm(part, (32,)) for part in (q, k))
    normal = torch.cat((q * attention.q_ln.weight, k * attention.k_ln.weight, v), dim=-1)
    plain = MptAttention(model.config.text_config, 0)
    plain.Wqkv, plain.out_proj = Gives(normal), attention.out_proj
    for actual, expected in zip(attention(hidden, bias, None, mask), plain(hidden, bias, None, mask), strict=True):
        torch.testing.assert_close(actual, expected, **EXACT)
