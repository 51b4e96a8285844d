"""Whether unfreezing pays: settings of a stage two against stage one, and against its control, figure by figure.

The control is stage one trained for as many more steps: without it "unfreezing pays" may only say that training
longer does.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from roadcue.heads.cue.head import CueHead
from roadcue.heads.field.head import FieldHead
from roadcue.heads.field.labels import POSITION_CLASSES
from roadcue.heads.field.row_answers import OBJECTS
from roadcue.heads.head import Arrays, Head
from roadcue.heads.waypoint.head import WaypointHead
from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Interval
from roadcue.metrics.classification import NO_LABEL, class_hits, mean_of_f1
from roadcue.metrics.displacement import displacement, has_log, per_frame
from roadcue.metrics.resampling import bootstrap_of, difference_between
from roadcue.reports.unfreezing import Unfrozen
from roadcue.schema import HeadTargets
from roadcue.training.run_folder import Spent

Columns = Callable[[Arrays], np.ndarray]
"""What a head says of n rows -> (n, m), NaN where a row does not belong to a column."""


NEAR = OBJECTS[0]


@dataclass(frozen=True)
class Figure:
    """A figure that is made of the means of `columns`; `of_means` takes these, (r, m), to (r,)."""

    name: str
    column: str
    share: bool
    columns: Columns
    of_means: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Setting:
    """Trainings that differ in their seed alone: what the head says of the n rows, and what each training took."""

    name: str
    answers: Sequence[Arrays]
    spent: Sequence[Spent]


def figures_of(head: Head, targets: HeadTargets) -> list[Figure]:
    """What a head is judged by: ADE at 5 s, balanced accuracies, and far objects; none of a plugin's head.

    `targets` of the n rows; a figure of which no row has the truth is left out.
    """
    if isinstance(head, WaypointHead):
        return [Figure("waypoint", "ADE 5 s (m)", False, _errors(targets), lambda means: means[:, 0])]
    figures = []
    if isinstance(head, FieldHead):
        figures += _positions(targets)
        far = "far objects, macro F1"
        figures.append(Figure("far-objects", far, True, _claims(targets["objects"].numpy()[:, 1], 1), mean_of_f1))
    if isinstance(head, CueHead):
        columns = _hits("cue_logits", 0, head.truth(targets)[:, 0].numpy())
        figures.append(Figure("cue", "cue, balanced accuracy", True, columns, _mean_recall))
    return figures


def text_figures(targets: HeadTargets, kinds: np.ndarray, asked: Collection[str]) -> list[Figure]:
    """What texts are judged by: what they claim of the fields `asked`, near objects of `kinds` (9,) bool, their loss.

    A text answers in the form of the field head, "position" (n, 2), -1 where it claims none, and "seen" (n, 2, 9, 3);
    and "loss" (n,) nats per token. A figure of which no row has the truth is left out.
    """
    figures = [figure for figure in _positions(targets) if figure.name in asked]
    near = targets["objects"].numpy()[:, 0][:, kinds]
    if NEAR in asked and (near == 1).any():
        figures.append(Figure("near-objects", "near objects, macro F1", True, _claims(near, 0, kinds), mean_of_f1))
    return [*figures, Figure("loss", "nats per token", False, _losses, lambda means: means[:, 0])]


def unfrozen(
    figure: Figure,
    settings: Sequence[Setting],
    sequence: np.ndarray,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
    *,
    alone: bool = False,
) -> list[Unfrozen]:
    """A line for each setting, of which the first is stage one and the second its control, unless all stand `alone`.

    All have answered the same n rows; `sequence` (n,) names of whole drives. Differences of shares are in points.
    """
    values = [np.stack([figure.columns(one) for one in setting.answers]) for setting in settings]

    def minus(one: np.ndarray, other: np.ndarray) -> Interval:
        gap = difference_between(one, other, sequence, bootstrap, figure.of_means)
        scale = 100 if figure.share else 1
        return Interval(scale * gap.value, scale * gap.low, scale * gap.high)

    lines = []
    for place, (setting, own) in enumerate(zip(settings, values, strict=True)):
        trainings = replace(bootstrap, training_seeds=len(own))
        rows, drives = own.reshape(-1, own.shape[2]), np.tile(sequence, len(own))
        lines.append(
            Unfrozen(
                setting.name,
                len(own),
                max(one.trainable for one in setting.spent),
                _mean(None if one.peak_memory is None else one.peak_memory / 2**30 for one in setting.spent),
                _mean(one.seconds / one.steps if one.steps else None for one in setting.spent),
                bootstrap_of(figure.of_means, rows, drives, trainings),
                minus(own, values[0]) if place and not alone else None,
                minus(own, values[1]) if place > 1 and not alone else None,
            )
        )
    return lines


def spent_of(facts: Mapping[str, Any]) -> Spent:
    """What a training took, as its run.json has it; runs of before tell their seconds alone."""
    return Spent(**{name: facts[name] for name in Spent.__dataclass_fields__ if name in facts})


def _errors(targets: HeadTargets) -> Columns:
    """(n, 1) metres, NaN where a row has no log."""
    future = targets["future"].numpy()
    logged = has_log(future)

    def columns(answers: Arrays) -> np.ndarray:
        errors = np.full((len(future), 1), np.nan)
        errors[logged, 0] = per_frame(displacement(answers["waypoints"][logged], future[logged]))["ade_5s"]
        return errors

    return columns


def _losses(answers: Arrays) -> np.ndarray:
    """(n, 1) nats per token."""
    return answers["loss"][:, None]


def _hits(key: str, place: int, truth: np.ndarray) -> Columns:
    """(n, k) of the k classes that occur; `truth` (n,) int, negative where a row has no label."""
    true = np.where(truth < 0, NO_LABEL, truth.astype(str))

    def columns(answers: Arrays) -> np.ndarray:
        said = answers[key][:, place]
        return class_hits((said.argmax(axis=-1) if said.ndim > 1 else said).astype(str), true)

    return columns


def _positions(targets: HeadTargets) -> list[Figure]:
    """The balanced accuracy of where sidewalk and road are."""
    figures = []
    for place, column in enumerate(POSITION_CLASSES):
        name, truth = column.removesuffix("_pos"), targets["positions"][:, place].numpy()
        if (truth >= 0).any():
            columns = _hits("position", place, truth)
            figures.append(Figure(name, f"{name}, balanced accuracy", True, columns, _mean_recall))
    return figures


def _claims(objects: np.ndarray, reach: int, kinds: np.ndarray | slice = slice(None)) -> Columns:
    """(n, 3 k): hits, claims and truths of k `kinds`, near (0) or far away (1).

    `objects` (n, k, 3) 1 seen, 0 not, NaN not labelled.
    """
    known, true = ~np.isnan(objects).any(axis=2), (objects == 1).any(axis=2)

    def columns(answers: Arrays) -> np.ndarray:
        said = answers["seen"][:, reach][:, kinds].any(axis=-1) & known
        return np.concatenate([said & true, said, true & known], axis=1).astype(np.float64)

    return columns


def _mean_recall(means: np.ndarray) -> np.ndarray:
    recall: np.ndarray = np.nanmean(means, axis=1)
    return recall


def _mean(values: Any) -> float:
    """Of those that are known; NaN of none."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else float("nan")
