"""What commands print: counted nouns, and sentences that break between words where a terminal ends."""

import shutil
import sys
import textwrap

from roadcue.errors import printable


def counted(number: int, noun: str) -> str:
    """Such as 1 sample, 1,680 samples."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def say(*sentences: str) -> None:
    """Print each that is not empty on a line of its own, at once; on a terminal on as many as its words need.

    Files and pipes get one line each. What is to be copied, a command or a path, is not for here but for `show`.
    """
    for sentence in map(printable, filter(None, sentences)):
        print(_wrapped(sentence) if sys.stdout is not None and sys.stdout.isatty() else sentence, flush=True)


def show(*lines: object, error: bool = False) -> None:
    """Print lines as they are, on stderr for an `error`, at once; what a terminal would obey is written out."""
    print(*(printable(str(line)) for line in lines), sep="\n", file=sys.stderr if error else sys.stdout, flush=True)


def _wrapped(sentence: str) -> str:
    columns = shutil.get_terminal_size().columns
    return textwrap.fill(sentence, columns, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
