"""The form of run.json: a run folder may come from anybody."""

from collections.abc import Mapping
from typing import Any

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
