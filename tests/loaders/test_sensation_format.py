"""The SENSATION files: annotation rows, BVPI texts and the JSON form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sensation_annotations import annotation, annotations

from roadcue.errors import BadInput, BadRecord
from roadcue.loaders.sensation.annotation_files import read_annotations, write_annotations
from roadcue.loaders.sensation.captions import read_captions
from roadcue.loaders.sensation.film import place_in_film
from roadcue.prompts.annotation import COLUMNS, OBJECT_KINDS, SIDEWALK_POSITIONS, parse_row
from roadcue.prompts.bvpi import compose, parse_line, parse_sections, road_vs_sidewalk, sft_record, to_line


@given(annotations)
def test_a_row_reads_back_as_it_was_written(given_one):
    assert tuple(given_one.row) == COLUMNS
    assert parse_row(given_one.row, "here") == given_one


@given(st.dictionaries(st.sampled_from(COLUMNS), st.text(max_size=12)))
def test_any_row_is_parsed_or_refused_with_its_place(row):
    try:
        parse_row(row, "file.csv, line 7")
    except BadRecord as bad:
        refusal = str(bad)
    else:
        return
    assert refusal.startswith("file.csv, line 7")


def test_a_file_reads_back_and_reports_what_it_leaves_out(tmp_path):
    first, second = annotation(near={"person": ("Center", "Left")}), annotation(road="Front")
    write_annotations(tmp_path / "a.csv", [first, second])
    with open(tmp_path / "a.csv", "a") as file:
        file.write("ne,Center,Right,No" + ",not present" * 20 + "\n")
    kept, skipped = read_annotations(tmp_path / "a.csv")
    assert kept == {"0001.jpg": first}
    assert [one.where.rpartition(" ")[2] for one in skipped] == ["3", "4"]
    assert "annotated before" in skipped[0].reason
    assert "road_pos is 'No'" in skipped[1].reason


@pytest.mark.parametrize("cells", [23, 25])
def test_a_row_with_a_cell_too_many_or_too_few_is_left_out(tmp_path, cells):
    """Its labels would stand in the columns beside their own: car Left would be read as bicycle Left."""
    row = list(annotation(near={"car": ("Left",)}).row.values())
    assert len(row) == 24
    at = row.index("Left", 6)
    shifted = row[: at - 1] + row[at:] if cells == 23 else [*row[:at], "not present", *row[at:]]
    write_annotations(tmp_path / "a.csv", [])
    with open(tmp_path / "a.csv", "a") as file:
        file.write(",".join(shifted) + "\n")
    kept, skipped = read_annotations(tmp_path / "a.csv")
    assert not kept
    assert f"has {cells} cells where the first line names 24 columns" in skipped[0].reason


def test_two_columns_of_one_name_are_refused(tmp_path):
    write_annotations(tmp_path / "a.csv", [annotation()])
    text = (tmp_path / "a.csv").read_text().splitlines()
    (tmp_path / "a.csv").write_text(
        "".join(f"{line},{last}\n" for line, last in zip(text, ("m_car", "Left"), strict=True))
    )
    with pytest.raises(BadInput, match="two columns 'm_car'"):
        read_annotations(tmp_path / "a.csv")


def test_a_caption_with_a_cell_too_many_is_refused_with_its_line(tmp_path):
    (tmp_path / "c.csv").write_text("image_path,target,split\na/1.jpg,Clear, wide.,train\n")
    with pytest.raises(BadInput, match="line 2: has 4 cells where the first line names 3 columns"):
        read_captions(tmp_path / "c.csv")


def test_words_that_differ_in_blanks_and_case_are_read(tmp_path):
    row = annotation(sidewalk="Left", near={"person": ("Center", "Left")}).row
    words = {"sidewalk_pos": "left ", "m_person": " center-LEFT", "m_car": "Not Present", "m_trees": "  "}
    (tmp_path / "a.csv").write_text("\n".join([",".join(row), ",".join((row | words).values())]))
    kept, skipped = read_annotations(tmp_path / "a.csv")
    assert not skipped
    read = kept["0001.jpg"]
    assert (read.sidewalk, read.near["person"], read.near["car"]) == ("Left", ("Center", "Left"), ())
    assert "trees" not in read.near


def test_a_file_without_a_column_is_refused_by_the_columns_name(tmp_path):
    (tmp_path / "a.csv").write_text("image,status\n0001.jpg,done\n")
    with pytest.raises(BadInput, match="sidewalk_pos"):
        read_annotations(tmp_path / "a.csv")


def test_a_caption_of_an_unknown_split_is_refused_with_its_line(tmp_path):
    (tmp_path / "c.csv").write_text("image_path,target,split\na/1.jpg,Clear.,train\na/2.jpg,Clear.,dev\n")
    with pytest.raises(BadInput, match=r"line 3.*'dev'"):
        read_captions(tmp_path / "c.csv")


@pytest.mark.parametrize(
    ("sidewalk", "road", "relation"),
    [
        ("Left", "Left", "unknown"),
        ("Left", "Right", "right_of"),
        ("Center", "Left", "left_of"),
        ("Center", "Right", "right_of"),
        ("Right", "Left", "left_of"),
        ("Right", "Right", "unknown"),
        ("Outside", "Left", "unknown"),
        ("Outside", "Right", "unknown"),
        *((sidewalk, "Front", "crossing_front") for sidewalk in SIDEWALK_POSITIONS),
        *((sidewalk, "Not present", "unknown") for sidewalk in SIDEWALK_POSITIONS),
    ],
)
def test_the_relation_of_road_and_sidewalk(sidewalk, road, relation):
    assert road_vs_sidewalk(sidewalk, road) == relation


def test_a_text_has_close_things_before_far_ones_with_counts_and_places():
    seen = annotation(
        near={"obstacle": ("Right", "Left"), "person": ("Center",), "trees": ("Left",)},
        far={"car": ("Left", "Left", "Center", "Right"), "grass": ("Right",)},
    )
    assert compose(seen, " The path is clear. ") == (
        "Sidewalk: center. Road: left. RoadVsSidewalk: left_of. "
        "Nearby: 2 obstacles close on the left and right; a person close on the center. "
        "Far: 4 cars farther away across the left, center, and right. Context: The path is clear."
    )
    assert compose(annotation("Outside", "Not present"), "") == (
        "Sidewalk: unknown. Road: unknown. RoadVsSidewalk: unknown. Nearby: no important close objects visible."
    )


@given(annotations, st.text(max_size=60).map(str.strip))
def test_a_text_parses_into_the_sections_it_was_composed_of(given_one, caption):
    sections = parse_sections(compose(given_one, caption))
    assert sections["Sidewalk"] == {"Outside": "unknown"}.get(given_one.sidewalk, given_one.sidewalk.lower())
    assert sections.get("Context", "") == caption
    assert ("Far" in sections) == any(given_one.far.get(kind) for kind in OBJECT_KINDS[:6])


@given(st.text(max_size=80))
def test_any_text_parses(text):
    assert all(value == value.strip() for value in parse_sections(text).values())


def test_a_caption_that_holds_a_heading_stays_whole():
    assert parse_sections("Sidewalk: left. Context: It says Road: closed.")["Context"] == "It says Road: closed."


@given(annotations, st.text(max_size=40))
def test_a_record_survives_its_line(given_one, caption):
    record = sft_record("training/images/1.jpg", given_one, caption)
    line = to_line(record)
    assert line.count("\n") == 1
    assert parse_line(line, "here") == record


@pytest.mark.parametrize("line", ["", "[]", '{"image": 1, "response": ""}', "{"])
def test_a_line_that_is_no_record_is_refused_with_its_place(line):
    with pytest.raises(BadRecord, match="line 3"):
        parse_line(line, "file, line 3")


@pytest.mark.parametrize(
    ("image", "place"),
    [
        ("walk-0000012-3.jpg", ("walk-0000012", 3)),
        ("0123.jpg", ("0100", 123)),
        ("image_49.jpg", ("image_0000", 49)),
        ("-4jzRzGfKmQg8RBNlNqnGQ.jpg", ("-4jzRzGfKmQg8RBNlNqnGQ", 0)),
    ],
)
def test_pictures_that_belong_together_share_a_sequence(image, place):
    assert place_in_film(image) == place
