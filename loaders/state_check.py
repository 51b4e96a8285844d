"""Whether the states of a whole data set are metres, m/s and the ego frame, oldest first, at 4 Hz.

No single row can prove that they are not: a car may stand, reverse or jump. So every cause is a question to each
moving row, and it is named when most rows answer yes: the median row, which no few odd ones change. Of two loggers in
one data set one may write km/h: what the past alone tells is asked of each sequence, too.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from roadcue.loaders.dataset import RoadDataset, StateTable
from roadcue.loaders.json_states import ORIGIN_TOLERANCE_M
from roadcue.loaders.moving_rows import MOVING_M_S, MovingRows, length
from roadcue.schema import PAST_STATES, STEP_S, Intent

FEWEST = 10
"""Rows that must be asked: of fewer, a median is chance."""
HALF, MOST = 0.5, 0.7
"""The share of rows that must answer yes; `MOST` to what chance alone affirms in every second row."""
CERTAIN = 2.0
"""By so much must speeds and positions differ in each of fewer rows: no braking and no noise comes near."""
AGREES = 1.15
"""By so much may the speed and the positions of a row differ: 1 m/s^2 changes the first step of a walk by 12 %, and
the next common rate, 5 Hz, is 25 % away."""
ALONG = np.cos(np.pi / 4)
"""Cosine of the angle up to which two directions are one: half of the way to the next axis."""
FASTEST_M_S = 100.0
"""360 km/h: no car on a road is as fast, and a pedestrian in centimetres is."""
BENDS = np.radians(20)
"""A future that ends in a direction so far from the first one turns; lanes and curves of a road bend less in 5 s."""
CHANGES_M_S = 2.0
"""By so much a past's velocity must change for its accelerations to be asked: more than noise makes of it."""
ACCELERATIONS_AGREE = 1.5
"""By so much may they differ from that change: accelerometers are noisy, lag and lean; no wrong unit is as near."""
UNITS = {
    3.6: "speeds look like km/h",
    2.237: "speeds look like miles per hour",
    1000.0: "speeds look like mm/s, or positions like kilometres",
    0.3048: "positions look like feet",
    0.01: "positions look like centimetres",
    0.001: "positions look like millimetres",
}
FACTORS = {
    **UNITS,
    **{rate * STEP_S: f"positions look like a path at {rate} Hz" for rate in (1, 2, 5, 10, 20, 25, 30, 50, 100)},
}
"""Speed over that of the positions -> what makes it so: metres in a foot or mile and seconds in an hour (NIST SP 811,
appendix B), and rates that cameras and loggers have, over 4 Hz."""
ACCELERATION_FACTORS = {
    1 / 9.80665: "g",
    STEP_S: "differences of speeds that are not divided by their 0.25 s",
    1 / STEP_S: "differences of speeds that are divided by 0.25 s twice",
    3.6: "km/h a second",
    100.0: "cm/s^2",
    1000.0: "mm/s^2",
}
"""Accelerations over the velocity's change -> what they look like; standard gravity as in NIST SP 811, appendix B."""
FORM = "metres, m/s and m/s^2 in the ego frame of the last past state (x forward, y left), oldest first, at 4 Hz"


@dataclass(frozen=True)
class Doubt:
    """What is likely wrong with a data set's states, in which `share` of its `asked` rows, and the first such row.

    Where not most rows of all show it: in `sequences` of a set, of the first of which the rows were asked.
    """

    cause: str
    share: float
    asked: int
    row: int
    sequences: int = 0


class _Answer(NamedTuple):
    """A cause, the m rows that were asked, their answers (m,) bool, and the share of them that makes it likely."""

    cause: str
    asked: MovingRows
    shows: np.ndarray
    enough: float = HALF


_Answers = Iterator[_Answer]
"""The likeliest cause first."""


def state_warning(dataset: RoadDataset) -> str:
    """The sentence that says what is likely wrong with a data set's states and where; "" where nothing is."""
    return warning_of(dataset.states, f"{dataset.name} {dataset.split}", dataset.where)


def warning_of(states: StateTable, name: str, where: Callable[[int], str]) -> str:
    """`state_warning` of states called `name`, the place of whose rows `where` says."""
    doubt = find_doubt(states)
    if doubt is None:
        return ""
    first = f" of the first of {doubt.sequences:,} sequences like that" if doubt.sequences > 1 else " of one sequence"
    some = first if doubt.sequences else ""
    return (
        f"{name}: {doubt.cause}, in {doubt.share:.0%} of {doubt.asked:,} moving rows{some}, the first "
        f"{where(doubt.row)}; states must be {FORM}"
    )


def states_said(dataset: RoadDataset) -> str:
    """In how many rows the past states are known, such as "past states of val: in 30 of 40 rows; ..."; "" for all."""
    known = dataset.states.knows_past
    if known.all():
        return ""
    return (
        f"past states of {dataset.split}: in {known.sum():,} of {len(known):,} rows; of the others no path is learnt "
        "or scored"
    )


def find_doubt(states: StateTable) -> Doubt | None:
    """The first cause that most rows show, of all or of a sequence; of few that move, what each surely shows."""
    moving = MovingRows.of(states)
    with np.errstate(divide="ignore", invalid="ignore"):  # a ratio to a standstill answers no by itself
        return _doubt(moving, _origin, _past, _heading, _future, _intent, _accelerations) or (
            _doubt_of_some(moving, states.sequence) if len(moving.rows) >= FEWEST else _doubt_of_few(moving)
        )


def _doubt(moving: MovingRows, *questions: Callable[[MovingRows], _Answers]) -> Doubt | None:
    for ask in questions:
        for cause, asked, shows, enough in ask(moving):
            if len(shows) >= FEWEST and (share := float(shows.mean())) >= enough:
                return Doubt(cause, share, len(shows), row=int(asked.rows[shows.argmax()]))
    return None


def _doubt_of_some(moving: MovingRows, sequence: np.ndarray) -> Doubt | None:
    """Of the first sequence in which `MOST` moving rows show what no motion does, however odd.

    `sequence` (n,) names those of all rows.
    """
    _, place = np.unique(sequence[moving.rows], return_inverse=True)
    rows = np.bincount(place)
    odd = np.zeros(len(rows), dtype=bool)
    for ask in (_origin, _past):
        for _, _, shows, _ in ask(moving):
            odd |= np.bincount(place, shows, len(rows)) >= MOST * np.maximum(rows, FEWEST)
    if not odd.any():
        return None
    first = place[odd[place].argmax()]
    doubt = _doubt(moving.only(place == first), _origin, _past)
    return doubt and replace(doubt, sequences=int(odd.sum()))


def _doubt_of_few(moving: MovingRows) -> Doubt | None:
    """Of fewer than `FEWEST` moving rows, what no motion does: speeds and positions of each contradict."""
    answers = (*_origin(moving), *_past(moving, CERTAIN), *_sideways(moving))
    sure = (one for one in answers if len(one.shows) and one.shows.all())
    return next((Doubt(one.cause, 1.0, len(one.shows), row=int(one.asked.rows[0])) for one in sure), None)


def _origin(moving: MovingRows) -> _Answers:
    """Is the last past position the origin, and are there positions at all?"""
    middle = PAST_STATES // 2
    step = STEP_S * moving.velocity[:, middle]
    off = length(moving.position[:, middle] - step)  # a true position lies behind, not a step ahead
    yield _Answer("past x and y look like differences between positions", moving, off < 0.3 * length(step))
    first, last = length(moving.position[:, 0]), length(moving.position[:, -1])
    away = last > ORIGIN_TOLERANCE_M
    yield _Answer("the past looks like newest first", moving, away & (first <= ORIGIN_TOLERANCE_M))
    yield _Answer("positions look like a map's (such as UTM), as the past does not end at (0, 0)", moving, away)


def _past(moving: MovingRows, agrees: float = AGREES) -> _Answers:
    """Do the speeds say what the positions do, up to a factor that `agrees`?"""
    travelled, driven = moving.travelled, moving.driven
    ratio = length(driven) / length(travelled)
    yield _Answer("vx and vy are zero while the positions move", moving, ratio < 1e-6)
    yield _Answer("x and y of the past stand still while vx and vy move", moving, ratio > 1e6)
    cosine = (travelled * driven).sum(axis=1) / (length(travelled) * length(driven))
    yield _Answer("the past looks like newest first, as it moves against its speeds", moving, cosine < -ALONG)
    yield _Answer("speeds and positions of the past look like two frames of reference", moving, cosine < ALONG)
    yield from _units("in the past ", moving, ratio, agrees)
    slowest = np.minimum(length(driven), length(travelled)) / ((PAST_STATES - 1) * STEP_S)
    median = np.median(slowest) if len(slowest) else 0.0
    fast = (
        f"positions and speeds look like millimetres or centimetres (half of the rows move at {median:,.0f} a second)"
    )
    yield _Answer(fast, moving, slowest > FASTEST_M_S)


def _heading(moving: MovingRows) -> _Answers:
    """Does the past end along x?"""
    yield from _directions("the past", moving, moving.velocity[:, -1])


def _sideways(moving: MovingRows) -> _Answers:
    """Does the past end along y, as no car and no walker moves in a frame of their own?"""
    yield from (one for one in _heading(moving) if " y " in one.cause)


def _future(moving: MovingRows) -> _Answers:
    """Does the future begin where the last speed leads, and go on?"""
    speed = length(moving.velocity[:, -1])
    asked = moving.only(np.isfinite(moving.future).all(axis=(1, 2)) & (speed >= MOVING_M_S))
    step = STEP_S * length(asked.velocity[:, -1])
    first, second, last = (length(asked.future[:, at]) for at in (0, 1, -1))
    here = (first < 0.2 * step) & (second > 0.5 * step)
    yield _Answer("the future looks as if it began at t = 0 instead of 0.25 s", asked, here)
    yield _Answer("the future looks like newest first", asked, (first > 3 * step) & (first > 3 * last))
    yield _Answer(
        "the future looks like a map's positions (such as UTM)", asked, (first > 3 * step) & (last < 3 * first)
    )
    still = (first < 2 * step) & (first > 0.5 * step) & (last < 3 * step)
    yield _Answer("the future looks like differences between positions", asked, still)
    yield from _directions("the future", asked, asked.future[:, 0])
    yield from _units("between the last past state and the future ", asked, step / first)


def _intent(moving: MovingRows) -> _Answers:
    """Do futures bend to the side of the intent?"""
    end = moving.future[:, -1] - moving.future[:, -5]
    bend = np.arctan2(end[:, 1], end[:, 0])
    turning = np.isin(moving.intent, (Intent.GO_LEFT, Intent.GO_RIGHT)) & (np.abs(bend) > BENDS)
    left = moving.intent[turning] == Intent.GO_LEFT
    cause = "y looks mirrored (or left and right of the intents exchanged), as futures bend against the intent"
    yield _Answer(cause, moving.only(turning), (bend[turning] > 0) != left, MOST)


def _accelerations(moving: MovingRows) -> _Answers:
    """Do the accelerations say what the speeds do?

    The change is that between the mean of the first and of the last second, in which noise of single states cancels.
    """
    asked = moving.only(length(_late_over_early(moving.velocity)) >= CHANGES_M_S)
    changed, said = _late_over_early(asked.velocity), _late_over_early(_integrated(asked.acceleration))
    ratio = length(said) / length(changed)
    cosine = (said * changed).sum(axis=1) / (length(said) * length(changed))
    yield _Answer("ax and ay are zero while vx and vy change", asked, ratio < 1e-6)
    negated = "ax and ay look negated (or newest first), as they are against the change of the speeds"
    yield _Answer(negated, asked, cosine < -ALONG)
    yield _Answer("accelerations and speeds look like two frames of reference", asked, cosine < ALONG)
    cause = "ax and ay look like {} (they are {:.3g} times the change of the speeds)"
    yield from _factor(cause, asked, ratio, ACCELERATION_FACTORS, "another unit or rate", ACCELERATIONS_AGREE)


def _directions(what: str, asked: MovingRows, vector: np.ndarray) -> _Answers:
    """The axes along which vectors (m, 2) that should point along x may lie."""
    x, y = (vector / length(vector)[:, None]).T
    yield _Answer(f"{what} looks like y forward (and x to the right) instead of x forward", asked, y > ALONG)
    yield _Answer(f"{what} looks like x backward", asked, x < -ALONG)
    yield _Answer(f"{what} looks like y backward", asked, y < -ALONG)
    yield _Answer(f"{what} looks as if it were not turned into the heading of the last past state", asked, x < ALONG)


def _units(where: str, asked: MovingRows, ratio: np.ndarray, agrees: float = AGREES) -> _Answers:
    """The unit or rate that makes speeds (m,) `ratio` times what positions say."""
    cause = f"{{}} ({where}speeds are {{:.3g}} times those of the positions)"
    yield from _factor(cause, asked, ratio, FACTORS, "speeds and positions differ in unit or rate", agrees)


def _factor(
    cause: str, asked: MovingRows, ratio: np.ndarray, known: Mapping[float, str], unknown: str, agrees: float = AGREES
) -> _Answers:
    """What makes ratios (m,) differ from 1 by more than `agrees`: the `known` one that is near to it, or `unknown`.

    `cause` has a place for it and one for the ratio.
    """
    for wrong in (ratio > agrees, ratio < 1 / agrees):
        typical = np.median(ratio[wrong]) if wrong.any() else np.float64(1)
        near = min(known, key=lambda factor: abs(np.log(factor / typical)))
        is_near = abs(np.log(near / typical)) < np.log(AGREES) / 2
        yield _Answer(cause.format(known[near] if is_near else unknown, typical), asked, wrong)


def _integrated(rates: np.ndarray) -> np.ndarray:
    """(m, 16, 2): what rates a second (m, 16, 2) add up to since the first state, by the trapezoidal rule."""
    steps = (rates[:, 1:] + rates[:, :-1]) * (STEP_S / 2)
    return np.concatenate([np.zeros_like(steps[:, :1]), steps.cumsum(axis=1)], axis=1)


def _late_over_early(values: np.ndarray) -> np.ndarray:
    """(m, 2): the mean of the last second of (m, 16, 2) over that of the first."""
    second = round(1 / STEP_S)
    later: np.ndarray = values[:, -second:].mean(axis=1) - values[:, :second].mean(axis=1)
    return later
