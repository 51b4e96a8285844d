"""The list of the frames that a submission has to cover, in every form, and what is said of another one."""

import json

import pytest

from roadcue.errors import BadInput
from roadcue.loaders.waymo_e2e.submission.frames import read_frames

WANTED = {("a", 149): "a-149", ("b", 8): "b-008", ("c", 77): "c-077"}
FORMS = {
    "the official form": {"a": 149, "b": 8, "c": 77},
    "numbers in quotes": {"a": "149", "b": "008", "c": "77"},
    "names": {"a": "a-149", "b": "b-008", "c": "c-077"},
    "lists": {"a": [149], "b": ["b-008"], "c": ["77"]},
    "a plain list": ["a-149", "b-008", "c-077"],
}


@pytest.mark.parametrize("form", FORMS)
def test_every_known_form_of_the_list_is_read(tmp_path, form):
    (tmp_path / "list.json").write_text(json.dumps(FORMS[form]))
    assert read_frames(tmp_path / "list.json") == WANTED


def test_the_list_may_be_a_text_and_a_sequence_may_have_several_frames(tmp_path):
    (tmp_path / "as_list.txt").write_text("a-149\nb-008\r\n\nc-077")
    assert read_frames(tmp_path / "as_list.txt") == WANTED
    (tmp_path / "list.json").write_text('{"a-1": [3, 1000], "b": ["b-3"]}')
    assert read_frames(tmp_path / "list.json") == {("a-1", 3): "a-1-003", ("a-1", 1000): "a-1-1000", ("b", 3): "b-3"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", r"is not JSON \(.*\). Download it again"),
        ("[" * 100_000, "is not JSON"),
        ("3", "found 3, which lists no frame; expected {sequence: frame}"),
        ("{}", "found {}, which lists no frame"),
        ('{"frames": {"a": 149}}', r"found {'frames': {'a': 149}}, which names no frame; expected {sequence: frame}"),
        ('{"a": true}', "found {'a': True}, which names no frame"),
        ('{"a": 1.5}', "found {'a': 1.5}, which names no frame"),
        ('{"a": -1}', "found {'a': -1}, which names no frame"),
        ('{"a": "b-149"}', "found {'a': 'b-149'}, which names no frame"),
        ('{"a": 12345678901}', "which names no frame"),
        ('{"a b": 1}', "found {'a b': 1}, which names no frame"),
        ('["149"]', "found '149', which names no frame"),
        ("[149]", "found 149, which names no frame"),
        ('{"a": 149, "a": 150}', "the key 'a' stands twice in one object"),
        ('["a-149", "a-0149"]', "lists the frame a-0149 twice"),
    ],
)
def test_another_list_is_shown(tmp_path, content, sentence):
    (tmp_path / "list.json").write_text(content)
    with pytest.raises(BadInput, match=f"list.json: .*{sentence}".replace("{", r"\{")):
        read_frames(tmp_path / "list.json")
