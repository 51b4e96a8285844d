"""Files of predictions in every form, and the damaged ones."""

import contextlib
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roadcue.errors import BadInput
from roadcue.loaders.sensation.predictions import picture_name, read_predictions

RECORDS = [{"image": "testing/images/1.jpg", "prediction": "one"}, {"id": "2", "response": "two\u2028é"}]
READ = {"1": "one", "2": "two\u2028é"}


@pytest.mark.parametrize(
    "content",
    [
        "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in RECORDS),
        "\ufeff" + "\r\n\r\n".join(map(json.dumps, RECORDS)),
        json.dumps(RECORDS, indent=1),
        json.dumps({"model": "x", "results": RECORDS}),
        json.dumps([*RECORDS, RECORDS[0]]),
    ],
)
def test_every_form_is_read(tmp_path, content):
    (tmp_path / "p.jsonl").write_bytes(content.encode())
    assert read_predictions(tmp_path / "p.jsonl") == READ


def test_the_prediction_counts_before_other_texts(tmp_path):
    (tmp_path / "p").write_text('{"image_path": "a\\\\1.PNG", "text": "b", "response": "c", "prediction": ""}')
    assert read_predictions(tmp_path / "p") == {"1": ""}


def test_line_10_the_response_to_a_text_is_the_answer(tmp_path):
    asked = {"image": "1", "text": "Where is the sidewalk?", "response": "Sidewalk: left."}
    (tmp_path / "p").write_text(json.dumps(asked))
    assert read_predictions(tmp_path / "p") == {"1": "Sidewalk: left."}
    (tmp_path / "p").write_text(json.dumps({"image": "1", "prompt": "Where?", "text": "Sidewalk: left."}))
    assert read_predictions(tmp_path / "p") == {"1": "Sidewalk: left."}


def test_line_10_which_of_two_texts_is_the_answer_is_asked_where_it_is_not_clear(tmp_path):
    unclear = {"image": "2", "prompt": "Where?", "text": "Sidewalk: left.", "response": "Sidewalk: right."}
    (tmp_path / "p").write_text(f"{json.dumps(RECORDS[0])}\n{json.dumps(unclear)}\n")
    with pytest.raises(BadInput, match=r"p, line 2: has a `prompt`, a `text` and a `response`, .* as `prediction`"):
        read_predictions(tmp_path / "p")
    clear = [unclear | {"prediction": "Sidewalk: center."}, unclear | {"text": unclear["response"], "image": "3"}]
    (tmp_path / "p").write_text(json.dumps(clear))
    assert read_predictions(tmp_path / "p") == {"2": "Sidewalk: center.", "3": "Sidewalk: right."}


@pytest.mark.parametrize(
    ("path", "name"), [("a/b.c.jpg", "b.c"), ("-x_1.JPEG", "-x_1"), ("0001", "0001"), ("v1.2", "v1.2"), ("a/", "")]
)
def test_a_picture_is_named_by_its_file(path, name):
    assert picture_name(path) == name


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no prediction"),
        ("[]", "holds no prediction"),
        ('{"image": "1", "text": "a"}\n{', "line 2, column 2: not JSON"),
        ('[{"image": "1", "text": "a"},\n {"image": "2", "text": "b"', "line 2, column 28: not JSON"),
        ('{"results": [\n{"image": "1", "text": "a"}', "line 1, column 14: not JSON"),
        ('{"image": "1", "text": "a"}\n{"image": "2", "text": ["b"]}', "line 2: `text` is not a text"),
        ('{"image": "1", "text": "a"}\n\n{"image": "x/1.jpg", "text": "b"}', "line 3: 1 has another prediction"),
        ('{"image": "1", "text": "a"}\n[]', "line 2: is not an object"),
        ('[{"image": "1"}]', "record 1: has none of the keys prediction, response, text"),
        ('[{"text": "1"}]', "record 1: has none of the keys image"),
        ('[{"image": 1, "text": "a"}]', "`image` is not a text"),
        ('{"image": "1", "text": null}', "line 1: `text` is not a text"),
        ('[{"image": "a/", "text": "a"}]', "names no picture"),
        ('[{"image": "a/1.jpg", "text": "a"}, {"image": "1", "text": "b"}]', "record 2: 1 has another prediction"),
        ('{"a": [], "b": []}', "an object with 2 lists"),
        ("[" * 100_000, "not usable JSON"),
        ("7", "is not an object"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(tmp_path, content, message):
    (tmp_path / "p.json").write_text(content)
    with pytest.raises(BadInput, match=message) as caught:
        read_predictions(tmp_path / "p.json")
    assert "p.json" in str(caught.value)


@given(
    st.binary(max_size=80)
    | st.recursive(st.none() | st.text(max_size=5), st.lists).map(lambda v: json.dumps(v).encode())
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes_are_read_or_refused(tmp_path, content):
    (tmp_path / "p").write_bytes(content)
    with contextlib.suppress(BadInput):
        predictions = read_predictions(tmp_path / "p")
        assert predictions
        assert all(isinstance(text, str) for text in predictions.values())


def test_a_file_that_is_no_text_is_named(tmp_path):
    with pytest.raises(BadInput, match="nowhere: cannot be read"):
        read_predictions(tmp_path / "nowhere")
    with pytest.raises(BadInput, match="Is a directory"):
        read_predictions(tmp_path)
    (tmp_path / "p").write_bytes('[{"image": "1", "text": "é"}]'.encode("latin-1"))
    with pytest.raises(BadInput, match="byte 26 is not UTF-8"):
        read_predictions(tmp_path / "p")
