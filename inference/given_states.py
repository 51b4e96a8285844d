"""Past states and intents as they are handed to `predict`: refused for the reasons for which a manifest's line is."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from roadcue.errors import BadInput
from roadcue.loaders.dataset import StateTable
from roadcue.loaders.json_states import parse_intent, parse_past
from roadcue.loaders.state_check import warning_of
from roadcue.schema import PAST_STATES, STATE_COLUMNS

_CALLER = 4
"""Levels from `warn_of_pasts` up to who calls `predict`: the method, and what torch wraps it in."""


def given_pasts(past: Any) -> tuple[np.ndarray, bool]:
    """Past states (16, 6) of one sample, or (b, 16, 6), as (b, 16, 6) float32, and whether it is one sample.

    BadInput for another shape, for none, and for what `parse_past` refuses.
    """
    shape = f"({PAST_STATES}, {len(STATE_COLUMNS)})"
    try:
        given = np.array(_off_torch(past))
    except (ValueError, TypeError) as error:  # lists of unequal lengths
        raise BadInput(f"past is no array ({error}): expected {shape} or (b, {shape[1:]} numbers") from error
    if given.ndim not in (2, 3) or not len(given):
        raise BadInput(
            f"past has the shape {given.shape}: expected {shape} or (b, {shape[1:]} numbers, columns "
            f"{', '.join(STATE_COLUMNS)}"
        )
    single = given.ndim == 2
    samples = given[None] if single else given
    return np.stack([parse_past(one, _place(i, single)) for i, one in enumerate(samples)]), single


def warn_of_pasts(past: np.ndarray, single: bool) -> None:
    """A UserWarning where past states (b, 16, 6) look like other units, another rate or another frame.

    It comes from the line that calls `predict`.
    """
    ids = np.array([_place(i, single) for i in range(len(past))])
    states = replace(StateTable.of_pictures(ids, ids, np.arange(len(ids))), past=past)
    if sentence := warning_of(states, "past", lambda row: str(ids[row])):
        warnings.warn(sentence, stacklevel=_CALLER)


def given_intents(intent: Any, single: bool) -> list[int]:
    """The number of an Intent, of its name or of its number, or of each of b; BadInput for what is none."""
    plain = _off_torch(intent)
    several = plain.ravel() if isinstance(plain, np.ndarray) else plain if isinstance(plain, list) else [plain]
    return [_intent(value, _place(i, single)) for i, value in enumerate(several)]


def _intent(value: Any, where: str) -> int:
    plain = value.item() if isinstance(value, np.generic | np.ndarray) and value.size == 1 else value
    return int(parse_intent(plain.upper() if isinstance(plain, str) else plain, where))


def _place(sample: int, single: bool) -> str:
    """How a message names a sample, counted as Python does."""
    return "predict" if single else f"predict, sample {sample}"


def _off_torch(value: Any) -> Any:
    """Tensors as arrays, those in lists too."""
    if isinstance(value, list | tuple):
        return [_off_torch(one) for one in value]
    if not isinstance(value, Tensor):
        return value
    return (value.float() if value.is_floating_point() else value).detach().cpu().numpy()
