"""The manifest.json of a drawn folder: the spec it was drawn from, and the size and sha256 of its files."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from roadcue.errors import BadInput
from roadcue.files import opened, read_text, write_atomic

CHECKSUMS_FILE = "manifest.json"
_OWN = "sha256"
"""Its key of the manifest's own checksum, over version, spec and files."""
Spec = TypeVar("Spec")
_VIEWS = {
    "train_sequences": ("python -m roadcue.roadworld", "roadworld", "drives of RoadWorld"),
    "train": ("python -m roadcue.roadworld.sidewalk", "sidewalk", "walks of RoadWorld's sidewalk view"),
}
"""A field of the spec that one view alone has -> the command that draws it, its data set, and what it is."""


class _OtherView(BadInput):
    """A sound folder of the other view."""


def write_checksums(folder: Path, files: Iterable[Path], version: str, spec: Mapping[str, Any]) -> None:
    """Write the version of what was drawn, its spec, and bytes and sha256 of its files by their path in `folder`."""
    sizes = {
        file.relative_to(folder).as_posix(): {"bytes": file.stat().st_size, "sha256": _sha256(file)} for file in files
    }
    content = {"version": version, "spec": spec, "files": sizes}
    whole = {**content, _OWN: _digest(content)}
    write_atomic(folder / CHECKSUMS_FILE, json.dumps(whole, indent=1) + "\n")


def check_checksums(folder: Path, spec_of: Callable[..., Spec], name: str, command: str, *, hashes: bool) -> Spec:
    """The spec in a folder's manifest: every file has its size from there, and when `hashes` its sha256 and no other
    file beside it.

    BadInput says which file is not what was written; `name` is what the folder holds, `command` draws it.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder}: there is no such folder. Name one that holds a {name}, or draw it with {command}.")
    remedy = f"Delete the folder and draw it again with {command}."
    try:
        manifest = json.loads(read_text(folder / CHECKSUMS_FILE))
        own = manifest.pop(_OWN, None)
        _check_view(folder, manifest["spec"], command)
        spec = spec_of(**manifest["spec"])
        files = {
            _inside(one): (int(listed["bytes"]), str(listed["sha256"])) for one, listed in manifest["files"].items()
        }
        # Folders that were drawn before it was kept are read as they are.
        if own not in (None, _digest(manifest)):
            raise ValueError("it has been edited since it was written")
    except _OtherView:
        raise
    except (OSError, LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise BadInput(f"{folder / CHECKSUMS_FILE}: is not the manifest of a {name} ({error!r}). {remedy}") from error
    if not files:
        raise BadInput(f"{folder / CHECKSUMS_FILE}: names no file. {remedy}")
    for file, (size, digest) in files.items():
        path = folder / file
        state = f"has {path.stat().st_size} bytes" if path.is_file() else "is missing"
        if state != f"has {size} bytes":
            raise BadInput(f"{path}: {state} where the manifest has {size} bytes. {remedy}")
        if hashes and _sha256(path) != digest:
            raise BadInput(f"{path}: its sha256 is not the manifest's. {remedy}")
    there = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()} if hashes else set()
    if added := sorted(there - files.keys() - {Path(CHECKSUMS_FILE)}):
        raise BadInput(f"{folder / added[0]}: is not in the manifest, and may be read as data. Move it elsewhere.")
    return spec


def _check_view(folder: Path, spec: Mapping[str, Any], command: str) -> None:
    """BadInput when a spec has what only that of the other view has."""
    for own, (drawn_by, data, what) in _VIEWS.items():
        if own in spec and drawn_by != command:
            raise _OtherView(f"{folder}: holds {what}. They are read with --data {data}, and drawn by {drawn_by}.")


def _digest(content: Mapping[str, Any]) -> str:
    """sha256 over a manifest without its own."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _inside(name: str) -> Path:
    """A path that leads nowhere but into the folder; ValueError otherwise."""
    path = Path(name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{name} lies outside the folder")
    return path


def _sha256(path: Path) -> str:
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
