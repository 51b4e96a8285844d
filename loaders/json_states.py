"""Past states, intent and future as a line of JSON holds them, or an array: what each may be, checked.

BadRecord says at which place (`where`: file and line) which key is wrong, and what to do.
"""

import difflib
from collections.abc import Iterable

import numpy as np

from roadcue.errors import BadRecord
from roadcue.plausible import MOST_MOTION, beyond
from roadcue.schema import PAST_STATES, STATE_COLUMNS, WAYPOINTS, Intent

ORIGIN_TOLERANCE_M = 1.0
"""How far from (0, 0) the last past position may lie: wider means another origin, such as a map's."""


def parse_past(value: object, where: str) -> np.ndarray:
    """Past states (16, 6) float32, columns `STATE_COLUMNS`; BadRecord unless they end near the origin."""
    past = _motion(value, (PAST_STATES, len(STATE_COLUMNS)), "past", where).astype(np.float32)
    x, y = past[-1, :2]
    if np.hypot(x, y) > ORIGIN_TOLERANCE_M:
        raise BadRecord(
            f"{where}: past ends at ({x:.1f}, {y:.1f}) m, not at (0, 0); give past and future in the ego frame of "
            "the last past state (x forward, y left, metres), oldest state first"
        )
    return past


def parse_intent(value: object, where: str) -> Intent:
    """The intent that a name or a number means; BadRecord when it is none."""
    names = Intent.__members__
    if isinstance(value, str) and value in names:
        return names[value]
    if isinstance(value, int) and not isinstance(value, bool) and value in tuple(Intent):
        return Intent(value)
    numbered = [f"{intent.name} or {int(intent)}" for intent in Intent]
    close = difflib.get_close_matches(str(value).upper(), names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise BadRecord(f"{where}: intent is {kind(value)}{hint} (known: {', '.join(numbered)})")


def parse_future(value: object, where: str) -> np.ndarray:
    """A future (20, 2) float32 metres, NaN where the value is None; BadRecord for anything else."""
    shape = (WAYPOINTS, 2)
    future = np.full(shape, np.nan) if value is None else _motion(value, shape, "future", where)
    return future.astype(np.float32)


def numbers(value: object, shape: tuple[int, ...], key: str, where: str) -> np.ndarray:
    """A value as float64 numbers of a stated shape, all finite and within float32; BadRecord where it is none."""
    try:
        array = np.array(None if _has_booleans(value) else value)
    except (ValueError, OverflowError):
        array = np.array(None)
    if array.dtype.kind not in "iuf" or array.shape != shape:
        actual = "x".join(map(str, array.shape)) if array.dtype.kind in "iuf" and array.ndim else "something else"
        raise BadRecord(f"{where}: {key} must be {'x'.join(map(str, shape))} numbers, found {actual}")
    _refuse(
        ~(np.abs(array) <= np.finfo(np.float32).max),
        "is not a finite number; leave samples with unknown values out",
        key,
        where,
    )
    return array.astype(np.float64)


def _motion(value: object, shape: tuple[int, ...], key: str, where: str) -> np.ndarray:
    """`numbers` of a path or of states, none of them beyond what is plausible."""
    array = numbers(value, shape, key, where)
    _refuse(beyond(array), f"is beyond {MOST_MOTION:,.0f}; give metres and seconds in the ego frame", key, where)
    return array


def _refuse(wrong: np.ndarray, fault: str, key: str, where: str) -> None:
    """BadRecord for the first number that is wrong."""
    if wrong.any():
        at = ", ".join(map(str, np.argwhere(wrong)[0]))
        raise BadRecord(f"{where}: {key}[{at}] {fault}")


def _has_booleans(value: object) -> bool:
    """Whether a list has true or false in it, which NumPy takes for 1 and 0 among numbers."""
    return isinstance(value, bool) or (isinstance(value, list) and any(map(_has_booleans, value)))


def kind(value: object) -> str:
    """What a value is, in the words of JSON."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return "null" if value is None else f"{type(value).__name__} {str(value)[:40]!r}"


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about a name that is not known."""
    known = tuple(known)
    close = difflib.get_close_matches(name, known, n=1) or [k for k in known if k.lower() == name.lower()]
    return (f"; did you mean {close[0]!r}?" if close else "") + f" (known: {', '.join(known)})"
