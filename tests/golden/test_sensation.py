"""The published SENSATION files: read whole, and their BVPI texts composed again from annotations and captions."""

import json
from collections import Counter

import pytest

from loaders.errors import BadInput
from loaders.sensation import open_sensation
from loaders.sensation.annotation import read_annotations, read_rows, write_annotations
from loaders.sensation.bvpi import compose, parse_sections, sft_record, to_line
from loaders.sensation.captions import read_captions, write_captions
from loaders.sensation.dataset import ANNOTATIONS, BVPI, CAPTIONS
from loaders.sensation.film import place_in_film


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
    told = [parse_sections(one["text"]) for one in predictions]
    assert len(told) == 333
    # The document's table: every mandatory field is present in every prediction.
    assert all({"Sidewalk", "Road", "RoadVsSidewalk", "Nearby"} <= sections.keys() for sections in told)
    right = sum(
        sections["Sidewalk"] == parse_sections(one["target"])["Sidewalk"]
        for sections, one in zip(told, predictions, strict=True)
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
