"""A head's scores on the rows that it answers: those whose pictures are like the training pictures."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
from torch import Tensor

from roadcue.heads.head import Arrays, Head
from roadcue.heads.ood_detector import OODDetector
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.score_table import ScoreTable
from roadcue.schema import HeadTargets

ANSWERED = ", answered"
"""Names a method's row of a table that is made of the rows it answers alone."""


def scores_with_answered(
    head: Head,
    name: str,
    predictions: dict[str, Arrays],
    targets: HeadTargets,
    sequence: np.ndarray,
    unlike: np.ndarray | None,
    bootstrap: Bootstrap,
) -> list[ScoreTable]:
    """The head's tables of all n rows; below the head's own line one of the rows that it answers.

    `predictions`: method -> its prediction; `unlike` (n,) bool, None where nothing is known of the pictures.
    """
    tables = head.score(predictions, targets, sequence, bootstrap)
    if unlike is None or name not in predictions:
        return tables
    said = [
        table if table.curves else replace(table, meaning=f"{table.meaning} {share_unlike(unlike)}".strip())
        for table in tables
    ]
    if unlike.all() or not unlike.any():
        return said
    like = ~unlike
    answers = {method: {key: array[like] for key, array in each.items()} for method, each in predictions.items()}
    known: Any = {key: target[like] for key, target in cast("dict[str, Tensor]", targets).items()}
    of_answered = head.score(answers, known, sequence[like], bootstrap)
    return [_with_row(table, name, of_answered) for table in said]


def detected(detector: OODDetector | None, share: float | None) -> dict[str, str]:
    """What the heading says of a run's detector and the `share` of rows that it takes for unlike; nothing without."""
    if share is None or detector is None:
        return {}
    return {"unlike the training pictures": f"{share:.1%} of the rows, by a threshold of {detector.calibrated_on}"}


def share_unlike(unlike: np.ndarray) -> str:
    """What a table says of the pictures (n,) that are unlike."""
    return f"{np.mean(unlike):.1%} of all rows are unlike the training pictures, or lack them."


def _with_row(table: ScoreTable, name: str, others: Sequence[ScoreTable]) -> ScoreTable:
    """A table with the line of the head `name` in the other of its title; one about that itself stays as it is."""
    found = [other for other in others if other.title == table.title and name in other.methods]
    if table.curves or not found:
        return table
    methods = {}
    for method, figures in table.methods.items():
        methods[method] = figures
        if method == name:
            methods[name + ANSWERED] = found[0].methods[name]
    answered = f"{name}{ANSWERED}: {found[0].samples:,} of the {table.samples:,} samples; the others: all of them."
    return replace(table, methods=methods, meaning=f"{table.meaning} {answered}".strip())
