"""The feature stores of a folder: `python -m roadcue.loaders.stores` lists them, and removes those that are named."""

import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from roadcue.cache import cache_root
from roadcue.errors import BadInput, exit_code
from roadcue.files import size_said, unwritable
from roadcue.folder_lock import only_one
from roadcue.left_over import partial_name, remove_left_over
from roadcue.loaders.store_description import META
from roadcue.registry import nearest
from roadcue.sentence_parser import SentenceParser
from roadcue.sentences import counted, show

_SHORT = 40
"""Characters of a value that is worth reading: no hash is."""


@dataclass(frozen=True)
class Stored:
    """A store: where it lies, what it says of itself, and how many `bytes` it takes on the disk."""

    folder: Path
    about: str
    bytes: int

    @property
    def name(self) -> str:
        """<data>-<split>/<encoder>-<digits>, as `--remove` takes it."""
        return f"{self.folder.parent.name}/{self.folder.name}"


def stores_in(root: Path) -> list[Stored]:
    """All that lie in a folder of stores, by name; those that cannot be read, too."""
    folders = sorted(meta.parent for meta in root.glob(f"*/*/{META}"))
    return [Stored(folder, _about(folder), _bytes(folder)) for folder in folders]


def remove(stores: Iterable[Stored]) -> None:
    """Delete them; Busy, with none deleted, where another process writes one. A reader keeps what it has opened."""
    stores = list(stores)
    with ExitStack() as held:
        for store in stores:
            for part in sorted(store.folder.glob("rows-*/")):
                doing = f"encoding into {store.folder}"
                held.enter_context(only_one(part / ".lock", doing, "wait until it has ended"))
        for store in stores:
            hidden = store.folder.with_name(partial_name(store.folder.name))
            store.folder.rename(hidden)  # what a kill leaves of it the next removal takes
            shutil.rmtree(hidden)


def _about(folder: Path) -> str:
    """Its rows, whether all are encoded, when it was last written, and what decides its features."""
    try:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        parts, rows = dict(meta["parts"]), int(meta["rows"])
    except (OSError, ValueError, KeyError, TypeError):
        return "cannot be read, so no training takes it"
    short = {name: value for name, value in parts.items() if len(str(value)) <= _SHORT}
    decisive = ", ".join(f"{name} {value}" for name, value in short.items() if not name.startswith("data"))
    done = "" if (folder / "DONE").exists() else ", not finished"
    last = max(file.stat().st_mtime for file in folder.rglob("*"))
    return f"{counted(rows, 'row')}{done}, written {datetime.fromtimestamp(last, UTC):%Y-%m-%d}; {decisive}"


def _bytes(folder: Path) -> int:
    return sum(file.lstat().st_blocks * 512 for file in folder.rglob("*"))


def _do(root: Path, names: Sequence[str]) -> None:
    there = {store.name: store for store in stores_in(root)}
    if unknown := next((name for name in names if name not in there), None):
        near = nearest(unknown, there)
        raise BadInput(f"--remove {unknown}: no such store in {root}{near}; the command alone lists all")
    if names:
        chosen = [there[name] for name in dict.fromkeys(names)]
        try:
            remove_left_over(*{store.folder.parent for store in chosen})
            remove(chosen)
        except OSError as error:
            raise BadInput(f"{root}: cannot be removed {unwritable(root, error, 'try again')}") from error
        show(f"removed: {', '.join(names)}; {size_said(sum(store.bytes for store in chosen))} are free again")
        return
    lines = [f"{store.name}: {size_said(store.bytes)}, {store.about}" for store in there.values()]
    total = size_said(sum(store.bytes for store in there.values()))
    show(*lines, f"{counted(len(there), 'store')} in {root}, {total} in all; --remove NAME removes one")


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, and list or remove; the exit code."""
    parser = SentenceParser(prog="python -m roadcue.loaders.stores", description="List or remove feature stores.")
    parser.add_argument("--store_dir", type=Path, help="folder of the stores (default: features/ in RoadCue's cache)")
    parser.add_argument("--remove", nargs="+", default=[], metavar="NAME", help="remove these, as they are listed")
    given = parser.parse_args(argv)
    return exit_code(lambda: _do(given.store_dir or cache_root() / "features", given.remove))


if __name__ == "__main__":
    sys.exit(main())
