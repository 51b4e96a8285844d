"""python -m roadcue.loaders.sensation: describe and convert."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sensation_annotations import annotation, annotations
from sensation_folder import PICTURE, labelled, walker, write_folder

from roadcue.loaders.sensation import open_sensation
from roadcue.loaders.sensation.__main__ import main
from roadcue.loaders.sensation.annotation_files import write_annotations
from roadcue.loaders.sensation.convert import convert
from roadcue.loaders.sensation.files import ANNOTATIONS
from roadcue.loaders.sensation.states import STATES, write_states
from roadcue.prompts.annotation_json import SCHEMA
from roadcue.prompts.bvpi import compose, dpo_record


@pytest.fixture
def run(monkeypatch, capsys):
    """The exit code and what the command said, on stdout and on stderr."""

    def do(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        monkeypatch.setattr("sys.argv", ["roadcue.loaders.sensation", *map(str, words)])
        monkeypatch.setenv("COLUMNS", "100")
        code = main()
        return code, *capsys.readouterr()

    return do


def lines(file):
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_convert_writes_texts_pairs_and_annotations(tmp_path, run):
    captions = write_folder(tmp_path / "in", {"train": ["a.jpg", "b.jpg"], "test": ["c.jpg"]}, texts=False)
    out = tmp_path / "out"
    code, output, _ = run("convert", "--data_dir", tmp_path / "in", "--out", out)
    assert code == 0
    assert f"{out / 'bvpi_sft_train.jsonl'}: 2 lines" in output
    assert sorted(os.listdir(out)) == [
        "annotation.schema.json",
        "annotations.jsonl",
        "bvpi_dpo_train.jsonl",
        "bvpi_sft_test.jsonl",
        "bvpi_sft_train.jsonl",
    ]
    texts = [compose(labelled(caption.image), caption.target) for caption in captions]
    assert [one["response"] for one in lines(out / "bvpi_sft_train.jsonl")] == texts[:2]
    pairs = lines(out / "bvpi_dpo_train.jsonl")
    assert [(one["chosen"], one["rejected"]) for one in pairs] == [
        (text, caption.target) for text, caption in zip(texts[:2], captions, strict=False)
    ]
    assert list(pairs[0]) == [
        *("image", "prompt", "chosen", "rejected", "sidewalk_pos", "road_pos", "road_vs_sidewalk"),
    ]
    assert [one["image"] for one in lines(out / "annotations.jsonl")] == ["a.jpg", "b.jpg", "c.jpg"]
    assert json.loads((out / "annotation.schema.json").read_text()) == SCHEMA


def test_what_was_converted_is_read_as_it_was_composed(tmp_path):
    write_folder(tmp_path / "in", {"train": ["a.jpg", "b.jpg"]}, texts=False, pictures=tmp_path / "in")
    before = open_sensation(tmp_path / "in", "train")
    convert(tmp_path / "in", tmp_path / "out")
    (tmp_path / "out/bvpi_sft_train.jsonl").rename(tmp_path / "in/bvpi_sft_train.jsonl")
    after = open_sensation(tmp_path / "in", "train")
    assert [after.bvpi(row) for row in range(2)] == [before.bvpi(row) for row in range(2)]
    assert "no BVPI file" in before.description
    assert "no BVPI file" not in after.description


def test_texts_are_composed_anew_whatever_a_bvpi_file_says(tmp_path):
    [caption] = write_folder(tmp_path / "in", {"train": ["a.jpg"]}, texts=True)
    convert(tmp_path / "in", tmp_path / "out")
    [text] = lines(tmp_path / "out/bvpi_sft_train.jsonl")
    assert text["response"] == compose(labelled("a.jpg"), caption.target)
    assert text["response"] != lines(tmp_path / "in/bvpi_sft_train.jsonl")[0]["response"]


def test_convert_does_not_overwrite_and_says_so(tmp_path, run):
    write_folder(tmp_path / "in", {"train": ["a.jpg"]})
    (tmp_path / "out").mkdir()
    code, _, error = run("convert", "--data_dir", tmp_path / "in", "--out", tmp_path / "out")
    assert code == 2
    assert error.startswith(f"error: {tmp_path / 'out'}: exists already")
    code, _, error = run("convert", "--data_dir", tmp_path / "nowhere", "--out", tmp_path / "new")
    assert code == 2
    assert f"{ANNOTATIONS}: cannot be read (No such file or directory)" in error
    assert not (tmp_path / "new").exists()


def test_a_picture_without_annotation_stops_or_is_left_out(tmp_path, run):
    write_folder(tmp_path / "in", {"train": ["a.jpg", "b.jpg"]}, texts=False)
    write_annotations(tmp_path / "in" / ANNOTATIONS, [labelled("a.jpg")])
    words = ("convert", "--data_dir", tmp_path / "in", "--out", tmp_path / "out")
    code, _, error = run(*words)
    assert code == 2
    assert "1 of 2 captioned pictures cannot be converted; the first: b.jpg has no usable row" in error
    code, output, _ = run(*words, "--on_bad_record", "skip")
    assert code == 0
    assert "1 rows and pictures left out:\n  training/images/b.jpg: b.jpg has no usable row" in output
    assert len(lines(tmp_path / "out/bvpi_sft_train.jsonl")) == 1


def test_a_conversion_that_is_stopped_leaves_nothing_under_its_name(tmp_path, monkeypatch):
    write_folder(tmp_path / "in", {"train": ["a.jpg"]})

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("roadcue.progress.ProgressLine.__call__", stop)
        with pytest.raises(KeyboardInterrupt):
            convert(tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    [unfinished] = tmp_path.glob(".out.*")
    (unfinished / "bvpi_sft_val.jsonl").write_text("of other data")
    counts, skipped = convert(tmp_path / "in", tmp_path / "out")
    assert not skipped
    assert counts == {"bvpi_sft_train.jsonl": 1, "bvpi_dpo_train.jsonl": 1, "annotations.jsonl": 1}
    assert sorted(os.listdir(tmp_path)) == ["in", "out"]
    assert sorted(os.listdir(tmp_path / "out")) == sorted([*counts, "annotation.schema.json"])


def test_the_rejected_text_may_say_the_wrong_side():
    near, far = {"person": ("Left", "Center"), "car": ("Center",)}, {"bicycle": ("Right",)}
    seen = annotation("Right", "Left", near, far)
    pair = dpo_record("p", seen, "Bins on the LEFT, a fence to the right. Left-handed copyright.", "swapped")
    assert pair is not None
    assert pair["chosen"] == compose(seen, "Bins on the LEFT, a fence to the right. Left-handed copyright.")
    assert pair["rejected"] == (
        "Sidewalk: left. Road: right. RoadVsSidewalk: right_of. "
        "Nearby: 2 people close on the center and right; a car close on the center. "
        "Far: a bicycle farther away on the left. "
        "Context: Bins on the RIGHT, a fence to the left. Right-handed copyright."
    )
    assert (pair["sidewalk_pos"], pair["road_vs_sidewalk"]) == ("right", "left_of")


def test_what_has_no_side_makes_no_pair():
    assert dpo_record("p", annotation("Center", "Front"), "Clear.", "swapped") is None
    assert dpo_record("p", annotation(), "  ") is None


@given(annotations, st.text(max_size=40))
def test_what_is_mirrored_twice_is_as_it_was(given_one, caption):
    assert given_one.mirrored.mirrored == given_one
    pair = dpo_record("p", given_one, caption, "swapped")
    assert pair is None or pair["rejected"] != pair["chosen"]


def test_describe_reports_both_splits_and_all_that_is_wrong(tmp_path, run):
    images = {"train": [f"{n:04d}.jpg" for n in range(0, 100, 2)], "test": [f"{n:04d}.jpg" for n in range(1, 16, 2)]}
    write_folder(tmp_path, images, pictures=tmp_path / "root")
    with open(tmp_path / ANNOTATIONS, "a") as file:
        file.write("ne,Center,Right,No" + ",not present" * 20 + "\n")
    for name in images["train"][:7]:
        (tmp_path / "root/training/images" / name).unlink()
    words = ("describe", "--data_dir", tmp_path, "--image_root", tmp_path / "root")
    code, output, _ = run(*words)
    assert code == 0
    assert "1 rows and lines left out:" in output
    assert "line 60: (ne): road_pos is 'No'" in output
    assert "7 picture files missing below" in output
    assert "training/images/0008.jpg: No such file" in output
    assert "training/images/0010.jpg" not in output
    assert "... and 2 more" in output
    assert "bvpi_sft_train.jsonl: 50 texts, 50 of them otherwise than composed, such as training/images/0" in output
    table = [line.split() for line in output.splitlines()]
    # Of the first stretch 23 + 8 are left, of the second 23; which is for validation is a hash.
    assert ["pictures", "50", "8", "31", "23"] in table or ["pictures", "50", "8", "23", "31"] in table
    assert ["with", "a", "train", "neighbour", "8", "(100%)", "0", "(0%)"] in table
    assert any(row[:3] == ["sidewalk", "Center", "50"] for row in table)
    code, output, _ = run(*words, "--all")
    assert "training/images/0012.jpg: No such file" in output


def test_describe_counts_kinds_near_and_far(tmp_path, run):
    write_folder(tmp_path, {"train": ["a.jpg", "b.jpg"]}, texts=False)
    both = [labelled("a.jpg", near={"car": ("Left", "Left")}, far={"person": ("Right",)}), labelled("b.jpg")]
    write_annotations(tmp_path / ANNOTATIONS, both)
    code, output, _ = run("describe", "--data_dir", tmp_path)
    assert code == 0
    assert "bvpi_sft_train.jsonl: there is none; convert makes it" in output
    rows = [line.split() for line in output.splitlines()]
    assert any(row[:3] == ["car", "near/far", "1/0"] for row in rows)
    assert any(row[:3] == ["person", "near/far", "0/1"] for row in rows)


def test_describe_counts_the_pictures_with_states_and_names_lines_that_cannot_be_used(tmp_path, run):
    write_folder(tmp_path, {"train": ["a.jpg", "b.jpg"], "test": ["c.jpg"]}, pictures=tmp_path)
    assert "states: 0 pictures" in run("describe", "--data_dir", tmp_path)[1]
    write_states(tmp_path / STATES, map(walker, ["a.jpg", "c.jpg", "z.jpg"]))
    code, output, _ = run("describe", "--data_dir", tmp_path)
    assert code == 0
    assert "states: 2 pictures, 0 of them without labels, 0 not found\n1 lines of states.jsonl left out:" in output
    assert "line 3: image is str 'z.jpg'" in output
    assert ["with", "states", "1", "1"] in [line.split()[:4] for line in output.splitlines()]


def test_describe_counts_the_pictures_of_a_walk_without_labels_and_those_not_there(tmp_path, run):
    write_folder(tmp_path, {"train": ["walk-0000001-0.jpg"]}, pictures=tmp_path)
    (tmp_path / "training/images/walk-0000001-1.jpg").write_bytes(PICTURE)
    write_states(tmp_path / STATES, [walker(f"walk-0000001-{frame}.jpg") for frame in range(3)])
    output = run("describe", "--data_dir", tmp_path)[1]
    assert "states: 3 pictures, 1 of them without labels, 1 not found\n0 lines" in output


def test_describe_wants_a_fraction(tmp_path, run):
    write_folder(tmp_path, {"train": ["a.jpg", "b.jpg"]})
    code, _, error = run("describe", "--data_dir", tmp_path, "--val_fraction", "1.5")
    assert code == 2
    assert "must lie between 0 and 1" in error
