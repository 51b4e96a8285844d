"""Files and folders that appear whole or not at all, and what is said of those that cannot be read."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from refusing_disk import refusal

from roadcue.errors import BadInput
from roadcue.files import (
    atomic_file,
    atomic_folder,
    resumable_folder,
    unreadable,
    user_path,
    write_atomic,
    writing_into,
)
from roadcue.left_over import partial_name

ROOMS = ("evaluation", "heads", "inference", "loaders", "metrics", "models", "prompts", "reports", "roadcue")
ROOMS = (*ROOMS, "roadworld", "training")


def test_a_file_appears_at_the_end(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "a") as partial:
        partial.write_text("new")
        assert not (tmp_path / "a").exists()
    write_atomic(tmp_path / "b", b"bytes")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "new", "b": "bytes"}


def test_a_folder_appears_at_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "a"
    with atomic_folder(folder) as partial:
        (partial / "x").write_text("x")
        assert not folder.exists()
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a"]
    assert (folder / "x").read_text() == "x"
    assert folder.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("whole", [atomic_file, atomic_folder])
def test_nothing_is_left_after_an_error_and_the_place_is_named(tmp_path: Path, whole) -> None:
    with pytest.raises(KeyError), whole(tmp_path / "a"):
        raise KeyError
    with pytest.raises(OSError, match="No space left") as caught, whole(tmp_path / "a") as partial:
        raise refusal(errno.ENOSPC, partial)
    assert caught.value.filename == str(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def make(folder: Path, whose: str, meanwhile: Callable[[], None] = lambda: None) -> None:
    with atomic_folder(folder) as partial:
        (partial / "whose").write_text(whose)
        meanwhile()


def test_of_two_that_make_a_folder_the_first_one_names_it(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="not empty"):
        make(tmp_path / "a", "slow", lambda: make(tmp_path / "a", "fast"))
    assert [path.read_text() for path in tmp_path.rglob("whose")] == ["fast"]


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.EACCES, "a.txt: cannot be read (Permission denied); get the permission to read it"),
        (errno.ENOENT, "a.txt: cannot be read (No such file or directory); name another"),
        (errno.EIO, "a.txt: cannot be read (Input/output error); look whether the disk or the network drive is in"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_own_remedy(number: int, message: str) -> None:
    assert str(unreadable(Path("a.txt"), refusal(number, "b.txt"), "name another")).startswith(message)


def test_the_home_of_nobody_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_path("~/x") == tmp_path / "x"
    with pytest.raises(BadInput, match=r"^~no_such_user/x: there is no home folder ~no_such_user; write the whole"):
        user_path("~no_such_user/x")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "~draft.jpg").touch()
    assert user_path("~draft.jpg") == Path("~draft.jpg")


def test_paths_of_users_are_expanded_in_one_place() -> None:
    root = Path(__file__).parents[2]
    rooms = [*root.glob("*.py"), *(file for room in ROOMS for file in (root / room).rglob("*.py"))]
    assert len(rooms) > 100
    paths = [str(file.relative_to(root)) for file in rooms if "expanduser" in file.read_text()]
    assert paths == ["roadcue/files.py"]


def test_a_file_in_the_way_of_a_folder_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for writing in (
        writing_into(file, "free space"),
        writing_into(file / "a/b", ""),
        resumable_folder(file / "a", "k"),
    ):
        with pytest.raises(BadInput) as caught, writing:
            pass
        assert f"cannot be written ({file} is a file and no folder); move it away" in str(caught.value)
        assert "space" not in str(caught.value)


def test_a_place_where_nobody_may_write_is_not_full(tmp_path: Path) -> None:
    no_leave = pytest.raises(BadInput, match=r"Read-only file system.*; name a place where you may write")
    with no_leave, writing_into(tmp_path, "free space there"):
        raise refusal(errno.EROFS, tmp_path / "x")
    nothing_there = pytest.raises(BadInput, match=r"No such file.*; nothing can be made there, name another place$")
    with nothing_there, writing_into(tmp_path, "free space there"):  # as of a folder below /proc
        raise refusal(errno.ENOENT, tmp_path / "x")
    with pytest.raises(BadInput, match=r"free space there$"), writing_into(tmp_path, "free space there"):
        raise refusal(errno.ENOSPC, tmp_path / "x")
    with pytest.raises(BrokenPipeError), writing_into(tmp_path, "free space there"):
        raise BrokenPipeError


def test_what_a_killed_process_was_writing_is_removed_by_who_writes_there_next(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    ours = partial_name("metrics.json")
    dead = ours.replace(f"-{os.getpid()}", f"-{ended.stdout.strip()}")
    for name in (ours, dead, ".theirs.partial"):
        (tmp_path / name).touch()
    with writing_into(tmp_path, ""):
        assert {path.name for path in tmp_path.iterdir()} == {ours, ".theirs.partial"}
