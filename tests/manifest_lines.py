"""Manifests that tests write: lines of one sequence, and of a drive straight ahead with its pictures."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from waymo_shards import drawn_jpeg

PAST = [[0.25 * 4 * (step - 15), 0.0, 4.0, 0.0, 0.0, 0.0] for step in range(16)]


def a_line(name: str, **keys: Any) -> dict[str, Any]:
    picture = "front/1.jpg" if keys.get("sequence", "a") == "a" else "front/2.jpg"  # none is of two sequences
    line = {"id": name, "sequence": "a", "images": {"FRONT": picture}, "past": PAST, "intent": "GO_LEFT"}
    return {key: value for key, value in (line | keys).items() if value is not ...}


def driven_line(folder: Path, number: int, sequence: str, split: str, sideways: float = 0.0) -> dict[str, Any]:
    """5 m/s straight ahead, then `sideways` metres more to the left at each step; its picture is written, too."""
    (folder / f"front/{number}.jpg").write_bytes(drawn_jpeg(number))
    past = np.zeros((16, 6))
    past[:, 0], past[:, 2] = 5 * np.arange(-15, 1) / 4, 5
    line = {"id": str(number), "sequence": sequence, "split": split, "images": {"FRONT": f"front/{number}.jpg"}}
    future = (np.arange(1, 21)[:, None] * [1.25, sideways]).tolist()
    return {**line, "past": past.tolist(), "intent": 1, "future": future}


def write(folder: Path, *lines: Any) -> Path:
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    (folder / "manifest.jsonl").write_text(text)
    return folder / "manifest.jsonl"
