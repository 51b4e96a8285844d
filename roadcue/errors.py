"""What goes wrong outside of the code, in one family: each error is a sentence for who typed the command."""

import codecs
import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO

_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that a terminal obeys, such as the one that begins a colour or turns the direction of a line (Unicode
UAX 9), but for tab and line break; and halves of characters, of which a name of strange bytes is made."""

_STAND_INS = {"●": "x", "○": "o", "–": "-", "−": "-", "…": "~", "±": "~", "Δ": "d"}
"""For signs of the tables that an encoding lacks; x and o are who sees the image and who does not."""


_LONGEST = 2000
"""Characters of a message: 25 lines of a terminal."""


class RoadCueError(ValueError):
    """Something that a person can mend.

    The message says what was wrong, where (file, line, offset, key), and what to do. The commands print it without a
    traceback and exit with code 2.
    """


class BadInput(RoadCueError):
    """A file, folder or option that cannot be used."""


class Unreadable(BadInput):
    """A file that the system does not hand over, for want of leave or a working disk: its content may be sound."""


class BadRecord(BadInput):
    """One record that cannot be used while its neighbours can; `--on_bad_record skip` counts it and goes on."""


class BadEncoder(RoadCueError):
    """An encoder, or a pooling of its patches, that there is not; the message says which there are."""


class BadCheckpoint(BadEncoder):
    """Weights or their configuration cannot be used; the message names the file, the keys and the remedy."""


class BadHead(RoadCueError):
    """A head that cannot be built or loaded; the message names the head, file or keys, and the remedy."""


def how_to_install(extra: str) -> str:
    """The command that installs what only some users need; `extra` as pyproject.toml names it."""
    return f"pip install 'roadcue[{extra}]', or in a checkout pip install -e '.[{extra}]'"


def printable(text: str) -> str:
    """Somebody else's text as a terminal may be given it: what that would obey is written as Python writes it."""
    return _COMMANDS.sub(lambda one: repr(one[0])[1:-1], text)


def print_in_any_encoding() -> None:
    """Let this command print what the encoding of the terminal, or PYTHONIOENCODING, has no sign for.

    Signs of the tables have a stand-in as wide as they are; other letters, of file names and of texts that models
    write, are printed as Python writes them. Else the first of them would stop the command.
    """
    codecs.register_error("stand-in", _stand_in)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="stand-in")


def _stand_in(error: UnicodeError) -> tuple[str | bytes, int]:
    """An error handler of encoders (docs.python.org/3/library/codecs.html, "Error Handlers")."""
    if isinstance(error, UnicodeEncodeError):
        first = error.object[error.start]
        if first in _STAND_INS:
            return _STAND_INS[first], error.start + 1
    return codecs.backslashreplace_errors(error)


def error_line(message: str) -> str:
    """What is said of an error, one that a file has made long without its middle: the place and the remedy stay."""
    text = printable(message)
    if len(text) > _LONGEST:
        text = f"{text[: 3 * _LONGEST // 4]} [...] {text[-_LONGEST // 4 :]}"
    return f"error: {text}"


def exit_code(do: Callable[[], None]) -> int:
    """0, or 2 after an error that a person can mend, and 130 after Ctrl-C, each of which is said on stderr."""
    print_in_any_encoding()
    try:
        do()
        if sys.stdout is not None:
            sys.stdout.flush()
    except RoadCueError as error:
        print(error_line(str(error)), file=sys.stderr)
        return 2
    except BrokenPipeError:
        return unread()
    except KeyboardInterrupt as stop:
        print(error_line(str(stop) or "stopped"), file=sys.stderr)
        return 130
    return 0


@contextmanager
def to_the_end() -> Iterator[None]:
    """Nobody who reads what is printed stops the work by going, as `| head -1` does: what is left goes nowhere.

    BrokenPipeError comes when the work is done.
    """
    if sys.stdout is None:
        yield
        return
    printed = _Printed(sys.stdout)
    with redirect_stdout(printed):
        yield
        printed.flush()
    if printed.unread:
        raise BrokenPipeError


class _Printed:
    """A text file to print to, all of whose readers may go."""

    def __init__(self, file: TextIO) -> None:
        self._file, self.unread = file, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, text: str) -> int:
        """Print it, if somebody reads it."""
        return self._while_read(lambda: self._file.write(text))

    def flush(self) -> None:
        """Print what waits, if somebody reads it."""
        self._while_read(self._file.flush)

    def _while_read(self, do: Callable[[], int | None]) -> int:
        try:
            return do() or 0
        except BrokenPipeError:
            self.unread = True
            unread()
            return 0


def unread() -> int:
    """The exit code of a command whose output nobody reads any more, as of `| head -1`: the shell's for SIGPIPE.

    What is left goes nowhere, or Python would complain at its end (docs.python.org/3/library/signal.html, "Note on
    SIGPIPE").
    """
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 128 + 13
