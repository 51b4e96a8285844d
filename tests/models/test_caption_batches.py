import pytest
import torch
from flamingo_tokens import flamingo_tokenizer
from hypothesis import given
from hypothesis import strategies as st

from roadcue.models.flamingo.batches import caption_batch, prompt_batch
from roadcue.models.flamingo.prompt import ENDOFCHUNK, IMAGE, few_shot_prompt
from roadcue.models.mini.tokenizers import learn_tokenizer

TOKENIZER = flamingo_tokenizer()
IMAGE_ID = TOKENIZER.convert_tokens_to_ids(IMAGE)
captions = st.text(min_size=1, max_size=30).filter(lambda text: text.strip() and "<" not in text)
examples = st.lists(st.tuples(captions, st.lists(captions, max_size=3)), min_size=1, max_size=4)
sides = st.sampled_from(["left", "right"])


def one_line(text: str) -> str:
    return " ".join(text.split())


def texts(ids, mask) -> list[str]:
    return [TOKENIZER.decode(row[kept.bool()]) for row, kept in zip(ids, mask, strict=True)]


@given(examples, sides, st.sampled_from(["", "Describe the scene."]))
def test_what_is_learnt_is_the_answer_and_its_end_and_nothing_else(given_examples, side, instruction):
    answers, shown = zip(*given_examples, strict=True)
    batch = caption_batch(TOKENIZER, answers, shown, instruction=instruction, side=side)
    learnt = batch["labels"] != -100
    assert texts(batch["labels"], learnt) == [one_line(answer) + ENDOFCHUNK for answer in answers]
    assert torch.equal(batch["labels"][learnt], batch["input_ids"][learnt])
    assert (batch["attention_mask"][learnt] == 1).all()
    whole = [
        few_shot_prompt(list(seen), instruction) + one_line(answer) + ENDOFCHUNK for answer, seen in given_examples
    ]
    assert texts(batch["input_ids"], batch["attention_mask"]) == whole


@given(examples, sides)
def test_all_that_is_said_behind_a_picture_can_be_learnt(given_examples, side):
    answers, shown = zip(*given_examples, strict=True)
    batch = caption_batch(TOKENIZER, answers, shown, instruction="Describe.", learn="all", side=side)
    expected = ["".join(one_line(text) + ENDOFCHUNK for text in (*seen, answer)) for answer, seen in given_examples]
    learnt = batch["labels"] != -100
    assert texts(batch["labels"], learnt) == expected
    assert torch.equal(batch["labels"][learnt], batch["input_ids"][learnt])


@given(examples, sides)
def test_padding_is_on_its_side_and_counts_for_nothing(given_examples, side):
    answers, shown = zip(*given_examples, strict=True)
    batch = caption_batch(TOKENIZER, answers, shown, side=side)
    mask = batch["attention_mask"]
    assert mask.sum(dim=1).max() == mask.shape[1]
    steps = mask.diff(dim=1)
    assert ((steps >= 0) if side == "left" else (steps <= 0)).all()
    assert (batch["input_ids"][mask == 0] == TOKENIZER.pad_token_id).all()
    assert (batch["labels"][mask == 0] == -100).all()
    assert {tensor.dtype for tensor in batch.values()} == {torch.int64}
    assert {tensor.shape for tensor in batch.values()} == {mask.shape}


@given(captions, st.lists(captions, max_size=3), st.integers(1, 60), sides)
def test_a_text_that_is_too_long_loses_the_end_of_its_answer_and_no_picture(answer, shown, room, side):
    prompt = prompt_batch(TOKENIZER, [shown])["input_ids"][0]
    batch = caption_batch(TOKENIZER, [answer], [shown], side=side, longest=len(prompt) + room)
    ids, labels = batch["input_ids"][0], batch["labels"][0]
    assert torch.equal(ids[: len(prompt)], prompt)
    assert (ids == IMAGE_ID).sum() == len(shown) + 1
    whole = caption_batch(TOKENIZER, [answer], [shown])["labels"][0]
    assert torch.equal(labels, whole[: len(prompt) + room])
    assert (labels != -100).any()


def test_a_prompt_that_leaves_no_room_for_an_answer_is_refused():
    prompt = prompt_batch(TOKENIZER, [["Rain."]])["input_ids"][0]
    with pytest.raises(ValueError, match=r"with 1 demonstrations has (\d+) tokens of the \1 that may be read"):
        caption_batch(TOKENIZER, ["Sun."], [["Rain."]], longest=len(prompt))
    with pytest.raises(ValueError, match="show fewer demonstrations"):
        prompt_batch(TOKENIZER, [[], ["Rain."]], longest=len(prompt))
    with pytest.raises(ValueError, match=r"of the 2048"):
        prompt_batch(TOKENIZER, [[]], instruction="snow " * 3000)


@given(st.lists(st.lists(captions, max_size=3), min_size=1, max_size=4), st.booleans())
def test_prompts_are_padded_on_the_left_and_end_in_the_question(shown, text_only):
    batch = prompt_batch(TOKENIZER, shown, instruction="Look.", text_only=text_only)
    prompts = [few_shot_prompt(seen, "Look.", text_only=text_only) for seen in shown]
    assert texts(batch["input_ids"], batch["attention_mask"]) == prompts
    assert (batch["attention_mask"].diff(dim=1) >= 0).all()
    assert (batch["attention_mask"][:, -1] == 1).all()


def test_an_end_that_also_pads_is_learnt_all_the_same():
    tokenizer = flamingo_tokenizer()
    tokenizer.pad_token = ENDOFCHUNK
    batch = caption_batch(tokenizer, ["Rain.", "A car is braking ahead."])
    end = tokenizer.convert_tokens_to_ids(ENDOFCHUNK)
    assert ((batch["labels"] == end).sum(dim=1) == 1).all()


def test_without_demonstrations_there_is_one_picture():
    batch = caption_batch(TOKENIZER, ["Rain.", "Sun."])
    assert ((batch["input_ids"] == IMAGE_ID).sum(dim=1) == 1).all()


def test_answers_and_demonstrations_come_in_pairs():
    with pytest.raises(ValueError, match="2 answers and 1 lists of demonstrations"):
        caption_batch(TOKENIZER, ["Rain.", "Sun."], [["Snow."]])


def test_a_tokenizer_that_cannot_pad_is_refused():
    tokenizer = learn_tokenizer(["Output:"])
    tokenizer.add_special_tokens({"additional_special_tokens": [ENDOFCHUNK, IMAGE]})
    tokenizer.pad_token = None
    with pytest.raises(ValueError, match="has no padding token: add OpenFlamingo's <PAD>"):
        caption_batch(tokenizer, ["Rain."])
