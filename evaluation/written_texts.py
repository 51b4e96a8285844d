"""A file of texts, a line for each picture, written as a captioner goes: what stops goes on where it was."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from roadcue.errors import BadInput
from roadcue.files import read_bytes, read_text, unreadable, write_atomic
from roadcue.folder_lock import hold

ASKED = ".asked.json"
"""How the name of the file ends that says what a file of texts is of: model, pictures, and how they are asked."""


@dataclass(frozen=True)
class WrittenText:
    """One line: what is written of a picture, and what was to be.

    `ended` is whether the text ended before the limit; `loss` that of the target in nats per token; `ood_score` is
    above 1 for a picture unlike those that were learnt from, None where nothing tells.
    """

    id: str
    image: str
    sequence: str
    prediction: str
    target: str
    ended: bool
    loss: float | None = None
    ood_score: float | None = None


class TextFile:
    """The lines of a file, those of before first; `append` adds some, and they are there whatever happens next."""

    def __init__(self, path: Path, asked: Mapping[str, Any], *, replace: bool) -> None:
        """`asked`, as JSON has it, decides the texts: a file of the same goes on.

        One of anything else is begun anew where it may be replaced; else BadInput, as for a folder, and where another
        process is at it.
        """
        self.path, about = path, path.with_name(path.name + ASKED)
        if path.is_dir():
            raise BadInput(f"{path}: is a folder; name a file in it, such as {path / 'texts.jsonl'}")
        lock, remedy = path.with_name(f".{path.name}.lock"), "wait until it is done, or name another file"
        hold(self, lock, f"writing {path}", remedy)
        self.lines: list[WrittenText] = []
        if path.exists() and _read(about) == asked:
            self._resume()
        elif path.exists() and not replace:
            raise BadInput(
                f"{path}: is there already, and not of this run, these pictures and these options; delete it or name "
                "another file"
            )
        else:
            write_atomic(about, json.dumps(asked, indent=1) + "\n")
            path.write_text("", encoding="utf-8")

    def append(self, texts: Iterable[WrittenText]) -> None:
        """Add lines, whole ones."""
        new = list(texts)
        with self.path.open("a", encoding="utf-8") as file:
            file.write("".join(json.dumps(asdict(text)) + "\n" for text in new))
        self.lines += new

    def _resume(self) -> None:
        """Read the lines of before, and cut off one that was not finished."""
        try:
            whole, _, _ = read_bytes(self.path).rpartition(b"\n")
            self.lines = [WrittenText(**json.loads(line)) for line in whole.split(b"\n") if line]
        except OSError as error:
            raise unreadable(self.path, error, "name another file") from error
        except (ValueError, TypeError) as error:
            raise BadInput(f"{self.path}: was changed by hand ({error}); delete it, and begin anew") from error
        with self.path.open("r+b") as file:
            file.truncate(len(whole) + 1 if whole else 0)


def cut_off(texts: Sequence[WrittenText]) -> int:
    """How many did not end before the limit."""
    return sum(not text.ended for text in texts)


def _read(about: Path) -> Any:
    """What a file of texts is of; None where nothing says so."""
    try:
        return json.loads(read_text(about))
    except (OSError, ValueError):
        return None
