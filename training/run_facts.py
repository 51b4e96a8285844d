"""The form of run.json, as a run folder may come from anybody, and the versions that stand in it."""

import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from roadcue import __version__

_TABLES = ("encoder_parts", "data", "rows", "versions")
"""Keys of run.json under which there is a value for each of several names."""
_FACTS: Mapping[str, tuple[type, ...]] = {
    "encoder_parts": (str,),
    "data": (str,),
    "rows": (int,),
    "versions": (str,),
    "date": (str,),
    "device": (str,),
    "command": (str,),
    "seconds": (int, float),
    "skipped": (int,),
    "seed": (int,),
}
"""What run.json holds of every run, and the types of its values."""


def check_facts(facts: Any) -> None:
    """TypeError, with the key, where run.json lacks something or it is of another type."""
    if not isinstance(facts, dict):
        raise TypeError(f"it holds {facts!r:.60}")
    for name, kind in _FACTS.items():
        value = facts.get(name)
        inside = value.values() if isinstance(value, dict) else [value]
        if isinstance(value, dict) != (name in _TABLES) or not all(type(one) in kind for one in inside):
            raise TypeError(f"{name} is {value!r:.60}")
    if not {"train"} <= facts["rows"].keys() & facts["data"].keys():
        raise TypeError("rows and data say nothing of train")


def versions() -> dict[str, str]:
    """Of RoadCue, its commit in a checkout, Python, and the packages that decide a figure."""
    packages = {name: version(name) for name in ("torch", "transformers", "lightning", "numpy", "simplejpeg")}
    commit = _commit()
    own = {"roadcue": __version__, **({"commit": commit} if commit else {}), "python": platform.python_version()}
    return {**own, **packages}


def _commit() -> str | None:
    """The commit of the checkout that this code is in, with "+" when files differ from it; None outside of one."""
    root = Path(__file__).parents[1]
    if not (root / ".git").exists():
        return None
    try:
        called = {"cwd": root, "capture_output": True, "text": True, "timeout": 10, "check": True}
        commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], **called).stdout.strip()  # type: ignore[call-overload]
        changed = subprocess.run(["git", "status", "--porcelain"], **called).stdout.strip()  # type: ignore[call-overload]
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{commit}{'+' if changed else ''}"
