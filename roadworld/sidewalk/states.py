"""states.jsonl: where the walker comes from, where he goes and what he means to, of every picture."""

import json
from typing import Protocol

import numpy as np

from roadcue.schema import Intent

STATES = "states.jsonl"
"""A line for each picture, in order, labelled or not."""


class _Walked(Protocol):
    """A walk or a pair of walks; `frame` is the half of a pair."""

    def seconds(self, frame: int) -> float: ...
    def past(self, frame: int) -> np.ndarray: ...
    def intent(self, frame: int) -> Intent: ...
    def future(self, frame: int) -> np.ndarray: ...


def states_line(image: str, walk: _Walked, frame: int) -> str:
    """The line of a picture; metres, m/s and m/s^2 are rounded to thousandths."""
    line = {
        "image": image,
        "time_s": round(walk.seconds(frame), 3),
        "past": _thousandths(walk.past(frame)),
        "intent": walk.intent(frame).name,
        "future": _thousandths(walk.future(frame)),
    }
    return json.dumps(line) + "\n"


def _thousandths(values: np.ndarray) -> list[list[float]]:
    rounded: list[list[float]] = (values.astype(float).round(3) + 0.0).tolist()  # + 0.0: no -0.0
    return rounded
