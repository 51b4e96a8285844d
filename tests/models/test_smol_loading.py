"""The whole SmolVLM2 out of a folder, and what is said of one that does not fit."""

import json
from itertools import combinations, product

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import ProcessorMixin, SmolVLMForConditionalGeneration

from roadcue.errors import BadCheckpoint
from roadcue.models import mini
from roadcue.models.smol.loading import load_whole

EMBEDDING = "model.text_model.embed_tokens.weight"


def edit(path, change) -> None:
    settings = json.loads(path.read_text())
    change(settings)
    path.write_text(json.dumps(settings))


@torch.no_grad()
def test_the_model_is_that_of_transformers():
    ours, tokenizer = load_whole(mini.SMOL)
    theirs = SmolVLMForConditionalGeneration.from_pretrained(mini.SMOL, dtype=torch.float32).eval()
    for actual, expected in (
        (ours.state_dict(), theirs.state_dict()),
        (dict(ours.named_buffers()), dict(theirs.named_buffers())),
    ):
        assert actual.keys() == expected.keys()
        assert all(torch.equal(actual[name], expected[name]) for name in actual)
    ids = torch.tensor([tokenizer("The road bends to the left.").input_ids])
    assert torch.equal(ours(ids).logits, theirs(ids).logits)
    assert not ours.training
    assert tokenizer.padding_side == "left"


@torch.no_grad()
def test_in_bf16_too_the_places_of_words_are_counted_in_fp32():
    ours, _ = load_whole(mini.SMOL, torch.bfloat16)
    theirs = SmolVLMForConditionalGeneration.from_pretrained(mini.SMOL, dtype=torch.bfloat16).eval()
    assert ours.model.text_model.rotary_emb.inv_freq.dtype == torch.float32
    ids = torch.arange(100, 160)[None]
    assert torch.equal(ours(ids).logits, theirs(ids).logits)


@torch.no_grad()
def test_an_output_that_is_the_embedding_is_in_no_file(folder):
    edit(folder / "config.json", lambda config: config.update(tie_word_embeddings=True))
    path = folder / "model.safetensors"
    tensors = load_file(path)
    del tensors["lm_head.weight"]
    save_file(tensors, path)
    model, _ = load_whole(folder)
    assert model.lm_head.weight is model.model.text_model.embed_tokens.weight
    torch.testing.assert_close(model.lm_head.weight, tensors[EMBEDDING].float())


def test_a_missing_or_extra_weight_is_named(folder):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    del tensors["lm_head.weight"]
    save_file(tensors | {"model.text_model.extra": torch.zeros(2)}, path)
    with pytest.raises(BadCheckpoint, match=r"lm_head\.weight: missing; model\.text_model\.extra: unexpected"):
        load_whole(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda config: config.update(model_type=["smolvlm"]), r"model_type is \['smolvlm'\]: it is no model of"),
        (lambda config: config["text_config"].update(model_type="mixtral"), "is not that of a llama"),
        (lambda config: config.update(text_config=3), "is not that of a llama"),
        (lambda config: config["text_config"].update(hidden_size="wide"), "does not describe a SmolVLM2"),
        (lambda config: config["text_config"].update(num_hidden_layers=2), r"layers\.2.*unexpected"),
        (lambda config: config.update(image_token_id=4), r"is not the tokeniser of this model.*<image> at 4"),
    ],
)
def test_a_config_that_does_not_fit_is_named(folder, change, message):
    edit(folder / "config.json", change)
    with pytest.raises(BadCheckpoint, match=message):
        load_whole(folder)


def test_a_config_cannot_choose_code(folder):
    keys = {"auto_map": {"AutoModel": "evil.Model"}, "_attn_implementation": "org/kernel", "trust_remote_code": True}
    edit(folder / "config.json", lambda config: (config.update(keys), config["text_config"].update(keys)))
    edit(folder / "tokenizer_config.json", lambda config: config.update(keys, tokenizer_class="EvilTokenizer"))
    model, tokenizer = load_whole(folder)
    assert model.config.text_config._attn_implementation == "sdpa"
    assert type(tokenizer).__module__.startswith("transformers.")


@pytest.mark.parametrize(
    ("name", "content"),
    [*product(["tokenizer.json", "tokenizer_config.json"], [None, "", "[1]"]), ("tokenizer.json", '{"model": 3}')],
)
def test_a_tokeniser_that_is_none_is_named(folder, name, content):
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content)
    with pytest.raises(BadCheckpoint, match=r"tokenizer\.json|tokenizer_config\.json"):
        load_whole(folder)


def test_what_ends_and_what_pads_is_not_for_a_file_to_say(folder):
    edit(folder / "tokenizer_config.json", lambda config: config.update(pad_token="<image>", eos_token="<|im_end|>"))
    model, tokenizer = load_whole(folder)
    assert (tokenizer.pad_token, tokenizer.eos_token) == ("<|im_end|>", "<end_of_utterance>")
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id


def test_the_chat_template_may_lie_where_older_checkpoints_keep_it(folder):
    template = (folder / "chat_template.jinja").read_text()
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(BadCheckpoint, match="has no chat template"):
        load_whole(folder)
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": template}))
    assert load_whole(folder)[1].chat_template == template


@pytest.mark.parametrize(
    "places", [places for count in range(4) for places in combinations(["processor", "json", "jinja"], count)]
)
def test_of_several_chat_templates_the_one_is_taken_that_transformers_takes(folder, places):
    """Its processor, over every combination of processor_config.json, chat_template.json and .jinja."""
    template = (folder / "chat_template.jinja").read_text()
    (folder / "chat_template.jinja").unlink()
    edit(folder / "tokenizer_config.json", lambda config: config.update(chat_template=template))
    if "processor" in places:
        edit(folder / "processor_config.json", lambda config: config.update(chat_template=template + "P"))
    if "json" in places:
        (folder / "chat_template.json").write_text(json.dumps({"chat_template": template + "J"}))
    if "jinja" in places:
        (folder / "chat_template.jinja").write_text(template + "X")
    theirs = ProcessorMixin.get_processor_dict(folder)[0].get("chat_template", template)
    assert load_whole(folder)[1].chat_template == theirs
