"""The published SENSATION files: read whole, and their BVPI texts composed again from annotations and captions."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from roadcue.errors import BadInput
from roadcue.loaders.csv_rows import read_rows
from roadcue.loaders.sensation import open_sensation
from roadcue.loaders.sensation.annotation_files import read_annotations, write_annotations
from roadcue.loaders.sensation.captions import read_captions, write_captions
from roadcue.loaders.sensation.convert import convert
from roadcue.loaders.sensation.describe import describe, grouped_parts
from roadcue.loaders.sensation.files import ANNOTATIONS, BVPI, CAPTIONS, PAIRS, read_files
from roadcue.loaders.sensation.film import is_between, leakage, place_in_film
from roadcue.prompts.bvpi import compose, parse_sections, sft_record, to_line


@pytest.fixture(scope="module")
def published(golden_dir):
    return golden_dir / "sensation"


@pytest.fixture(scope="module")
def annotations(published):
    return read_annotations(published / ANNOTATIONS)


def test_sensation_annotations_are_read_but_for_one_repeat_and_one_shifted_row(published, annotations):
    kept, skipped = annotations
    assert len(read_rows(published / ANNOTATIONS, ())) == 3235
    assert len(kept) == 3233
    shifted, repeated = skipped
    assert shifted.where.endswith("line 313")
    assert "look whether the row has lost a column" in shifted.reason
    assert "QjbcLsBl1wk4WmuPMekTDA.jpg is annotated before" in repeated.reason


def test_sensation_position_counts(annotations):
    kept, _ = annotations
    # Counted over the file's rows, of which the repeated one is Center, Front and the shifted one Right.
    assert Counter(a.sidewalk for a in kept.values()) == {"Center": 1995, "Right": 687, "Left": 456, "Outside": 95}
    assert Counter(a.road for a in kept.values()) == {"Left": 1145, "Not present": 953, "Right": 821, "Front": 314}
    assert kept["0066.jpg"].near == kept["0066.jpg"].far == {}  # its object columns are empty: not labelled


def test_sensation_annotations_are_written_as_they_were_but_for_presence(published, annotations, tmp_path):
    kept, _ = annotations
    write_annotations(tmp_path / "again.csv", kept.values())
    rows = dict(reversed([(row["image"], row) for _, row in read_rows(published / ANNOTATIONS, ())]))
    again = {row["image"]: row for _, row in read_rows(tmp_path / "again.csv", ())}
    differing = Counter(key for image, row in again.items() for key in row if row[key] != rows[image][key])
    assert differing == {"Object_present": 23, "Object_present_outside": 21}


def test_sensation_captions_are_written_as_they_were(published, tmp_path):
    captions = read_captions(published / CAPTIONS)
    assert Counter(caption.split for caption in captions) == {"train": 2581, "val": 317, "test": 333}
    write_captions(tmp_path / "again.csv", captions)
    assert (tmp_path / "again.csv").read_bytes() == (published / CAPTIONS).read_bytes()


@pytest.mark.parametrize(("split", "count"), [("train", 2581), ("val", 317), ("test", 333)])
def test_sensation_bvpi_file_is_composed_again_to_the_byte(published, annotations, split, count):
    kept, _ = annotations
    captions = [caption for caption in read_captions(published / CAPTIONS) if caption.split == split]
    lines = [to_line(sft_record(c.image_path, kept[c.image], c.target)) for c in captions]
    assert len(lines) == count
    assert "".join(lines) == (published / BVPI.format(split=split)).read_text()


def test_sensation_bvpi_text_parses_into_its_sections(published, annotations):
    kept, _ = annotations
    for caption in read_captions(published / CAPTIONS):
        sections = parse_sections(compose(kept[caption.image], caption.target))
        assert sections["Context"] == caption.target
        assert ("Far" in sections) == ("farther away" in " ".join(v for k, v in sections.items() if k != "Context"))


def test_sensation_predictions_of_the_published_model_parse(published):
    with open(published / "flamingo_bvpi_predictions.jsonl") as lines:
        predictions = [json.loads(line) for line in lines]
    parsed = [parse_sections(one["text"]) for one in predictions]
    assert len(parsed) == 333
    # The document's table: every mandatory field is present in every prediction.
    assert all({"Sidewalk", "Road", "RoadVsSidewalk", "Nearby"} <= sections.keys() for sections in parsed)
    right = sum(
        sections["Sidewalk"] == parse_sections(one["target"])["Sidewalk"]
        for sections, one in zip(parsed, predictions, strict=True)
    )
    assert right == 167


def test_sensation_without_pictures_is_an_error_that_counts_and_names_them(published):
    with pytest.raises(BadInput, match=r"333 of 333 pictures of test.*testing/images/-aZs4bu6mgdPQs7Xi8xUNQ\.jpg"):
        open_sensation(published, "test")


def test_sensation_numbered_test_pictures_share_stretches_with_training(published):
    split_of: dict[str, set[str]] = {}
    for caption in read_captions(published / CAPTIONS):
        split_of.setdefault(place_in_film(caption.image)[0], set()).add(caption.split)
    assert sum(len(splits) > 1 for splits in split_of.values()) > 40  # why a grouped split is needed


@pytest.fixture(scope="module")
def converted(published, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sensation") / "converted"
    _, skipped = convert(published, folder)
    assert len(skipped) == 2  # the repeat and the shifted row; every captioned picture is converted
    return folder


def records(file: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_sensation_conversion_has_every_published_record_field_by_field(published, converted):
    files = sorted(published.glob("bvpi_sft_*.jsonl")) + sorted(published.glob("bvpi_dpo_*.jsonl"))
    assert files
    for file in files:
        ours, theirs = records(converted / file.name), records(file)
        assert len(ours) == len(theirs), file.name
        for line, (our, their) in enumerate(zip(ours, theirs, strict=True), 1):
            assert list(our.items()) == list(their.items()), f"{file.name}, line {line}"
        assert (converted / file.name).read_bytes() == file.read_bytes(), file.name


def test_sensation_conversion_chooses_the_text_over_the_caption(published, converted):
    """The fields and splits of document 000's pairs: its repository makes none of the test pictures."""
    captions = {one.image_path: one.target for one in read_captions(published / CAPTIONS)}
    assert not (converted / PAIRS.format(split="test")).exists()
    for split in ("train", "val"):
        pairs, texts = (records(converted / name.format(split=split)) for name in (PAIRS, BVPI))
        assert len(pairs) == len(texts)
        for pair, text in zip(pairs, texts, strict=True):
            assert pair == {
                "image": text["image"],
                "prompt": text["prompt"],
                "chosen": text["response"],
                "rejected": captions[text["image"]],
                **{key: text[key] for key in ("sidewalk_pos", "road_pos", "road_vs_sidewalk")},
            }


def test_sensation_published_test_pictures_have_training_neighbours(published):
    images = {split: [] for split in ("train", "val", "test")}
    for caption in read_captions(published / CAPTIONS):
        images[caption.split].append(caption.image)
    numbers = [image for image in images["test"] if re.fullmatch(r"\d+\.jpg", image)]
    assert leakage(numbers, images["train"]) == (126, 121)
    leakages = {part.name: part.leakage for part in describe(published).parts}
    assert leakages["published test"] == leakage(images["test"], images["train"]) == (233, 224)


@pytest.mark.parametrize("val_fraction", [0.1, 0.2, 0.5])
def test_sensation_grouped_split_has_no_training_neighbours(published, val_fraction):
    files = read_files(published, "all")
    train, val = grouped_parts(files, val_fraction)
    assert val.leakage is not None
    assert val.leakage.numbered > 100
    assert val.leakage.leaking == 0
    assert leakage(train.images, val.images).leaking == 0
    left_out = sum(is_between(caption.image) for caption in files.captions)
    assert len(train.images) + len(val.images) == len(files.captions) - left_out
    assert left_out < 0.1 * len(files.captions)
