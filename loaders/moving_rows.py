"""The rows of a data set whose past states move: the only ones that can tell units, rates and frames of reference."""

from dataclasses import dataclass

import numpy as np

from roadcue.loaders.dataset import StateTable
from roadcue.schema import PAST_STATES, STEP_S

MOVING_M_S = 1.0
"""Slower rows are not asked, as their direction is noise; a pedestrian walks at 1.4 m/s."""


@dataclass(frozen=True)
class MovingRows:
    """The m rows that move: `rows` (m,) of the table, `future` (m, 20, 2), and of the past (m, 16, 2) the rest."""

    rows: np.ndarray
    position: np.ndarray
    velocity: np.ndarray
    acceleration: np.ndarray
    future: np.ndarray
    intent: np.ndarray

    @classmethod
    def of(cls, states: StateTable) -> "MovingRows":
        """The rows whose past moves at `MOVING_M_S`, by its speeds or by its positions."""
        past = states.past
        vectors = past[..., :2], past[..., 2:4], past[..., 4:]
        everything = cls(np.arange(len(past)), *vectors, states.future, states.intent)
        moved = np.maximum(length(everything.travelled), length(everything.driven))
        return everything.only(moved >= MOVING_M_S * (PAST_STATES - 1) * STEP_S)

    def only(self, wanted: np.ndarray) -> "MovingRows":
        """The `wanted` (m,) bool rows."""
        columns = (self.rows, self.position, self.velocity, self.acceleration, self.future, self.intent)
        return MovingRows(*(column[wanted] for column in columns))

    @property
    def travelled(self) -> np.ndarray:
        """(m, 2) metres from the first past position to the last."""
        return self.position[:, -1] - self.position[:, 0]

    @property
    def driven(self) -> np.ndarray:
        """(m, 2) metres that the speeds say for the same time, by the trapezoidal rule."""
        steps: np.ndarray = (self.velocity[:, 1:] + self.velocity[:, :-1]).sum(axis=1) * (STEP_S / 2)
        return steps


def length(vector: np.ndarray) -> np.ndarray:
    """(...) of (..., 2), in its unit."""
    norm: np.ndarray = np.hypot(vector[..., 0], vector[..., 1])
    return norm
