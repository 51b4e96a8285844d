"""What a reader says when a file is not what it should be."""

import sys
from collections.abc import Callable


class BadInput(ValueError):
    """A file, folder or option that cannot be used.

    The message is for the person who typed the command: what is wrong, where (file, line, offset, key), what to do.
    """


class BadRecord(BadInput):
    """One record that cannot be used while its neighbours can; `--on_bad_record skip` counts it and goes on."""


def exit_code(do: Callable[[], None]) -> int:
    """0, or 2 when it is BadInput, which is said on stderr."""
    try:
        do()
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0
