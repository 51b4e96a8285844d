"""Why features are encoded anew where others of the same split lie: what decides these, and differs."""

import json
from collections.abc import Mapping
from pathlib import Path

from roadcue.loaders.store_description import STORE_VERSION

_SHORT = 40
"""Characters of a value that is worth reading: no hash is."""


def why_not_taken(folder: Path, parts: Mapping[str, str]) -> str:
    """How the store beside `folder` that differs least differs from `parts`, in a line; "" where there is none.

    A store whose description cannot be read is left out.
    """
    wanted = {"store": STORE_VERSION, **parts}
    found: list[tuple[int, Path, str]] = []
    for meta in sorted(folder.parent.glob("*/meta.json")):
        try:
            description = json.loads(meta.read_text(encoding="utf-8"))
            there = {"store": description["store"], **description["parts"]}
        except (OSError, ValueError, KeyError, TypeError):
            continue
        names = [name for name in sorted({*there, *wanted}) if there.get(name) != wanted.get(name)]
        if names:
            differences = (_difference(name, there.get(name), wanted.get(name)) for name in names)
            found.append((len(names), meta.parent, ", ".join(differences)))
    if not found:
        return ""
    _, nearest, said = min(found)
    return f"features are encoded anew: those of {nearest} were made with another {said}"


def _difference(name: str, there: object, here: object) -> str:
    if max(len(str(there)), len(str(here))) > _SHORT:
        return name
    return f"{name} ({there or 'none'}, here {here or 'none'})"
