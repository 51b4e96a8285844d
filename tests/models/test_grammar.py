"""A generation held to a grammar, on both miniatures: what it lets through, where it may end, and what it refuses."""

import json
import sys

import pytest
import torch
from captioned import written_of
from drawn_road import drawn_road
from jsonschema import Draft202012Validator

from roadcue.errors import BadInput
from roadcue.models.generation import GenerationSettings, Written
from roadcue.models.grammar import Grammar
from roadcue.models.registry import build_captioner

TOLD = 'root ::= ("Go" | "Stop") ": " [^\\n]+'
SCHEMA = {
    "type": "object",
    "properties": {"way": {"enum": ["left", "right"]}, "seen": {"type": "array", "items": {"enum": ["car"]}}},
    "required": ["way", "seen"],
    "additionalProperties": False,
}
PADDING = 10


@pytest.fixture(scope="module", params=["smol", "flamingo"])
def captioner(request):
    return build_captioner(request.param).eval()


def end(captioner) -> int:
    return captioner.tokenizer.convert_tokens_to_ids(captioner.end_token)


def written(captioner, grammar: Grammar, limit: int = 24) -> list[Written]:
    """Of two pictures, each behind another prompt."""
    pixels = torch.stack([captioner.preprocess(drawn_road(car_x=place)) for place in (0.25, 0.8)])
    asked = ("Describe the scene.", "Annotate the picture as JSON.")
    return written_of(captioner, pixels, asked, GenerationSettings(max_new_tokens=limit), grammar)


def allowed(captioner, grammar: Grammar, said: str, size: int) -> set[int]:
    """The tokens that may follow upon a text."""
    processor = grammar.logits_processor(captioner.tokenizer, end(captioner), size)
    ids = torch.zeros(1, 1, dtype=torch.long)  # a prompt, which is not looked at
    for token in [*captioner.tokenizer(said, add_special_tokens=False).input_ids, None]:
        scores = processor(ids, torch.zeros(1, size))
        if token is not None:
            assert scores[0, token] == 0, captioner.tokenizer.decode(token)
            ids = torch.cat([ids, torch.tensor([[token]])], dim=1)
    return set((scores[0] == 0).nonzero().flatten().tolist())


def test_every_row_of_a_batch_begins_as_the_grammar_says_whatever_the_picture(captioner):
    for one in written(captioner, Grammar(TOLD)):
        assert one.text.startswith(("Go: ", "Stop: "))
        assert "\n" not in one.text


def test_a_document_of_a_schema_has_ended_and_fits(captioner):
    schema = {**SCHEMA, "properties": {"way": {"enum": ["left", "right"]}}, "required": ["way"]}
    for one in written(captioner, Grammar.of_schema(schema)):
        assert one.ended
        document = json.loads(one.text)
        assert not list(Draft202012Validator(schema).iter_errors(document))
        assert one.text == json.dumps(document), "no white space but that of json.dumps"


def test_the_same_grammar_serves_call_after_call(captioner):
    grammar = Grammar(TOLD)
    assert written(captioner, grammar, 8) == written(captioner, grammar, 8)


def test_free_text_holds_no_special_token_but_the_end_once_there_is_text(captioner):
    size = captioner.scored + PADDING
    special = {i for i, token in captioner.tokenizer.added_tokens_decoder.items() if token.special}
    padding = set(range(size - PADDING, size))
    for said in ("", "Go: ", "Go: a"):
        let_through = allowed(captioner, Grammar(TOLD), said, size)
        assert let_through
        assert let_through & (special | padding) == ({end(captioner)} if said == "Go: a" else set())
    newline = captioner.tokenizer("\n", add_special_tokens=False).input_ids
    assert not let_through & set(newline)


def test_a_finished_text_can_only_end(captioner):
    said = '{"way": "left", "seen": ["car"]}'
    assert allowed(captioner, Grammar.of_schema(SCHEMA), said, captioner.scored) == {end(captioner)}


def test_what_is_no_grammar_is_refused_with_the_place():
    with pytest.raises(ValueError, match=r"this is no grammar: .*\"nowhere\" is not defined"):
        Grammar("root ::= nowhere")
    with pytest.raises(ValueError, match="this schema is no grammar"):
        Grammar.of_schema({"type": "nonsense"})


def test_without_xgrammar_the_command_that_installs_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "xgrammar", None)
    for made in (lambda: Grammar(TOLD), lambda: Grammar.of_schema(SCHEMA)):
        with pytest.raises(BadInput, match=r"xgrammar, which is not here: pip install 'roadcue\[captions\]'"):
            made()
