import subprocess
import sys

import pytest
from flamingo_tokens import flamingo_tokenizer
from hypothesis import given
from hypothesis import strategies as st
from tokenizers.processors import TemplateProcessing

from roadcue.models.flamingo.prompt import (
    ENDOFCHUNK,
    IMAGE,
    answer_text,
    few_shot_prompt,
    few_shot_segments,
    tokenize_segments,
)
from roadcue.models.mini.tokenizers import learn_tokenizer
from roadcue.prompts.demonstrations import MOST_DEMONSTRATIONS

TOKENIZER = flamingo_tokenizer()
SPECIAL = [IMAGE, ENDOFCHUNK, "<PAD>", "<|endoftext|>", "<|padding|>"]
captions = st.text(min_size=1, max_size=40).filter(
    lambda text: text.strip() and not any(token in text for token in (*SPECIAL, *TOKENIZER.all_special_tokens))
)


def test_the_prompt_is_that_of_open_flamingos_evaluation():
    assert few_shot_prompt() == "<image>Output:"
    assert few_shot_prompt(["A car.", "Rain."]) == (
        "<image>Output:A car.<|endofchunk|><image>Output:Rain.<|endofchunk|><image>Output:"
    )


def test_its_zero_shot_prompt_has_texts_without_pictures():
    published = few_shot_prompt(["A car.", "Rain."], text_only=True)
    assert published == "Output:A car.<|endofchunk|>Output:Rain.<|endofchunk|><image>Output:"


def test_the_instruction_stands_once_and_first():
    instruction = "Describe the scene."
    assert (
        few_shot_prompt(["Rain."], instruction)
        == "Describe the scene.<image>Output:Rain.<|endofchunk|><image>Output:"
    )
    assert few_shot_prompt([], instruction) == "Describe the scene.<image>Output:"
    assert few_shot_prompt(["Rain."], instruction, text_only=True).startswith("Describe the scene. Output:Rain.")
    assert few_shot_prompt(["Rain."], text_only=True).startswith("Output:Rain.")


@given(st.lists(captions, max_size=MOST_DEMONSTRATIONS), captions, st.booleans())
def test_every_caption_comes_back_in_its_place_and_in_one_line(shown, instruction, text_only):
    prompt = few_shot_prompt(shown, instruction, text_only=text_only)
    *chunks, query = prompt.split(ENDOFCHUNK)
    assert query.endswith("<image>Output:")
    assert [chunk.split("Output:", 1)[1] for chunk in chunks[1:]] == [" ".join(text.split()) for text in shown[1:]]
    assert prompt.count(IMAGE) == (1 if text_only else len(shown) + 1)
    assert len(prompt.splitlines()) == 1
    assert "".join(few_shot_segments(shown, instruction, text_only=text_only)) == prompt


def test_questions_and_answers_take_turns():
    segments = few_shot_segments(["A car.", "Rain."], "Look.")
    assert segments[0::2] == ["Look.<image>Output:", "<image>Output:", "<image>Output:"]
    assert (
        segments[1::2]
        == [answer_text("A car."), answer_text("Rain.")]
        == ["A car.<|endofchunk|>", "Rain.<|endofchunk|>"]
    )


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\u2028", "\t", "\v", "\x85", "\n\n  "])
def test_line_ends_become_spaces(line_end):
    assert answer_text(f" A car{line_end}ahead.\n") == "A car ahead.<|endofchunk|>"


def test_there_are_at_most_32_demonstrations():
    assert few_shot_prompt(["x"] * 32).count(IMAGE) == 33
    with pytest.raises(ValueError, match="33 demonstrations: a prompt has 0 to 32 of them"):
        few_shot_prompt(["x"] * 33)


@pytest.mark.parametrize("token", SPECIAL)
def test_a_text_with_a_special_token_is_refused_wherever_it_stands(token):
    for texts in ({"captions": [f"A {token} sign"]}, {"instruction": token}):
        with pytest.raises(ValueError, match=r"(caption|instruction) '.*' holds '<.*which the model would take for"):
            few_shot_prompt(**texts)
    with pytest.raises(ValueError, match="holds"):
        answer_text(token)


def test_an_empty_caption_is_refused():
    with pytest.raises(ValueError, match="a caption is empty"):
        few_shot_prompt(["A car.", " \n"])


@given(st.lists(captions, max_size=4))
def test_the_ids_spell_the_prompt_with_one_id_for_each_picture(shown):
    ids = [token for segment in tokenize_segments(TOKENIZER, few_shot_segments(shown)) for token in segment]
    assert TOKENIZER.decode(ids) == few_shot_prompt(shown)
    assert ids.count(TOKENIZER.convert_tokens_to_ids(IMAGE)) == len(shown) + 1
    assert ids.count(TOKENIZER.convert_tokens_to_ids(ENDOFCHUNK)) == len(shown)


def test_an_answer_never_shares_a_token_with_its_question():
    question, answer = few_shot_segments(["(none)"])[:2]
    ids = tokenize_segments(TOKENIZER, [question, answer])
    assert TOKENIZER.decode(ids[1]) == answer
    assert TOKENIZER(question + answer).input_ids != ids[0] + ids[1], "the tokenizer of this test merges :("


def test_a_tokenizer_that_begins_every_text_with_a_token_does_not_begin_every_part_with_one():
    tokenizer = flamingo_tokenizer()
    bos = ("<|im_start|>", tokenizer.bos_token_id)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="<|im_start|> $A", special_tokens=[bos])
    assert tokenizer("Rain.").input_ids[0] == tokenizer.bos_token_id
    assert tokenize_segments(tokenizer, few_shot_segments(["Rain."])) == tokenize_segments(
        TOKENIZER, few_shot_segments(["Rain."])
    )


def test_a_tokenizer_without_the_tokens_is_refused():
    with pytest.raises(ValueError, match=r"does not know <\|endofchunk\|>: add OpenFlamingo's"):
        tokenize_segments(learn_tokenizer(["Output:"]), few_shot_segments())


def test_the_tokenizers_other_special_tokens_are_refused_too():
    with pytest.raises(ValueError, match=r"holds '<\|im_start\|>'"):
        tokenize_segments(TOKENIZER, few_shot_segments(["A <|im_start|> sign"]))


def test_prompts_cost_no_import_of_torch():
    code = "import sys, roadcue.models.flamingo.prompt; sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
