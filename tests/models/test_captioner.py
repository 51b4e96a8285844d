"""What holds for every captioner, on the miniatures."""

import copy
import json
import shutil

import pytest
import torch
from captioned import batch_of, texts_of
from drawn_road import drawn_road
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from roadcue.errors import BadCheckpoint, BadEncoder, BadInput
from roadcue.models import mini
from roadcue.models.chat import rendering
from roadcue.models.encoder import DTYPES
from roadcue.models.flamingo.batches import caption_batch
from roadcue.models.flamingo.captioner import FlamingoCaptioner
from roadcue.models.generation import GenerationSettings
from roadcue.models.preprocessing import Normalisation
from roadcue.models.registry import build_captioner, build_encoder
from roadcue.models.smol import prompt as smol
from roadcue.models.smol.captioner import SmolCaptioner
from roadcue.models.token_batches import IGNORED
from roadcue.models.visual_parts import fingerprint

ANSWERS = ["A car is ahead.", "The road bends to the left, and there is a crossing after 12 metres."]
TOLD = "Describe the scene."
WHICH = ["smol", "flamingo"]


@pytest.fixture(scope="module", params=WHICH)
def captioner(request):
    return build_captioner(request.param)


@pytest.fixture(scope="module")
def pixels(captioner):
    return two_pictures(captioner)


def two_pictures(captioner) -> torch.Tensor:
    """(2, 3, 224, 224) uint8, a car on the left and one on the right."""
    return torch.stack([captioner.preprocess(drawn_road(car_x=place)) for place in (0.25, 0.8)])


def decoded(captioner, ids) -> str:
    return captioner.tokenizer.decode(ids)


def test_a_captioner_says_what_it_is(captioner):
    assert captioner.name in WHICH
    assert "miniature shipped with RoadCue" in captioner.description
    assert fingerprint(captioner)["captioner"] == captioner.name
    assert all(isinstance(part, str) for part in fingerprint(captioner).values())
    assert captioner.to("cpu") is captioner


def test_the_answer_and_its_end_are_learnt_and_nothing_else(captioner, pixels):
    batch = batch_of(captioner, pixels, TOLD, ANSWERS)
    assert batch["visual"].shape[:2] == (2, 1)
    for ids, labels, answer in zip(batch["input_ids"], batch["labels"], ANSWERS, strict=True):
        learnt = labels != IGNORED
        assert torch.equal(labels[learnt], ids[learnt])
        assert decoded(captioner, labels[learnt]).strip() == answer + captioner.end_token
        assert TOLD in decoded(captioner, ids[~learnt])
    image = captioner.tokenizer.convert_tokens_to_ids(captioner.image_token)
    assert (batch["input_ids"] == image).any()
    assert not (batch["labels"] == image).any()
    assert (batch["labels"][batch["attention_mask"] == 0] == IGNORED).all()


@torch.no_grad()
def test_the_loss_is_that_of_the_learnt_tokens_alone(captioner, pixels):
    batch = batch_of(captioner, pixels, TOLD, ANSWERS)
    loss = captioner.loss(batch)
    assert loss.ndim == 0
    logits = captioner.model(
        batch["input_ids"], attention_mask=batch["attention_mask"], **captioner.visual_inputs(batch["visual"], [1, 1])
    ).logits
    learnt = batch["labels"][:, 1:] != IGNORED
    likely = logits[:, :-1].float().log_softmax(dim=-1)[learnt]
    expected = -likely.gather(1, batch["labels"][:, 1:][learnt][:, None]).mean()
    torch.testing.assert_close(loss, expected)
    padding = batch["attention_mask"] == 0
    assert padding.any()
    other = batch | {"input_ids": torch.where(padding, batch["input_ids"][0, 0], batch["input_ids"])}
    assert torch.equal(captioner.loss(other), loss)


@torch.no_grad()
def test_a_batch_of_two_is_two_batches_of_one(captioner, pixels):
    instructions = [TOLD, "What is on the road, and how far away is it?"]
    together = captioner.loss(batch_of(captioner, pixels, instructions, ANSWERS))
    total, tokens = 0.0, 0
    for row in range(2):
        batch = batch_of(captioner, pixels[row : row + 1], instructions[row], [ANSWERS[row]])
        learnt = int((batch["labels"] != IGNORED).sum())
        total, tokens = total + learnt * float(captioner.loss(batch)), tokens + learnt
    assert float(together) == pytest.approx(total / tokens, rel=1e-5)
    written = texts_of(captioner, pixels, instructions)
    assert written == [texts_of(captioner, pixels[row : row + 1], instructions[row])[0] for row in range(2)]


@torch.no_grad()
def test_the_picture_matters(captioner, pixels):
    losses = [captioner.loss(batch_of(captioner, seen, TOLD, ANSWERS)) for seen in (pixels, 255 - pixels)]
    assert abs(losses[0] - losses[1]) > 0.01


@pytest.mark.parametrize("beams", [1, 3])
def test_generation_is_deterministic_and_ends(captioner, pixels, beams):
    settings = GenerationSettings(num_beams=beams)
    once, again = texts_of(captioner, pixels, TOLD, settings), texts_of(captioner, pixels, TOLD, settings)
    assert once == again
    for text in once:
        assert text.endswith(".")
        assert "<" not in text
        assert len(text.split()) > 3
    longer = texts_of(captioner, pixels, TOLD, GenerationSettings(num_beams=beams, max_new_tokens=400))
    assert longer == once, "it ended by itself"
    short = texts_of(captioner, pixels, TOLD, GenerationSettings(num_beams=beams, max_new_tokens=2))
    assert all(len(text) < len(whole) for text, whole in zip(short, once, strict=True))


def test_an_instruction_is_answered_the_same_beside_a_longer_one(captioner, pixels):
    asked = ["Go on?", "Describe the scene in front of the camera, with all cars and people in it."]
    alone = [texts_of(captioner, pixels[i : i + 1], asked[i])[0] for i in range(2)]
    assert texts_of(captioner, pixels, asked) == alone


@torch.no_grad()
def test_what_was_saved_comes_back(captioner, pixels, tmp_path):
    batch = batch_of(captioner, pixels, TOLD, ANSWERS)
    captioner.save_pretrained(tmp_path)
    again = type(captioner).from_pretrained(str(tmp_path))
    assert torch.equal(again.loss(batch_of(again, pixels, TOLD, ANSWERS)), captioner.loss(batch))
    assert texts_of(again, pixels, TOLD) == texts_of(captioner, pixels, TOLD)
    changed = {part for part in fingerprint(again) if fingerprint(again)[part] != fingerprint(captioner)[part]}
    assert not changed
    assert build_encoder(captioner.name, checkpoint=str(tmp_path)).encode(pixels).isfinite().all()


def test_a_step_changes_what_may_learn_and_nothing_else(captioner, pixels):
    learner = copy.deepcopy(captioner).train()
    before = copy.deepcopy(learner.state_dict())
    groups = learner.parameter_groups(0.1)
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    learnt = learner.trainable_parameters()
    assert {id(weight) for group in groups for weight in group["params"]} == {
        id(weight) for weight in learnt.values()
    }
    assert sum(len(group["params"]) for group in groups) == len(learnt)
    optimizer = torch.optim.AdamW(groups, lr=1e-2)
    learner.loss(batch_of(learner, pixels, TOLD, ANSWERS)).backward()
    learner.after_backward()
    optimizer.step()
    after = learner.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed <= learnt.keys() | {"model.lang_encoder.lm_head.weight"}
    assert len(changed) > 0.9 * len(learnt)
    assert not any("vision" in name for name in changed)
    if captioner.name == "flamingo":
        embedding = "model.lang_encoder.transformer.wte.weight"
        rows = (before[embedding] != after[embedding]).any(dim=1).nonzero().flatten().tolist()
        ids = learner.tokenizer.convert_tokens_to_ids([learner.end_token, learner.image_token])
        assert rows == sorted(ids)


def test_what_decays(captioner):
    names = {id(weight): name for name, weight in captioner.trainable_parameters().items()}
    decaying, rest = ({names[id(w)] for w in group["params"]} for group in captioner.parameter_groups(0.1))
    if captioner.name == "flamingo":
        assert all("gated_cross_attn" in name for name in decaying)
        assert not any("gated_cross_attn" in name for name in rest)
        assert any(name.startswith("model.perceiver.") for name in rest)
    else:
        assert "model.lm_head.weight" in decaying
        assert {name for name in rest if "norm" not in name} == {"model.model.text_model.embed_tokens.weight"}


@pytest.mark.parametrize("answers", [["A car."], ["A car.", " \n"], ["A car.", "An <image>."]])
def test_answers_that_cannot_be_learnt_are_refused(captioner, pixels, answers):
    with pytest.raises(ValueError, match=r"2 pictures and 1 answers|caption is empty|holds '<image>'"):
        batch_of(captioner, pixels, TOLD, answers)


def test_instructions_that_cannot_be_asked_are_refused(captioner, pixels):
    with pytest.raises(ValueError, match="3 prompts for 2 pictures"):
        texts_of(captioner, pixels, [TOLD] * 3)
    with pytest.raises(ValueError, match="holds '<image>'"):
        texts_of(captioner, pixels, "Look at <image>.")
    with pytest.raises(ValueError, match=r"of the 2048 that may be read"):
        texts_of(captioner, pixels, "snow " * 3000)


def test_an_answer_that_is_too_long_loses_its_end(captioner, pixels):
    batch = batch_of(captioner, pixels, TOLD, ["A car is ahead. " * 1000, "A car."])
    assert batch["input_ids"].shape == (2, 2048)
    assert not (batch["labels"][0] == captioner.tokenizer.convert_tokens_to_ids(captioner.end_token)).any()


def test_a_captioner_reads_one_square():
    with pytest.raises(BadEncoder, match="reads one square of a picture"):
        build_captioner("flamingo", aspect="tiles")


@pytest.mark.parametrize("dtype", ["bf16", "fp16"])
def test_half_the_digits(pixels, captioner, dtype):
    half = build_captioner(captioner.name, dtype=dtype)
    assert {weight.dtype for weight in half.model.parameters()} == {DTYPES[dtype]}
    coarse, fine = (c.loss(batch_of(c, pixels, TOLD, ANSWERS)).item() for c in (half, captioner))
    assert coarse == pytest.approx(fine, rel=0.05)


@pytest.mark.parametrize("wrong", [{"max_new_tokens": 0}, {"num_beams": 0}, {"repetition_penalty": 0.0}])
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(BadInput, match="must be"):
        GenerationSettings(**wrong)


@torch.no_grad()
def test_flamingos_loss_is_that_of_its_own_batches_to_the_bit():
    captioner = FlamingoCaptioner.from_pretrained("mini")
    pixels = two_pictures(captioner)
    batch = caption_batch(captioner.tokenizer, ANSWERS)
    pictures = Normalisation(captioner.preprocess)(pixels)[:, None]
    expected = captioner.model(
        batch["input_ids"], pixel_values=pictures, attention_mask=batch["attention_mask"], labels=batch["labels"]
    ).loss
    assert torch.equal(captioner.loss(batch_of(captioner, pixels, "", ANSWERS)), expected)


@torch.no_grad()
def test_smols_prompt_and_tokens_are_those_of_transformers():
    captioner = SmolCaptioner.from_pretrained("mini")
    picture = Image.fromarray(drawn_road(224, 224))
    processor = AutoProcessor.from_pretrained(mini.SMOL)
    question = [{"type": "image", "image": picture}, {"type": "text", "text": TOLD}]
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": question}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    assert captioner.prompt(TOLD) == inputs["input_ids"][0].tolist()
    model = AutoModelForImageTextToText.from_pretrained(mini.SMOL, dtype=torch.float32).eval()
    theirs = model.get_image_features(inputs["pixel_values"]).pooler_output[0]
    pixels = captioner.preprocess(drawn_road(224, 224))[None]
    ours = captioner.encode(pixels)[0]
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    written = model.generate(**inputs, max_new_tokens=80, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    assert texts_of(captioner, pixels, TOLD) == [processor.decode(written, skip_special_tokens=True).strip()]


def test_a_picture_that_normalises_to_nothing_is_a_picture(tmp_path):
    """transformers takes a picture whose every number is zero for padding, and then misses its tokens."""
    folder = shutil.copytree(mini.SMOL, tmp_path / "smol")
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"image_mean": [0.4] * 3}))
    captioner = SmolCaptioner.from_pretrained(str(folder))
    grey = torch.full((2, 3, 224, 224), 102, dtype=torch.uint8)
    assert captioner.normalise(grey).abs().max() < 1e-6
    assert captioner.loss(batch_of(captioner, grey, TOLD, ANSWERS)).isfinite()


TEMPLATES = {
    "{{ messages.__class__.__mro__[1].__subclasses__() }}<image>": "its chat template fails",
    "{% for": "its chat template fails",
    "no picture": "does not write an answer behind the prompt",
    smol.CHAT_TEMPLATE.replace("<image>", "here"): "does not write one <image>",
    "{% for i in range(9999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}": "does not end: it was stopped",
    "{{ 'snow' * 10 ** 10 }}": "takes more memory",
    "{% for i in range(99999) %}{{ 'snow' }}{% endfor %}": "writes more than 200,000 characters",
    smol.CHAT_TEMPLATE.replace("part['text']", "part['text'] | upper"): "does not write an answer behind",
    smol.CHAT_TEMPLATE.replace(
        "part['text']", "part['text'] | replace('Instruction', '')"
    ): "in their order as they are",
    "{{ raise_exception('a system role is needed') }}": r"its chat template fails \(TemplateError: a system role",
    "<image>{{ messages[-1]['content'][0]['text'] }}": "does not write an answer behind the prompt",
}


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_chat_template_is_nobodys_but_a_text_to_render(template, monkeypatch):
    monkeypatch.setattr(rendering, "MOST_SECONDS", 1)
    captioner = SmolCaptioner.from_pretrained("mini")
    pixels = two_pictures(captioner)
    captioner.tokenizer.chat_template = template
    with pytest.raises(BadCheckpoint, match=TEMPLATES[template]):
        batch_of(captioner, pixels, TOLD, ANSWERS)


def test_what_the_picture_takes_in_the_prompt():
    assert smol.picture_text(2) == "<fake_token_around_image><global-img><image><image><fake_token_around_image>"
