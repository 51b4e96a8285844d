"""A file of texts that goes on where it was."""

import json

import pytest

from roadcue.errors import BadInput
from roadcue.evaluation.written_texts import ASKED, TextFile, WrittenText
from roadcue.loaders.sensation.predictions import read_predictions

ABOUT = {"model": "a", "pictures": 3}


def line(number):
    text = f"Sidewalk: left.\u2028\nNo. {number} 🚲"
    return WrittenText(f"{number}", f"{number}.jpg", "s", text, "", ended=number % 2 == 0, loss=0.25)


def test_a_line_that_was_not_finished_is_written_again(tmp_path):
    path = tmp_path / "out.jsonl"
    first = TextFile(path, ABOUT, replace=False)
    first.append([line(0), line(1)])
    with path.open("a") as file:
        file.write('{"id": "2", "ima')
    again = TextFile(path, ABOUT, replace=False)
    assert again.lines == [line(0), line(1)]
    again.append([line(2)])
    assert TextFile(path, ABOUT, replace=False).lines == [line(0), line(1), line(2)]
    assert read_predictions(path) == {str(n): line(n).prediction for n in range(3)}


def test_a_first_line_that_was_not_finished_is_nothing(tmp_path):
    path = tmp_path / "out.jsonl"
    TextFile(path, ABOUT, replace=False)
    path.write_text('{"id')
    assert TextFile(path, ABOUT, replace=False).lines == []
    assert path.read_text() == ""


def test_another_s_file_is_not_overwritten_unless_it_may_be(tmp_path):
    path = tmp_path / "out.jsonl"
    TextFile(path, ABOUT, replace=False).append([line(0)])
    for about in ({**ABOUT, "model": "b"}, None):
        if about is None:
            (tmp_path / f"out.jsonl{ASKED}").unlink()
        with pytest.raises(BadInput, match=r"out\.jsonl: is there already"):
            TextFile(path, about or ABOUT, replace=False)
    assert len(path.read_text().splitlines()) >= 1
    assert TextFile(path, ABOUT, replace=True).lines == []


def test_nobody_is_told_to_delete_a_folder(tmp_path):
    with pytest.raises(BadInput, match=r"is a folder; name a file in it, such as .*texts.jsonl$"):
        TextFile(tmp_path, ABOUT, replace=True)
    assert not list(tmp_path.iterdir())


def test_what_was_changed_by_hand_is_said(tmp_path):
    path = tmp_path / "out.jsonl"
    TextFile(path, ABOUT, replace=False)
    path.write_text(json.dumps({"image": "a"}) + "\n")
    with pytest.raises(BadInput, match="changed by hand"):
        TextFile(path, ABOUT, replace=False)
