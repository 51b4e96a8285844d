"""`eval.py --predictions FILE --head caption`: layouts, what is counted, and what is refused."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roadcue import eval as scoring
from roadcue.errors import BadInput
from roadcue.loaders.sensation.caption_rows import read_caption_rows

ROWS = [
    {"image": f"x/walk-{i // 4}-{i % 4}.jpg", "prediction": said, "target": wanted}
    for i, (said, wanted) in enumerate(
        [
            ("The path is clear.", "The path is clear."),
            ("A car is on the left.", "A red car stands on the left."),
            ("A bike ahead", "Two bikes are ahead"),
            ("The road ends.", "The sidewalk ends."),
        ]
        * 3
    )
]


@pytest.fixture
def scored(tmp_path, monkeypatch):
    monkeypatch.setattr("roadcue.evaluation.caption_rows.meteor_folder", lambda: None)  # its tables take a second

    def scored(rows, *words, name="said.jsonl"):
        text = rows if isinstance(rows, str) else "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / name).write_text(text, encoding="utf-8")
        few = ("--resamples", "20")
        code = scoring.main(["--predictions", str(tmp_path / name), "--head", "caption", *few, *words])
        written = tmp_path / f"{name.partition('.')[0]}.metrics.json"
        return json.loads(written.read_text()) if code == 0 else code

    return scored


def value(metrics, key, method="prediction"):
    return metrics["methods"][method][key]["value"]


def test_the_figures_stand_in_the_terminal_the_json_and_the_page(scored, tmp_path, capsys):
    metrics = scored(ROWS)
    assert (metrics["rows"], metrics["sequences"], metrics["intervals_over"]) == (12, 3, "sequences")
    assert 0 < value(metrics, "bleu_4") < value(metrics, "bleu_1") < 1
    assert value(metrics, "words_said") == 4
    assert list(metrics["methods"]) == ["prediction", "constant text"]
    printed = " ".join(capsys.readouterr().out.split())
    assert "weighs words by how many of the 12 targets of this file hold them" in printed
    page = (tmp_path / "said.html").read_text()
    assert "CIDEr-D" in page
    assert "12 targets" in page


def test_json_lists_objects_and_lines_are_read_alike(scored):
    lines = scored(ROWS)
    assert scored(json.dumps(ROWS), name="said.json")["methods"] == lines["methods"]
    assert scored(json.dumps({"model": "m", "rows": ROWS}), name="said.json")["methods"] == lines["methods"]


def test_a_picture_may_come_twice_and_a_row_may_have_several_targets(scored):
    rows = [{**row, "image": "0001.jpg", "target": [row["target"], row["prediction"]]} for row in ROWS]
    metrics = scored(rows)
    assert metrics["sequences"] == 1
    assert metrics["methods"]["prediction"]["bleu_1"]["low"] is None
    assert value(metrics, "rouge_l") == pytest.approx(1)


def test_a_sequence_that_rows_name_counts_and_without_any_the_intervals_are_over_rows(scored, capsys):
    named = [{**row, "sequence": f"s{i % 6}"} for i, row in enumerate(ROWS)]
    assert scored(named)["sequences"] == 6
    bare = [{"prediction": row["prediction"], "target": row["target"]} for row in ROWS]
    metrics = scored(bare)
    assert (metrics["sequences"], metrics["intervals_over"]) == (12, "rows")
    assert "they may be too narrow" in capsys.readouterr().out


def test_rows_without_a_target_and_empty_predictions_are_counted(scored, capsys):
    bad = [{"prediction": "a car"}, {"prediction": "a car", "target": None}, {"prediction": "x", "target": [" "]}]
    metrics = scored([*bad, *ROWS, {"prediction": "", "target": "a car"}])
    assert (metrics["rows"], metrics["rows_without_target"], metrics["empty_predictions"]) == (13, 3, 1)
    assert "3 rows without a target, the first:" in capsys.readouterr().out


@pytest.mark.parametrize("line_break", ["\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_line_breaks_in_a_caption_are_spaces(scored, line_break):
    broken = [{**row, "prediction": row["prediction"].replace(" ", line_break)} for row in ROWS]
    assert scored(broken)["methods"] == scored(ROWS)["methods"]


def test_a_caption_of_a_hundred_thousand_characters_and_emoji_are_scored(scored):
    metrics = scored([*ROWS, {"image": "y.jpg", "prediction": "left 😀 " * 15_000, "target": "left"}])
    assert metrics["rows"] == 13


def test_spice_is_of_the_rows_in_which_it_finds_something(scored, monkeypatch, capsys):
    given = []

    def stand_in(said, wanted, corenlp):
        given.extend([said, wanted, corenlp])
        return np.array([0.5, math.nan, *[0.25] * 10, math.nan, *[0.125] * 11])

    monkeypatch.setattr("roadcue.evaluation.caption_rows.spice", stand_in)
    metrics = scored(ROWS, "--spice", "~/corenlp")
    assert given[0] == [*(row["prediction"] for row in ROWS), *["The path is clear."] * 12]
    assert given[1] == [[row["target"]] for row in ROWS] * 2
    assert given[2] == Path("~/corenlp").expanduser()
    assert value(metrics, "spice") == pytest.approx(0.25)
    assert value(metrics, "spice", "constant text") == pytest.approx(0.125)
    assert metrics["rows_without_spice"] == 2
    printed = " ".join(capsys.readouterr().out.split())
    assert "what they tell of, 10 samples of 3 sequences" in printed
    assert "Without 2 rows in which it finds nothing." in printed
    monkeypatch.setattr("roadcue.evaluation.caption_rows.spice", lambda said, *_: np.full(len(said), math.nan))
    assert scored(ROWS, "--spice", "x") == 2
    assert "SPICE has found nothing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"prediction": 5, "target": "a"}], "line 1: `prediction` is not a text"),
        ([ROWS[0], {"target": "a"}], "line 2: has none of the keys prediction, response, text"),
        ([ROWS[0], {"prediction": "a", "target": 5}], "line 2: `target` is neither a text nor a list of texts"),
        ([{"prediction": "a", "target": ["a", 5]}], "line 1: `target` is neither"),
        ([{"prediction": "a"}], "no row has a `target`"),
        ([{"prediction": math.nan, "target": "a"}], "line 1: `prediction` is not a text"),
        ([ROWS[0], {"prediction": "a", "target": "b", "sequence": [1]}], "line 2: `sequence` is neither a text nor"),
        ("[]", "no row has a `target`"),
        (" \n", "as it is empty; write an object a line"),
        ("[5]", "record 1: is not an object"),
        ("null", "line 1: is not an object"),
        ('{"a": [], "b": []}', "an object with 2 lists"),
        ('{"prediction": "a", "prediction": "b"}\n{"prediction": "a"}', "line 1: not usable JSON (the key"),
        ('{"prediction": "a", "target": "b"}\n{"target": "a", "target": "b"}', "line 2: not usable JSON (the key"),
        ('{"prediction": "a", "target": "b"}\n{"prediction": "a", "tar', "line 2, column 21: not JSON"),
        ('[{"prediction": "a", "target": "b"}, {"predi', "line 1, column 39: not JSON"),
        (f'{{"prediction": {"[" * 100_000}', "not usable JSON"),
        ('{"prediction": "a", "target": "a"\n', "not JSON"),
    ],
)
def test_what_cannot_be_scored_is_said_with_its_place(scored, capsys, rows, message):
    assert scored(rows) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("encoding", "message"),
    [("utf-16", "byte 1 is not UTF-8"), ("utf-16-le", "holds zero bytes, as UTF-16"), ("cp037", "is not UTF-8")],
)
def test_other_encodings_are_refused_and_a_mark_before_utf_8_is_none(scored, tmp_path, capsys, encoding, message):
    rows = "".join(json.dumps({**row, "target": "fur"}) + "\n" for row in ROWS)
    file = tmp_path / "said.jsonl"
    file.write_bytes(rows.encode(encoding))
    words = ["--predictions", str(file), "--head", "caption", "--resamples", "20"]
    assert scoring.main(words) == 2
    assert message in capsys.readouterr().err
    file.write_bytes(rows.encode("utf-8-sig"))
    assert scoring.main(words) == 0


def test_numbers_are_names_of_sequences_and_pictures(scored):
    assert scored([{**row, "sequence": i % 4} for i, row in enumerate(ROWS)])["sequences"] == 4
    numbered = [{"id": 100 * i, "prediction": "a", "target": "a car"} for i in range(6)]
    assert scored(numbered)["sequences"] == 6


def test_half_a_character_is_replaced(scored):
    half = {"image": "\ud800.jpg", "sequence": "\udfff", "prediction": "a \ud83d car", "target": ["a \udfff", "car"]}
    assert scored([half, *ROWS])["rows"] == 13


def test_signs_for_the_terminal_and_for_models_are_text(scored, tmp_path, capsys):
    signs = "[bold red]car[/] [/] \x1b[31m<image><|endofchunk|><script>alert(1)</script>"
    row = {"image": signs, "sequence": signs, "prediction": signs, "target": [signs]}
    assert scored([*ROWS, row, {**row, "target": None}, *[row] * 20], name="[red]said.jsonl")["rows"] == 33
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "[red]said.jsonl" in printed
    assert "<script>alert" not in (tmp_path / "[red]said.html").read_text()


def test_a_name_of_strange_bytes_is_printed_and_written(scored, capsysbinary):
    assert scored(ROWS, name="\udcff\x1b[31m.jsonl")["rows"] == 12
    assert b"\\udcff\\x1b[31m.metrics.json" in capsysbinary.readouterr().out


def test_a_file_is_not_written_over_by_its_page(scored, tmp_path, capsys):
    assert scored(ROWS, name="said.html") == 2
    assert "said.html: would be written over by its own page" in capsys.readouterr().err
    assert "The path is clear." in (tmp_path / "said.html").read_text()


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
TEXTS = st.text(max_size=30) | st.sampled_from(["a car", "\n", "\x1b[31m", "[red]", "<image>", "😀", "\ud800", ""])
KEYS = st.sampled_from(["image", "id", "prediction", "text", "response", "prompt", "target", "sequence", "x"])
RECORDS = st.fixed_dictionaries(
    {"prediction": TEXTS, "target": TEXTS | st.lists(TEXTS, max_size=3)}
) | st.dictionaries(KEYS, TEXTS | VALUES, max_size=6)
FILES = st.one_of(
    st.binary(max_size=200),
    st.lists(RECORDS, max_size=6).map(lambda rows: "".join(json.dumps(row) + "\n" for row in rows).encode()),
    st.lists(RECORDS, max_size=6).map(lambda rows: json.dumps(rows).encode()),
    st.tuples(st.lists(RECORDS, max_size=6), st.integers(0, 200)).map(
        lambda cut: json.dumps(cut[0], ensure_ascii=False).encode(errors="surrogatepass")[: cut[1]]
    ),
)


@settings(deadline=None, max_examples=400)
@given(FILES)
def test_any_file_gives_rows_or_a_sentence(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "any.jsonl"
    file.write_bytes(content)
    try:
        rows = read_caption_rows(file)
    except BadInput:
        return
    assert len(rows.said) == len(rows.wanted) == len(rows.images) == len(rows.places) > 0
    assert all(rows.wanted)
    json.dumps([rows.said, rows.wanted, rows.images, rows.sequence], ensure_ascii=False).encode()


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=FILES)
def test_any_file_is_scored_or_refused_in_words(scored, tmp_path, capsys, content):
    file = tmp_path / "any.jsonl"
    file.write_bytes(content)
    code = scoring.main(["--predictions", str(file), "--head", "caption", "--resamples", "2"])
    said = capsys.readouterr()
    assert code in (0, 2)
    assert (code == 2) == said.err.startswith("error: ")
    assert "\x1b" not in said.out + said.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--head", "caption", "--run", "runs/x"], "--head belongs to --predictions FILE"),
        (["--head", "caption", "--predictions", "x.json", "--data", "sensation"], "--data does not belong to --head"),
        (["--head", "caption", "--predictions", "x.json", "--split", "val"], "--split does not belong to --head"),
        (["--predictions", "x.json", "--data", "sidewalk", "--spice", "x"], "--spice belongs to --predictions FILE"),
        (["--predictions", "x.json"], "or --head caption for captions"),
    ],
)
def test_options_that_do_not_belong_are_refused(capsys, words, message):
    with pytest.raises(SystemExit):
        scoring.main(words)
    assert message in " ".join(capsys.readouterr().err.split())
