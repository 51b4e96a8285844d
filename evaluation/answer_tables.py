"""Heads and texts in one table: what each answers about the same frames, by the same figures, in pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from roadcue.evaluation.claimed_answers import CUE, NEAR, PACE, RELATION
from roadcue.evaluation.cost import Cost
from roadcue.heads.cue.rules import CUES
from roadcue.heads.field.object_words import from_words
from roadcue.metrics.bootstrap import Bootstrap, Interval
from roadcue.metrics.classification import (
    NO_LABEL,
    balanced_accuracy_difference,
    balanced_accuracy_interval,
)
from roadcue.metrics.objects import place_difference, score_places, score_presence
from roadcue.metrics.resampling import sequence_bootstrap
from roadcue.metrics.score_table import ScoreTable
from roadcue.metrics.uncertainty import expected_calibration_error
from roadcue.prompts.claims import MENTIONED_KINDS

FIELDS = ("sidewalk", "road", RELATION)
STAND_STILL = "stand still"
GAP = " Δ"
"""How the key of a figure's difference to the first line ends."""
_OF_POSITIONS = "The relation of the road to the sidewalk follows from a head's two positions; a text states it."
_OF_NEAR = f"Mean over the {len(MENTIONED_KINDS)} kinds that BVPI texts name, of heads and texts alike."
_OF_CUES = "A text's cue follows from its claims by the rule that makes the true one."
_OF_PATHS = "Mean distance to the log at the five points; a text that is no path stands still, and is counted."
_OF_COSTS = "Of one picture alone, on this machine: median seconds, and the most memory that the process took for it."

Figures = dict[str, Interval]


@dataclass(frozen=True)
class AnswerLine:
    """What a method answers in n frames: question -> words (n,), "" where it says nothing, and probabilities (n,),
    NaN where it tells none; and the `points` (n, 5, 2) of paths, metres, ego frame, 1 to 5 s ahead, NaN where a text
    is no path, None of a method without paths.
    """

    answers: Mapping[str, np.ndarray]
    probability: Mapping[str, np.ndarray] = field(default_factory=dict)
    points: np.ndarray | None = None
    sees: bool = True
    cost: Cost | None = None


@dataclass(frozen=True)
class Truth:
    """What is true of n frames: question -> words (n,), "" where unknown; `labelled` (n,) the kinds of near objects
    that have a label, with commas, None for all of them; `sequence` (n,) names of whole drives; `points` (n, 5, 2) of
    the driven path, NaN where there is none.
    """

    answers: Mapping[str, np.ndarray]
    sequence: np.ndarray
    labelled: np.ndarray | None = None
    points: np.ndarray | None = None


def answer_tables(lines: Mapping[str, AnswerLine], truth: Truth, bootstrap: Bootstrap) -> list[ScoreTable]:
    """Positions, near objects, cues, paths, and calibration and cost; without a table that no line has anything for.

    Differences are in pairs, minus the first line of each table.
    """
    of_figures = {name: _probability_and_cost(line, truth, bootstrap) for name, line in lines.items()}
    found = [
        _positions(lines, truth, bootstrap),
        _near_objects(lines, truth, bootstrap),
        _cues(lines, truth, bootstrap),
        _paths(lines, truth, bootstrap),
        _table("Calibration and cost", _COSTS, of_figures, truth, _OF_COSTS, plain=_PLAIN_COSTS),
    ]
    return [table for table in found if table]


def _positions(lines: Mapping[str, AnswerLine], truth: Truth, bootstrap: Bootstrap) -> ScoreTable | None:
    """Balanced accuracy of sidewalk, road and relation."""
    scores: dict[str, Figures] = {}
    asked, having = _asked(FIELDS, lines, truth)
    for name, line in having.items():
        figures = scores[name] = {}
        reference = next(iter(having.values()))
        for question in asked & line.answers.keys():
            said, true, rest = line.answers[question], truth.answers[question], (truth.sequence, bootstrap)
            figures[question] = balanced_accuracy_interval(said, true, *rest)
            if line is not reference and question in reference.answers:
                gap = balanced_accuracy_difference(said, reference.answers[question], true, *rest)
                figures[question + GAP] = _points(gap)
    return _table("Positions, balanced accuracy", _with_gaps(FIELDS), scores, truth, _OF_POSITIONS)


def _near_objects(lines: Mapping[str, AnswerLine], truth: Truth, bootstrap: Bootstrap) -> ScoreTable | None:
    """F1 of whether a kind is there, and of its sides."""
    if NEAR not in truth.answers:
        return None
    known = _labelled(truth)
    _, having = _asked((NEAR,), lines, truth)
    named = {name: from_words(line.answers[NEAR].tolist(), MENTIONED_KINDS) for name, line in having.items()}
    if not known.any() or not named:
        return None
    there, where = from_words(truth.answers[NEAR].tolist(), MENTIONED_KINDS)
    rest = (truth.sequence, MENTIONED_KINDS, bootstrap)
    (first, *_) = named
    scores: dict[str, Figures] = {}
    for name, (present, sides) in named.items():
        presence = score_presence(present, there, known, *rest)
        placed = score_places(present, sides, there, where, known, *rest)
        scores[name] = figures = {"presence": presence.macro, "place": placed.macro}
        if name != first:
            for key, claims in (("presence", _there), ("place", _placed)):
                ours, theirs, true = (claims(*each) for each in ((present, sides), named[first], (there, where)))
                gap = place_difference(ours, theirs, true, known, truth.sequence, bootstrap)
                figures[key + GAP] = _points(gap)
    return _table("Near objects, macro F1", _with_gaps(("presence", "place")), scores, truth, _OF_NEAR)


def _cues(lines: Mapping[str, AnswerLine], truth: Truth, bootstrap: Bootstrap) -> ScoreTable | None:
    """Accuracy of cue and pace, and the share of opposite ways."""
    scores: dict[str, Figures] = {}
    asked, having = _asked((CUE, PACE), lines, truth)
    for name, line in having.items():
        reference, columns = next(iter(having.values())), {}
        for question in asked & line.answers.keys():
            said, true = line.answers[question], truth.answers[question]
            known = true != NO_LABEL
            columns[question] = right = np.where(known, said == true, np.nan)
            if line is not reference and question in reference.answers:
                columns[question + GAP] = 100 * (right - (reference.answers[question] == true))
            if question == CUE:
                columns["opposite"] = np.where(known, _opposite(said, true), np.nan)
        values = np.stack([*columns.values()], axis=1).astype(np.float64)
        scores[name] = dict(zip(columns, sequence_bootstrap(values, truth.sequence, bootstrap), strict=True))
    columns_shown = {CUE: "cue", CUE + GAP: "Δ cue (points)", "opposite": "opposite way", PACE: "pace"}
    columns_shown[PACE + GAP] = "Δ pace (points)"
    return _table("Cues, accuracy", columns_shown, scores, truth, _OF_CUES)


def _paths(lines: Mapping[str, AnswerLine], truth: Truth, bootstrap: Bootstrap) -> ScoreTable | None:
    """ADE at the five points, of frames with a log; who has not given a path has stood still."""
    told = {name: line.points for name, line in lines.items() if line.points is not None}
    if truth.points is None or not told:
        return None
    known = ~np.isnan(truth.points).any(axis=(1, 2))
    if not known.any():
        return None
    errors = {name: _ade(np.nan_to_num(points), truth.points) for name, points in told.items()}
    errors[STAND_STILL] = _ade(np.zeros_like(truth.points), truth.points)
    first, scores = next(iter(errors.values())), {}
    for name, error in errors.items():
        columns = {"ade": error}
        columns |= {} if error is first else {"ade" + GAP: error - first}
        if name in told:
            columns["no path"] = np.where(known, np.isnan(told[name]).any(axis=(1, 2)), np.nan)
        values = np.stack([*columns.values()], axis=1)
        scores[name] = dict(zip(columns, sequence_bootstrap(values, truth.sequence, bootstrap), strict=True))
    shown = {"ade": "ADE (m)", "ade" + GAP: "Δ ADE (m)", "no path": "no path"}
    return _table("Paths at 1, 2, 3, 4 and 5 s", shown, scores, truth, _OF_PATHS, plain=("ade",))


def _ade(points: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(n, 5, 2) twice -> (n,) mean distance in metres; NaN without a log."""
    error: np.ndarray = np.linalg.norm(points - true, axis=2).mean(axis=1)
    return error


def _asked(
    questions: Sequence[str], lines: Mapping[str, AnswerLine], truth: Truth
) -> tuple[set[str], dict[str, AnswerLine]]:
    """The questions of which something is known, and the lines that answer one of them."""
    asked = {each for each in questions if each in truth.answers and (truth.answers[each] != NO_LABEL).any()}
    return asked, {name: line for name, line in lines.items() if asked & line.answers.keys()}


_COSTS = {
    "ece sidewalk": "calibration error, sidewalk",
    "ece road": "road",
    "ece cue": "cue",
    "seconds": "s per picture",
    "memory": "memory (MB)",
    "learnt": "M parameters that learn",
}
_PLAIN_COSTS = ("seconds", "memory", "learnt")


def _probability_and_cost(line: AnswerLine, truth: Truth, bootstrap: Bootstrap) -> Figures:
    figures = {}
    for question in ("sidewalk", "road", CUE):
        probability, true = line.probability.get(question), truth.answers.get(question)
        if probability is None or true is None:
            continue
        known = (true != NO_LABEL) & ~np.isnan(probability)
        if known.any():
            right = (line.answers[question] == true)[known]
            error = expected_calibration_error(probability[known], right, truth.sequence[known], bootstrap)
            figures[f"ece {question}"] = error
    if line.cost is not None:
        figures |= {key: Interval(value, np.nan, np.nan) for key, value in line.cost.figures.items()}
    return figures


def _table(
    title: str,
    columns: Mapping[str, str],
    scores: Mapping[str, Figures],
    truth: Truth,
    meaning: str,
    plain: Sequence[str] = (),
) -> ScoreTable | None:
    """Of the lines and the columns that hold anything; None where nothing does."""
    filled = {name: figures for name, figures in scores.items() if figures}
    shown = {key: title for key, title in columns.items() if any(key in figures for figures in filled.values())}
    if not filled:
        return None
    gaps = tuple(key for key in shown if key.endswith(GAP))
    if gaps:
        first = next(iter(filled))
        meaning += f" Δ: minus {first!r}, in pairs on the same frames, * where the interval leaves out zero."
    sequences = len(np.unique(truth.sequence))
    return ScoreTable(title, shown, filled, len(truth.sequence), sequences, meaning, plain, signed=gaps)


def _with_gaps(keys: Sequence[str]) -> dict[str, str]:
    return {name: title for key in keys for name, title in ((key, key), (key + GAP, f"Δ {key} (points)"))}


def _points(share: Interval) -> Interval:
    return Interval(100 * share.value, 100 * share.low, 100 * share.high)


def _labelled(truth: Truth) -> np.ndarray:
    """(n, 6) bool: the kinds that have a label."""
    if truth.labelled is not None:
        return from_words(truth.labelled.tolist(), MENTIONED_KINDS)[0]
    return np.repeat((truth.answers[NEAR] != NO_LABEL)[:, None], len(MENTIONED_KINDS), axis=1)


def _there(present: np.ndarray, _: np.ndarray) -> np.ndarray:
    """(n, k, 1)"""
    return present[..., None]


def _placed(present: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """(n, k, 4): the three sides, and being there on none of them."""
    return np.concatenate([sides, (present & ~sides.any(axis=-1))[..., None]], axis=-1)


def _opposite(said: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(n,) bool: the one side is said where it is the other."""
    left, _, right = CUES
    opposite: np.ndarray = ((said == left) & (true == right)) | ((said == right) & (true == left))
    return opposite
