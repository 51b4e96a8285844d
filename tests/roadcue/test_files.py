"""Files and folders that appear whole or not at all, and what is said of those that cannot be read."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest
from refusing_disk import refusal

from roadcue.files import unreadable, whole_file, whole_folder, write_whole


def test_a_file_appears_at_the_end(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a") as partial:
        partial.write_text("new")
        assert not (tmp_path / "a").exists()
    write_whole(tmp_path / "b", b"bytes")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "new", "b": "bytes"}


def test_a_folder_appears_at_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "a"
    with whole_folder(folder) as partial:
        (partial / "x").write_text("x")
        assert not folder.exists()
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a"]
    assert (folder / "x").read_text() == "x"
    assert folder.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("whole", [whole_file, whole_folder])
def test_nothing_is_left_after_an_error_and_the_place_is_named(tmp_path: Path, whole) -> None:
    with pytest.raises(KeyError), whole(tmp_path / "a"):
        raise KeyError
    with pytest.raises(OSError, match="No space left") as told, whole(tmp_path / "a") as partial:
        raise refusal(errno.ENOSPC, partial)
    assert told.value.filename == str(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def make(folder: Path, whose: str, meanwhile: Callable[[], None] = lambda: None) -> None:
    with whole_folder(folder) as partial:
        (partial / "whose").write_text(whose)
        meanwhile()


def test_of_two_that_make_a_folder_the_first_one_names_it(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="not empty"):
        make(tmp_path / "a", "slow", lambda: make(tmp_path / "a", "fast"))
    assert [path.read_text() for path in tmp_path.rglob("whose")] == ["fast"]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EACCES, "a.txt: cannot be read (Permission denied); get the permission to read it"),
        (errno.ENOENT, "a.txt: cannot be read (No such file or directory); name another"),
        (errno.EIO, "a.txt: cannot be read (Input/output error); look whether the disk or the network drive is in"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_own_remedy(number: int, said: str) -> None:
    assert str(unreadable(Path("a.txt"), refusal(number, "b.txt"), "name another")).startswith(said)
