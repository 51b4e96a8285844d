"""One process at a time in a folder that is written; a dead one stands in nobody's way, and leaves nothing behind."""

import os
import platform
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from roadcue.errors import BadInput
from roadcue.files import atomic_file, atomic_folder, resumable_folder, resumable_lines
from roadcue.folder_lock import Busy, hold, only_one, remove_dead_locks
from roadcue.left_over import remove_left_over


@pytest.fixture
def another(tmp_path):
    """Starts Python code in another process, which says "there" when it has come to the end, and then waits."""
    started = []

    def start(code):
        said = textwrap.dedent(code) + "\nimport sys\nprint('there', flush=True)\nsys.stdin.read()\n"
        process = subprocess.Popen(
            [sys.executable, "-c", said], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "there\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


HOLDS = """
    import sys
    from pathlib import Path
    from roadcue.folder_lock import only_one
    inside = only_one(Path("lock"), "at work")
    inside.__enter__()
"""


def test_the_second_process_is_told_who_is_there(tmp_path, another):
    process = another(HOLDS)
    with (
        pytest.raises(
            Busy, match=rf"^process {process.pid} on {platform.node()}, since 20.* UTC, is at work in runs/a; choose"
        ),
        only_one(tmp_path / "lock", "at work in runs/a", "choose another"),
    ):
        pass
    assert (tmp_path / "lock").exists()


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_of_a_dead_process_is_taken_over(tmp_path, another, ending):
    process = another(HOLDS)
    process.send_signal(ending)
    process.wait()
    assert (tmp_path / "lock").exists()
    with only_one(tmp_path / "lock", "at work"):
        assert f"process {os.getpid()} " in (tmp_path / "lock").read_text()
    assert list(tmp_path.iterdir()) == []


def test_who_waits_says_for_whom_and_goes_on(tmp_path, another, capsys):
    process = another(HOLDS + "    import threading, os\n    threading.Timer(1, lambda: os._exit(0)).start()\n")
    start = time.monotonic()
    with only_one(tmp_path / "lock", "drawing worlds", wait=True):
        assert time.monotonic() - start < 20
    process.wait()
    assert f"waiting for process {process.pid} on" in capsys.readouterr().out


def test_inside_it_the_same_process_may_take_it_again(tmp_path):
    lock = tmp_path / "lock"
    with only_one(lock, "x"), only_one(lock, "x"):
        assert lock.exists()
    assert not lock.exists()


def test_a_forked_child_neither_has_nor_ends_it(tmp_path):
    with only_one(tmp_path / "lock", "x") as _:
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
        code = f"""
            from pathlib import Path
            from roadcue.folder_lock import only_one
            with only_one(Path({str(tmp_path / "lock")!r}), "x"):
                pass
        """
        done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, check=False)
        assert b"Busy" in done.stderr


def test_it_is_held_as_long_as_its_owner_is_there(tmp_path):
    class Owner:
        pass

    owner = Owner()
    hold(owner, tmp_path / "lock", "x")
    assert (tmp_path / "lock").exists()
    second = Owner()
    hold(second, tmp_path / "lock", "x")
    del owner
    assert (tmp_path / "lock").exists()
    del second
    assert not (tmp_path / "lock").exists()


def test_a_folder_that_is_written_is_refused_to_a_second_process(tmp_path, another):
    process = another(
        """
        from pathlib import Path
        from roadcue.files import resumable_folder, resumable_lines
        drawing = resumable_folder(Path("world"), "key")
        drawing.__enter__()
        answers = resumable_lines(Path("answers.jsonl"), "key")
        answers.__enter__()
        """
    )
    who = rf"process {process.pid} on .* is writing .*{{}}; wait until it is done, or name another"
    with pytest.raises(BadInput, match=who.format("world")), resumable_folder(tmp_path / "world", "other"):
        pass
    with (
        pytest.raises(BadInput, match=who.format(r"answers\.jsonl")),
        resumable_lines(tmp_path / "answers.jsonl", "key"),
    ):
        pass
    process.kill()
    process.wait()
    with resumable_folder(tmp_path / "world", "key"), resumable_lines(tmp_path / "answers.jsonl", "key"):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {"world", "answers.jsonl"}


def test_what_a_killed_process_was_writing_is_removed_and_nothing_else(tmp_path, another):
    process = another(
        """
        from pathlib import Path
        from roadcue.files import atomic_file, atomic_folder
        file, folder = atomic_file(Path("DONE")), atomic_folder(Path("smol-1234"))
        file.__enter__().write_text("half")
        (folder.__enter__() / "features.npy").write_text("half")
        """
    )
    with atomic_file(tmp_path / "mine") as mine, atomic_folder(tmp_path / "ours"):
        mine.write_text("whole")
        (tmp_path / ".somebody's.partial").write_text("not of this library")
        (tmp_path / ".x.elsewhere-1.partial").write_text("of a node that may be at it")
        (tmp_path / ".y.elsewhere-1.partial").write_text("forgotten")
        os.utime(tmp_path / ".y.elsewhere-1.partial", (0, 0))
        (tmp_path / ".mine.lost.partial").write_text("kept")
        everything = {path.name for path in tmp_path.iterdir()}
        remove_left_over(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == everything - {".y.elsewhere-1.partial"}
        process.kill()
        process.wait()
        remove_left_over(tmp_path, tmp_path / "nowhere")
        left = {path.name for path in tmp_path.iterdir()}
        assert not [name for name in left if f"-{process.pid}" in name]
        assert {".somebody's.partial", ".x.elsewhere-1.partial", ".mine.lost.partial"} <= left


def test_locks_of_dead_processes_are_removed_and_no_others(tmp_path, another):
    process = another(
        """
        from pathlib import Path
        from roadcue.folder_lock import hold
        class Owner: pass
        owner = Owner()
        hold(owner, Path("theirs.lock"), "drawing")
        """
    )
    with only_one(tmp_path / "mine.lock", "drawing"):
        (tmp_path / "world").mkdir()
        remove_dead_locks(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {"mine.lock", "theirs.lock", "world"}
        process.kill()
        process.wait()
        remove_dead_locks(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {"mine.lock", "world"}
        remove_dead_locks(tmp_path / "nowhere")
        another(
            """
            from contextlib import suppress
            from pathlib import Path
            from roadcue.folder_lock import Busy, only_one
            with suppress(Busy), only_one(Path("mine.lock"), "drawing"):
                Path("taken").touch()
            """
        )
        assert not (tmp_path / "taken").exists(), "looking at it has given it up"
