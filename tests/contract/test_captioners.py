"""What holds for every captioner: prompts with demonstrations, stored visual tokens, ends, grammars."""

import copy

import pytest
import torch
from captioned import prompts_of
from drawn_road import drawn_road
from tiny_vlms import TINY
from transformers import LogitsProcessor

from roadcue.errors import BadInput
from roadcue.models import mini
from roadcue.models.generation import GenerationSettings
from roadcue.models.registry import CAPTIONERS, build_captioner
from roadcue.models.visual_parts import visual_fingerprint, visual_parts_learn

SHOWN = ("A car is ahead.", "The road bends to the left.")
ASKED = ("Describe the scene.", "What is on the road, and how far away is it?", "Go on?")
SHORT = GenerationSettings(max_new_tokens=24)
THREE_BEAMS = GenerationSettings(max_new_tokens=12, num_beams=3)


@pytest.fixture(scope="module", params=["smol", "flamingo", *TINY, "smol by transformers"])
def captioner(request, tmp_path_factory):
    if request.param in CAPTIONERS:
        return build_captioner(request.param)
    if request.param in TINY:
        return build_captioner("auto", checkpoint=str(TINY[request.param](tmp_path_factory.mktemp("tiny"))))
    return build_captioner("auto", checkpoint=str(mini.SMOL))


@pytest.fixture(scope="module")
def visual(captioner):
    """Of three pictures (3, n, d)."""
    pixels = torch.stack([captioner.preprocess(drawn_road(car_x=place)) for place in (0.2, 0.5, 0.8)])
    assert pixels.dtype == torch.uint8
    with torch.no_grad():
        return captioner.encode(pixels)


def few_shot(captioner, visual, counts=(2, 0, 1)):
    """Prompts with so many demonstrations each, and pictures (3, 3, n, d) for them, zeros where there are fewer."""
    prompts = [captioner.prompt(asked, SHOWN[:count]) for asked, count in zip(ASKED, counts, strict=True)]
    pictures = visual.new_zeros(3, max(counts) + 1, *visual.shape[1:])
    for row, count in enumerate(counts):
        pictures[row, : count + 1] = visual.roll(row, dims=0)[: count + 1]
    return pictures, prompts


@pytest.mark.parametrize("settings", [SHORT, THREE_BEAMS], ids=["greedy", "beams"])
def test_a_batch_of_different_prompts_is_the_same_one_by_one(captioner, visual, settings):
    pictures, prompts = few_shot(captioner, visual)
    together = captioner.generate(pictures, prompts, settings)
    for row, count in enumerate((3, 1, 2)):
        alone = captioner.generate(pictures[row : row + 1, :count], prompts[row], settings)
        assert alone == [together[row]]
    assert len(together) == 3


@torch.no_grad()
def test_the_loss_of_a_batch_is_that_of_its_rows(captioner, visual):
    pictures, prompts = few_shot(captioner, visual)
    answers = ["A car.", "The road is free, and it bends to the right.", "Rain."]
    batch = captioner.batch(pictures, prompts, answers)
    learnt = (batch["labels"] != -100).sum(dim=1)
    single = [
        captioner.loss(captioner.batch(pictures[row : row + 1, :count], prompts[row], [answers[row]]))
        for row, count in enumerate((3, 1, 2))
    ]
    expected = (torch.stack(single) * learnt).sum() / learnt.sum()
    torch.testing.assert_close(captioner.loss(batch), expected, rtol=1e-4, atol=1e-5)
    for row, answer in enumerate(answers):
        ids = captioner.answer_ids(answer)
        assert batch["labels"][row][batch["labels"][row] != -100].tolist() == ids
        assert ids[-1] in captioner.end_ids


@torch.no_grad()
def test_an_image_token_is_never_learnt(captioner, visual):
    pictures, prompts = few_shot(captioner, visual)
    batch = captioner.batch(pictures, prompts, ["A car."] * 3)
    image = captioner.tokenizer.convert_tokens_to_ids(captioner.image_token)
    shown = (batch["input_ids"] == image).sum(dim=1) // captioner.placeholders
    assert shown.tolist() == [3, 1, 2]
    assert not (batch["labels"] == image).any()
    batch["labels"] = torch.where(batch["input_ids"] == image, batch["input_ids"], batch["labels"])
    with pytest.raises(AssertionError, match="would be learnt"):
        captioner.loss(batch)


def test_the_prompt_of_demonstrations_is_what_is_learnt_from(captioner):
    """Each demonstration is a prompt and an answer to it, token by token."""
    prompt = captioner.prompt(ASKED[0], SHOWN)
    for answer in SHOWN:
        ids = captioner.answer_ids(answer)
        assert sum(prompt[i : i + len(ids)] == ids for i in range(len(prompt))) == 1
    blind = captioner.prompt(ASKED[0], SHOWN, text_only=True)
    image = captioner.tokenizer.convert_tokens_to_ids(captioner.image_token)
    assert (prompt.count(image), blind.count(image)) == (3 * captioner.placeholders, captioner.placeholders)
    assert all(answer in captioner.tokenizer.decode(blind) for answer in SHOWN)


@torch.no_grad()
def test_demonstrations_are_looked_at_and_read(captioner, visual):
    def loss(pictures, prompt):
        return float(captioner.loss(captioner.batch(pictures, prompt, ["A car is on the left."])))

    pictures, prompt = visual[None], captioner.prompt(ASKED[0], SHOWN)
    other_texts = captioner.prompt(ASKED[0], SHOWN[::-1])
    blind = captioner.prompt(ASKED[0], SHOWN, text_only=True)
    losses = [loss(pictures, prompt), loss(pictures, other_texts), loss(visual[None, 2:], blind)]
    losses.append(loss(torch.stack([visual[0], visual[1], visual[0]])[None], prompt))
    assert len({round(value, 6) for value in losses}) == 4


def test_a_clip_is_several_pictures_before_one_question(captioner):
    prompt, alone = captioner.prompt(ASKED[0], frames=3), captioner.prompt(ASKED[0])
    image = captioner.tokenizer.convert_tokens_to_ids(captioner.image_token)
    assert (prompt.count(image), alone.count(image)) == (3 * captioner.placeholders, captioner.placeholders)
    behind = [ids[len(ids) - ids[::-1].index(image) :] for ids in (prompt, alone)]
    assert behind[0] == behind[1]
    assert captioner.tokenizer.decode(prompt).count(ASKED[0]) == 1
    told, blind = (captioner.prompt(ASKED[0], SHOWN, text_only=each, frames=3) for each in (False, True))
    assert (told.count(image), blind.count(image)) == (9 * captioner.placeholders, 3 * captioner.placeholders)


@torch.no_grad()
def test_every_frame_of_a_clip_is_looked_at_and_their_order_counts(captioner, visual):
    def loss(*places):
        clip = torch.stack([visual[place] for place in places])[None]
        prompt = captioner.prompt(ASKED[0], frames=len(places))
        return round(float(captioner.loss(captioner.batch(clip, prompt, ["A car is on the left."]))), 6)

    assert len({loss(0, 1, 2), loss(2, 1, 2), loss(0, 0, 2), loss(0, 1, 0), loss(1, 0, 2), loss(2)}) == 6


def test_clips_in_a_batch_are_as_one_by_one(captioner, visual):
    clips = torch.stack([visual.roll(row, dims=0) for row in range(3)])
    prompts = [captioner.prompt(asked, frames=3) for asked in ASKED]
    together = captioner.generate(clips, prompts, SHORT)
    assert together == [captioner.generate(clips[row : row + 1], prompts[row], SHORT)[0] for row in range(3)]


def test_more_than_the_context_holds_is_refused_with_the_numbers(captioner, visual):
    with pytest.raises(ValueError, match="33 demonstrations: a prompt has 0 to 32"):
        captioner.prompt(ASKED[0], SHOWN[:1] * 33)
    long = "snow " * (captioner.longest // 8)
    with pytest.raises(ValueError, match=rf"16 demonstrations has \d+ tokens of the {captioner.longest:} that may"):
        captioner.prompt(ASKED[0], [long] * 16, text_only=True)
    with pytest.raises(
        ValueError, match=rf"{captioner.longest} earlier frames has \d+ tokens of the {captioner.longest}"
    ):
        captioner.prompt(ASKED[0], frames=captioner.longest + 1)
    prompt, settings = captioner.prompt(ASKED[0]), GenerationSettings(max_new_tokens=captioner.longest - 3)
    left = captioner.longest - len(prompt)
    with pytest.raises(ValueError, match=rf"has {len(prompt)} tokens, and .* or let answers have {left}$"):
        captioner.generate(visual, prompt, settings)


def test_other_numbers_of_pictures_are_refused(captioner, visual):
    with pytest.raises(ValueError, match="2 prompts for 3 pictures"):
        captioner.generate(visual, [captioner.prompt(asked) for asked in ASKED[:2]])
    with pytest.raises(ValueError, match="a prompt shows 3 pictures"):
        captioner.generate(visual, captioner.prompt(ASKED[0], SHOWN))
    with pytest.raises(ValueError, match="a prompt shows 1 pictures"):
        captioner.generate(visual[None], captioner.prompt(ASKED[0]))


@torch.no_grad()
def test_visual_tokens_may_have_been_stored(captioner, visual):
    """As float16, on another device, one by one."""
    prompts = prompts_of(captioner, ASKED)
    stored = torch.stack([tokens.half() for tokens in visual])
    assert captioner.generate(stored, prompts, SHORT) == captioner.generate(visual, prompts, SHORT)
    losses = [captioner.loss(captioner.batch(tokens, prompts, ["A car."] * 3)) for tokens in (visual, stored)]
    torch.testing.assert_close(*losses, rtol=1e-2, atol=1e-2)


def test_whether_an_answer_has_ended_is_told(captioner, visual):
    prompt = captioner.prompt(ASKED[0])
    cut = captioner.generate(visual, prompt, GenerationSettings(max_new_tokens=2))
    assert not any(one.ended for one in cut)
    grammar = Only(
        captioner.tokenizer.convert_tokens_to_ids(
            ["A", *captioner.tokenizer.convert_ids_to_tokens(captioner.end_ids)]
        )
    )
    ended = captioner.generate(
        visual, prompt, GenerationSettings(max_new_tokens=2, repetition_penalty=100.0), grammar
    )
    assert {one.text for one in ended} <= {"", "A", "AA"}
    for one in ended:
        assert one.ended == (one.text != "AA")


class Only:
    """A grammar of a few tokens, told what xgrammar has to know."""

    def __init__(self, ids):
        self.ids, self.told = ids, []

    def logits_processor(self, tokenizer, end_id, vocab_size):
        self.told.append((tokenizer, end_id, vocab_size))
        return OnlyThese(self.ids)


class OnlyThese(LogitsProcessor):
    def __init__(self, ids):
        self.ids = ids

    def __call__(self, input_ids, scores):
        masked = torch.full_like(scores, -torch.inf)
        masked[:, self.ids] = scores[:, self.ids]
        return masked


def test_a_grammar_holds_and_each_call_has_a_new_one(captioner, visual):
    words = captioner.tokenizer.convert_tokens_to_ids(["A", "B"])
    grammar, prompt = Only(words), captioner.prompt(ASKED[0])
    for _ in range(2):
        for one in captioner.generate(visual, prompt, GenerationSettings(max_new_tokens=4), grammar):
            assert set(one.text) <= {"A", "B"}
            assert not one.ended
    tokenizer, end, width = grammar.told[0]
    assert (len(grammar.told), tokenizer, end) == (2, captioner.tokenizer, captioner.end_ids[0])
    assert width >= len(captioner.tokenizer)
    with pytest.raises(BadInput, match=r"^num_beams 3 with a grammar: "):
        captioner.generate(visual, prompt, THREE_BEAMS, grammar)


def test_no_special_token_but_the_end_is_written(captioner, visual):
    special = [token for token, entry in captioner.tokenizer.added_tokens_decoder.items() if entry.special]
    unwanted = sorted({*special, *range(len(captioner.tokenizer), captioner.scored)} - {*captioner.end_ids})
    assert captioner.tokenizer.convert_tokens_to_ids(captioner.image_token) in unwanted
    settings = GenerationSettings(max_new_tokens=3)
    prompt, scores = captioner.prompt(ASKED[0]), []

    class Watching(LogitsProcessor):
        def __call__(self, input_ids, given):
            scores.append(given)
            return given

    class Watched:
        def logits_processor(self, *_):
            return Watching()

    captioner.generate(visual, prompt, settings, Watched())
    assert all(
        each[:, unwanted].isneginf().all() and not each[:, captioner.end_ids].isneginf().any() for each in scores
    )
    assert len(scores) == 3


def test_a_text_holds_nothing_that_moves_a_terminal(captioner, visual, monkeypatch):
    monkeypatch.setattr(
        type(captioner.tokenizer), "batch_decode", lambda *_, **__: [" \x1b[31m[bold]red\x07\n🚗\x9b2J\r "] * 3
    )
    assert captioner.generate(visual, captioner.prompt(ASKED[0]), SHORT)[0].text == "[31m[bold]red\n🚗2J"


def test_texts_of_people_are_taken_or_refused_in_words(captioner, visual):
    prompt = captioner.prompt("Describe\n\nthe scene. 🚗")
    batch = captioner.batch(visual, prompt, ["A 🚗.\r\nA tree.", "[bold]A car.[/bold]", "snow " * 20_000])
    kept = [row[row != -100] for row in batch["labels"]]
    texts = [captioner.tokenizer.decode(row, skip_special_tokens=True).strip() for row in kept]
    assert texts[:2] == ["A 🚗. A tree.", "[bold]A car.[/bold]"]
    assert len(prompt) + len(kept[2]) == captioner.longest
    with pytest.raises(ValueError, match="caption is empty"):
        captioner.answer_ids(" \n ")
    for text in (f"A {captioner.image_token}", f"A {captioner.end_token}"):
        with pytest.raises(ValueError, match="would take for a sign"):
            captioner.answer_ids(text)
        with pytest.raises(ValueError, match="would take for a sign"):
            captioner.prompt(text)
        with pytest.raises(ValueError, match="would take for a sign"):
            captioner.prompt("Go on?", [text])


@torch.no_grad()
def test_the_fingerprint_of_visual_tokens_is_of_what_makes_them(captioner, visual):
    """Of every visual part, and of nothing that only reads them."""
    before = visual_fingerprint(captioner)
    assert visual_parts_learn(captioner) == any(
        weight.requires_grad for part in captioner.visual_parts for weight in part.parameters()
    )
    changed = copy.deepcopy(captioner)
    seen = {id(weight) for part in changed.visual_parts for weight in part.parameters()}
    for weight in changed.model.parameters():
        if id(weight) not in seen:
            weight.add_(1)
    pixels = torch.stack([captioner.preprocess(drawn_road(car_x=place)) for place in (0.2, 0.5, 0.8)])
    assert torch.equal(changed.encode(pixels), visual)
    assert visual_fingerprint(changed) == before
    for part in changed.visual_parts:
        weight = next(part.parameters())
        weight.add_(1)
        assert visual_fingerprint(changed) != before
        assert not torch.equal(changed.encode(pixels), visual)
        weight.sub_(1)
