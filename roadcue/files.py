"""A folder that is there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from roadcue.errors import BadInput


@contextmanager
def written_whole(folder: Path, key: str) -> Iterator[Path]:
    """A hidden folder to write in, which is named `folder` at the end.

    What is in it stays when writing is stopped, and is there again for the same `key`. BadInput when `folder` exists
    or cannot be written.
    """
    if folder.exists():
        raise BadInput(f"{folder}: exists already. Name a new folder, or delete this one.")
    part = folder.with_name(f".{folder.name}.{key}.part")
    try:
        part.mkdir(parents=True, exist_ok=True)
        yield part
        os.replace(part, folder)
    except OSError as error:
        remedy = "Make room on the disk, or name another folder."
        raise BadInput(f"{folder}: cannot be written ({error.strerror}). {remedy}") from error
