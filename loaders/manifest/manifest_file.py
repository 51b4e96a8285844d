"""Which file is the manifest: the one that is named, or that of a folder; and what is said of those that are none."""

import os
import shlex
from pathlib import Path

from roadcue.errors import BadInput
from roadcue.files import PACKED_NAMES
from roadcue.sentences import counted

FILE_NAMES = ("manifest.jsonl", "manifest.parquet")
SUFFIXES = (".jsonl", ".parquet")
"""Of a manifest that is named itself."""


def find_manifest(data_dir: Path) -> Path:
    """The manifest that a file or a folder stands for; BadInput when there is none, or two."""
    if data_dir.is_dir() and data_dir.suffix not in SUFFIXES:
        manifests = [data_dir / name for name in FILE_NAMES if os.path.lexists(data_dir / name)]
        if len(manifests) != 1:
            _refuse_pieces(data_dir)
            held = "both" if manifests else "neither"
            raise BadInput(f"{data_dir} holds {held} of {' and '.join(FILE_NAMES)}; name the manifest itself")
        data_dir = manifests[0]
    if data_dir.is_dir():
        _refuse_pieces(data_dir)
        raise BadInput(f"{data_dir} is a folder, and a manifest is a file; name one")
    if not os.path.lexists(data_dir):
        raise BadInput(f"{data_dir} does not exist; give a manifest or the folder that holds {FILE_NAMES[0]}")
    if data_dir.suffix not in SUFFIXES:
        packed = "unpack it, then " if data_dir.name.endswith(PACKED_NAMES) else ""
        raise BadInput(f"{data_dir} is no manifest; {packed}its name must end in .jsonl or .parquet")
    return data_dir


def _refuse_pieces(folder: Path) -> None:
    """BadInput for a folder of part files, which Spark writes under the name of a file."""
    for kind in ("parquet", "json"):
        if pieces := sorted(folder.glob(f"part-*.{kind}*")):
            join = f"import pyarrow.parquet as p; p.write_table(p.read_table({str(folder)!r}), {FILE_NAMES[1]!r})"
            whole = (
                f"python -c {shlex.quote(join)}"
                if kind == "parquet"
                else f"cat {shlex.quote(str(folder))}/part-* > {FILE_NAMES[0]}"
            )
            raise BadInput(
                f"{folder} is a folder of {counted(len(pieces), 'part file')}, as Spark writes them, and a manifest "
                f"is one file. Make one of them: {whole}"
            )
