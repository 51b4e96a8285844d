"""A drawn folder: whole or not at all, gone on with, its manifest checked. The drawing is a file of four bytes."""

import json
from dataclasses import asdict, dataclass

import pytest

from roadcue.errors import BadInput
from roadcue.files import resumable_folder
from roadcue.roadworld.checksums import CHECKSUMS_FILE, check_checksums, write_checksums
from roadcue.roadworld.drawing import Job, draw_missing
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.write import check_sidewalk
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.write import check_roadworld


def draw(folder, drawn, stop_at=None):
    """Three files drawn one after the other; `drawn` gets the number of each."""

    def one(number):
        if number == stop_at:
            raise KeyboardInterrupt
        (partial / str(number)).write_bytes(b"drew")
        drawn.append(number)

    with resumable_folder(folder, "key") as partial:
        draw_missing("drawing", one, [Job(partial / str(number), 1, (number,)) for number in range(3)], workers=1)
        write_checksums(partial, sorted(partial.iterdir()), "1", {"seed": 7})


def checked(folder, hashes=True):
    return check_checksums(folder, lambda seed: seed, "test", "this command", hashes=hashes)


def test_a_stopped_drawing_is_not_there_and_goes_on_where_it_was(tmp_path):
    drawn = []
    with pytest.raises(KeyboardInterrupt):
        draw(tmp_path / "out", drawn, stop_at=2)
    assert drawn == [0, 1]
    assert not (tmp_path / "out").exists()
    draw(tmp_path / "out", drawn)
    assert drawn == [0, 1, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert checked(tmp_path / "out") == 7


def test_a_folder_that_exists_or_cannot_be_made_is_refused(tmp_path):
    with pytest.raises(BadInput, match="exists already"):
        draw(tmp_path, [])
    (tmp_path / "file").touch()
    with pytest.raises(
        BadInput, match=r"file/out: cannot be written .*/file is a file and no folder\); move it away"
    ):
        draw(tmp_path / "file" / "out", [])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "is missing where"), (b"dre", "has 3 bytes where the manifest has 4"), (b"dren", "its sha256 is not")],
)
def test_a_changed_file_is_named_with_the_remedy(tmp_path, content, sentence):
    draw(tmp_path / "out", [])
    file = tmp_path / "out" / "1"
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(BadInput, match=rf"out/1: .*{sentence}.* draw it again with this command"):
        checked(tmp_path / "out")


def test_of_a_folder_that_is_not_there_nobody_is_told_to_delete_it(tmp_path):
    with pytest.raises(
        BadInput, match=r"away: there is no such folder\. .* a test, or draw it with this command"
    ) as said:
        checked(tmp_path / "away")
    assert "Delete" not in str(said.value)


@pytest.mark.parametrize("name", ["../outside", "inside/../../outside", "/outside"])
def test_a_manifest_cannot_name_a_file_outside(tmp_path, name):
    draw(tmp_path / "out", [])
    (tmp_path / "outside").write_bytes(b"drew")
    manifest = json.loads((tmp_path / "out" / CHECKSUMS_FILE).read_text())
    manifest["files"][str(tmp_path / "outside") if name == "/outside" else name] = manifest["files"]["0"]
    (tmp_path / "out" / CHECKSUMS_FILE).write_text(json.dumps(manifest))
    with pytest.raises(BadInput, match="outside the folder"):
        checked(tmp_path / "out")


@pytest.mark.parametrize(
    ("spec", "check", "named"),
    [
        (SidewalkSpec(train=8), check_roadworld, "walks .* --data sidewalk, .* -m roadcue.roadworld.sidewalk"),
        (RoadWorldSpec(), check_sidewalk, "drives .* --data roadworld, .* -m roadcue.roadworld"),
    ],
)
def test_a_folder_of_the_other_view_is_not_one_to_delete(tmp_path, spec, check, named):
    write_checksums(tmp_path, [], "1", asdict(spec))
    with pytest.raises(BadInput, match=rf"{tmp_path}: holds {named}") as said:
        check(tmp_path)
    assert "elete" not in str(said.value)


@pytest.mark.parametrize("change", [{"version": "99"}, {"spec": {"seed": 8}}, {"files": {}}])
def test_an_edited_manifest_is_not_as_written(tmp_path, change):
    """Its spec would be said to be what the pictures were drawn with."""

    @dataclass(frozen=True)
    class Spec:
        seed: int

    (tmp_path / "1").write_bytes(b"drew")
    write_checksums(tmp_path, [tmp_path / "1"], "1", {"seed": 7})

    def check(hashes):
        return check_checksums(tmp_path, Spec, "world", "python -m draw", hashes=hashes)

    assert check(hashes=True).seed == 7
    file = tmp_path / "manifest.json"
    whole = json.loads(file.read_text())
    file.write_text(json.dumps({**whole, **change}))
    with pytest.raises(BadInput, match=r"manifest\.json: .*edited since it was written.*draw it again"):
        check(hashes=False)
    del whole["sha256"]  # as those of before it was kept
    file.write_text(json.dumps(whole))
    assert check(hashes=True).seed == 7
