from pathlib import Path
from typing import Any

import pytest
from manifest_lines import a_line, write

from roadcue.errors import BadRecord
from roadcue.loaders.manifest.dataset import open_manifest


def test_a_frame_that_comes_twice_is_refused(folder: Path):
    manifest = write(folder, a_line("1", frame=4), a_line("2", frame=4), a_line("3", frame=3))
    with pytest.raises(BadRecord, match=r"line 2: sequence 'a' has a frame 4 already; number its frames in time"):
        open_manifest(folder, "all")
    assert open_manifest(manifest, "all", on_bad_record="skip").states.frame.tolist() == [3, 4]


def test_line_10_lines_with_and_without_a_frame_have_no_order(folder: Path):
    write(folder, a_line("1", frame=1), a_line("2"), a_line("3", sequence="b"), a_line("4", frame=0))
    with pytest.raises(BadRecord, match=r"line 2: in sequence 'a' .* line 1 has a frame and .* line 2 has none"):
        open_manifest(folder, "all")
    data = open_manifest(folder, "all", on_bad_record="skip")
    assert data.states.id.tolist() == ["4", "1", "3"]
    assert [skipped.where[-6:] for skipped in data.skipped] == ["line 2"]


SKIPPED = {
    "a damaged state": a_line("bad", past=[]),
    "an id that is there": a_line("1"),
    "a frame beside none": a_line("bad", frame=7),
    "a picture that is not there": a_line("bad", images={"FRONT": "front/9.jpg"}),
    "no JSON": "{",
    "no sequence": a_line("bad", sequence=...),
    "a list": "[]",
}


@pytest.mark.parametrize("bad", SKIPPED.values(), ids=SKIPPED.keys())
def test_line_10_a_skipped_line_does_not_renumber_those_behind_it(folder: Path, bad: Any):
    write(folder, a_line("1"), a_line("2"), bad, a_line("3"), a_line("4"), a_line("5", sequence="b"))
    states = open_manifest(folder, "all", on_bad_record="skip").states
    assert states.id.tolist() == ["1", "2", "3", "4", "5"]
    assert states.frame.tolist() == [0, 1, 3, 4, 0]
    assert states.rows_before(1).tolist() == [-1, 0, -1, 2, -1]
    assert states.rows_before(2).tolist() == [-1, -1, 1, -1, -1]


def test_line_10_a_line_that_may_be_of_any_sequence_leaves_a_gap_in_each_that_has_begun(folder: Path):
    write(folder, a_line("1"), a_line("2", sequence="b"), "{", a_line("3"), a_line("4", sequence="b"))
    states = open_manifest(folder, "all", on_bad_record="skip").states
    assert (states.id.tolist(), states.frame.tolist()) == (["1", "3", "2", "4"], [0, 2, 0, 2])
