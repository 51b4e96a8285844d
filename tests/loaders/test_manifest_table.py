"""python -m roadcue.loaders.manifest convert: a team's spreadsheet, as Excel and LibreOffice write it."""

import json

import pytest

from roadcue.errors import BadInput, BadRecord
from roadcue.heads.cue.rules import IN_THE_WAY
from roadcue.loaders.dataset import sample
from roadcue.loaders.manifest.__main__ import main
from roadcue.loaders.manifest.convert import convert
from roadcue.loaders.manifest.dataset import open_manifest
from roadcue.loaders.manifest.table import LINING
from roadcue.prompts.annotation import OBJECT_KINDS

TABLE = """picture,sidewalk,road,objects
front/1.jpg,center,Left,car left; person CENTER
front/2.jpg, Outside ,not  present,none
left/1.jpg,,,
"""


def converted(folder, text, **options):
    """The lines of the manifest of a table, whose pictures are those of `folder`."""
    table = folder.parent / "table.csv"
    table.write_bytes(text if isinstance(text, bytes) else text.encode())
    made = convert(table, folder, folder.parent / "out", **options)
    return [json.loads(line) for line in made.manifest.read_text().splitlines()], made


def test_words_become_fields_and_the_kinds_that_a_line_does_not_name_are_not_present(folder):
    (first, second, third), made = converted(folder, TABLE)
    assert first["fields"] == {
        "sidewalk_pos": "Center",
        "road_pos": "Left",
        "m_bicycle": "not present",
        "m_car": "Left",
        "m_person": "Center",
        "m_traffic_sign": "not present",
        "traffic_light": "not present",
        "m_obstacle": "not present",
    }
    assert (second["fields"]["sidewalk_pos"], second["fields"]["road_pos"]) == ("Outside", "Not present")
    assert set(list(second["fields"].values())[2:]) == {"not present"}
    assert third == {"id": "left/1.jpg", "sequence": "left", "images": {"FRONT": "left/1.jpg"}, "fields": {}}
    assert made.labelled == {"sidewalk": 2, "road": 2, "objects": 2}
    assert made.unnamed == LINING


def test_what_is_written_is_read_with_pictures_of_another_folder(folder):
    _, made = converted(folder, TABLE.replace("picture", " Picture ").replace("left/1.jpg", r"left\1.jpg"))
    data = open_manifest(made.manifest, "all", image_root=folder)
    rows = {data.states.id[row]: sample(data, row) for row in range(len(data))}
    assert rows["left/1.jpg"].inputs.images["FRONT"] == (folder / "left/1.jpg").read_bytes()
    assert rows["front/1.jpg"].targets.fields["m_person"] == "Center"


@pytest.mark.parametrize(
    "encoded",
    [
        TABLE.replace("; ", "/ ").replace(",", ";").replace("/ ", ", ").encode(),
        TABLE.replace(",", "\t").encode(),
        b"\xef\xbb\xbf" + TABLE.replace("\n", "\r\n").encode(),
        (TABLE + ",,,\n").encode(),
    ],
    ids=["semicolons", "tabs", "with Excel's mark and line ends", "an empty line"],
)
def test_what_spreadsheets_write_is_read_alike(folder, encoded):
    lines, _ = converted(folder, encoded)
    assert (len(lines), lines[0]["fields"]["m_car"], lines[0]["fields"]["m_person"]) == (3, "Left", "Center")


def test_objects_may_have_several_sides_two_words_and_more_than_one_entry(folder):
    (line,), made = converted(
        folder, "picture,objects\nfront/1.jpg,Traffic Sign right-center; trees left; car left; car right\n"
    )
    fields = line["fields"]
    assert (fields["m_traffic_sign"], fields["m_car"]) == ("Center-Right", "Left-Right")
    assert (fields["m_trees"], made.unnamed) == ("Left", ("grass", "plants"))


def test_other_columns_are_those_of_a_manifest(folder):
    text = "picture,sequence,frame,split,caption\nfront/1.jpg,walk,12,Train,Go  on.\n"
    (line,), _ = converted(folder, text)
    assert line == {
        "id": "front/1.jpg",
        "sequence": "walk",
        "images": {"FRONT": "front/1.jpg"},
        "fields": {},
        "frame": 12,
        "split": "train",
        "caption": "Go on.",
    }


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("front/1.jpg,Lft,,", r"column sidewalk is 'Lft'; did you mean 'Left'\? \(known: Left, Center"),
        ("front/1.jpg,,frnt,", r"column road is 'frnt'; did you mean 'Front'\?"),
        ("front/1.jpg,,,cars left", r"column objects: 'cars left' names no kind of object; did you mean 'car'\?"),
        ("front/1.jpg,,,car lft", r"column objects: 'car lft': 'lft' is no side; did you mean 'Left'\?"),
        ("front/1.jpg,,,car", "column objects: 'car' says no side"),
        ("front/9.jpg,,,", "picture 'front/9.jpg': No such file"),
        ("../1.jpg,,,", "leaves the data folder"),
        (",Left,,", "column picture is empty"),
        ("front/3.jpg,Left,,", "is named before, by .*table.csv, line 2"),
        ("front/1.jpg,Left", "has 2 cells where the first line names 4 columns"),
    ],
)
def test_a_bad_line_is_named_and_all_are_counted_and_may_be_left_out(folder, line, said):
    text = f"picture,sidewalk,road,objects\nfront/3.jpg,Left,,\n{line}\nfront/2.jpg,Nowhere,,\n"
    with pytest.raises(BadRecord, match=r"2 of 3 lines cannot be used; the first: .*table.csv, line [34]: .*skip"):
        converted(folder, text)
    lines, _ = converted(folder, text, on_bad_record="skip")
    assert [one["id"] for one in lines] == ["front/3.jpg"]
    with pytest.raises(BadRecord, match=f"table.csv, line 3: .*{said}"):
        convert_again(folder, text.replace("front/2.jpg,Nowhere,,\n", ""))


def convert_again(folder, text):
    (folder.parent / "table.csv").write_text(text)
    convert(folder.parent / "table.csv", folder, folder.parent / "again")


@pytest.mark.parametrize(
    ("encoded", "said"),
    [
        (
            "picture,sidewalk\nGässchen/1.jpg,Left\n".encode("latin-1"),
            "line 2: byte 0xe4 is not UTF-8; save",
        ),
        (TABLE.encode("utf-16"), "line 1: byte 0xff is not UTF-8"),
        (b"picture,sidewlk\nfront/1.jpg,Left\n", "unknown column 'sidewlk'; did you mean 'sidewalk'"),
        (b"image,sidewalk\nfront/1.jpg,Left\n", "has no column picture"),
        (b"picture,road,Road\n", "two columns 'road'"),
        (b"picture,road\nfront/1.jpg,\n", "labels nothing"),
        (b'picture,road\n"front/1.jpg,Left\n', "line 2: is not CSV"),
        (b"", "has no column picture"),
    ],
)
def test_a_table_that_cannot_be_read_says_what_to_do(folder, encoded, said):
    with pytest.raises(BadInput, match=said):
        converted(folder, encoded)
    assert not (folder.parent / "out").exists()


def test_every_kind_is_in_the_way_or_lines_it():
    assert set(LINING) == set(OBJECT_KINDS) - set(IN_THE_WAY)


def test_the_command_says_what_it_wrote_and_how_to_train_on_it(folder, monkeypatch, capsys):
    table, out = folder.parent / "table.csv", folder.parent / "out"
    table.write_text(TABLE + "front/3.jpg,Up,,\n")
    words = ["manifest", "convert", str(table), "--pictures", str(folder), "--out", str(out)]
    monkeypatch.setattr("sys.argv", words)
    assert main() == 2
    assert "1 of 4 lines cannot be used" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", [*words, "--on_bad_record", "skip"])
    assert main() == 0
    said = capsys.readouterr().out
    assert f"1 line left out:\n  1, the first {table}, line 5: column sidewalk is 'Up'" in said
    assert f"no label at all: 1 line, the first {table}, line 4; no head learns from them" in said
    assert "--split_by sequence" in said
    assert "splits:" not in said
    assert f"{out / 'manifest.jsonl'}: 3 lines, 2 sequences" in said
    assert "labels: sidewalk in 2 lines, road in 2 lines, objects in 2 lines" in said
    assert f"--data_dir {out} --image_root {folder}" in said
    assert "one sequence" not in said


def test_a_table_of_one_sequence_is_said_to_leave_nothing_to_validate_on(folder, monkeypatch, capsys):
    table, out = folder.parent / "table.csv", folder.parent / "out"
    table.write_text("picture,sidewalk\nleft/1.jpg,center\nleft/2.jpg,left\n")
    monkeypatch.setattr("sys.argv", ["x", "convert", str(table), "--pictures", str(folder), "--out", str(out)])
    assert main() == 0
    said = capsys.readouterr().out
    assert "manifest.jsonl: 2 lines, 1 sequence\n" in said
    assert "all lines are of one sequence, so nothing would be left to validate on: name in a column" in said


@pytest.mark.parametrize(
    ("splits", "said", "sequence"),
    [
        (("train", "Val", "val"), "splits: train in 1 line, val in 2 lines", False),
        (("train", "train", ""), "splits: train in 2 lines, no split in 1 line; training needs train and val", True),
        (("train", "train", "train"), "splits: train in 3 lines; training needs train and val", True),
    ],
)
def test_the_command_fits_the_splits_that_the_table_names(folder, monkeypatch, capsys, splits, said, sequence):
    table, out = folder.parent / "table.csv", folder.parent / "out"
    names = ("front/1.jpg", "left/1.jpg", "left/2.jpg")
    rows = [f"{name},center,{split}" for name, split in zip(names, splits, strict=True)]
    table.write_text("\n".join(["picture,sidewalk,split", *rows]))
    words = ["manifest", "convert", str(table), "--pictures", str(folder), "--out", str(out)]
    monkeypatch.setattr("sys.argv", words)
    assert main() == 0
    printed = capsys.readouterr().out
    assert said in printed
    assert ("--split_by sequence --head" in printed) == sequence
    if not sequence:
        assert len(open_manifest(out, "val", image_root=folder)) == 2
        whole = open_manifest(out, "all", image_root=folder).description
        assert "the splits that its lines name (train 1, val 2) do not count" in whole


def test_every_kind_of_fault_is_said_with_its_count(folder, monkeypatch, capsys):
    table, out = folder.parent / "table.csv", folder.parent / "out"
    bad = "front/2.jpg,Up,,\nfront/3.jpg,Down,,\nleft/2.jpg,,Nowhere,\nleft/8.jpg,,,\nleft/9.jpg,,,\nleft/3.jpg,,\n"
    table.write_text("picture,sidewalk,road,objects\nfront/1.jpg,center,,\n" + bad)
    words = ["manifest", "convert", str(table), "--pictures", str(folder), "--out", str(out)]
    monkeypatch.setattr("sys.argv", [*words, "--on_bad_record", "skip"])
    assert main() == 0
    left_out = capsys.readouterr().out.partition(f"{out}")[0].splitlines()
    assert left_out[0] == "6 lines left out:"
    starts = [
        f"  2, the first {table}, line 3: column sidewalk is 'Up'",
        f"  2, the first {table}, line 6: picture 'left/8.jpg': No such file",
        f"  1, the first {table}, line 5: column road is 'Nowhere'",
        f"  1, the first {table}, line 8: has 3 cells",
    ]
    assert sorted(line[: len(start)] for line, start in zip(sorted(left_out[1:]), sorted(starts), strict=True)) == (
        sorted(starts)
    )
