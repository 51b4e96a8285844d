"""How good a setting is, head by head: the mean over its seeds, the deviation between them, an interval over both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from roadcue.heads.head import Arrays, Head
from roadcue.heads.multi_head import BLIND_SUFFIX, MultiHeadModel
from roadcue.heads.ood_detector import OOD_SCORE
from roadcue.heads.registry import WAYPOINT, head_class
from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap
from roadcue.metrics.displacement import displacement, has_log, per_frame
from roadcue.metrics.resampling import sequence_bootstrap
from roadcue.metrics.score_table import ScoreTable
from roadcue.reports.displacement_table import COLUMNS
from roadcue.training.heads.batches import StoredSplit
from roadcue.training.heads.predictions import Predictions

_ALONE = Bootstrap(resamples=1)
"""For a run's own figures, of which the value alone counts."""


@dataclass(frozen=True)
class RunScores:
    """One run on n validation rows."""

    name: str
    settings: dict[str, str]
    seed: int
    command: str
    seconds: float
    """How long it trained."""
    answers: Mapping[str, Mapping[str, Arrays]]
    """Head -> itself, and its twin without features if it has one -> what it says of the rows."""
    tables: Mapping[str, Mapping[str, ScoreTable]]
    """Head -> its tables of this run by title; their values count, not their bounds."""

    @classmethod
    def of(
        cls, model: MultiHeadModel, predictions: Predictions, val: StoredSplit, heads: Sequence[str], **facts: Any
    ) -> "RunScores":
        """The scores of a run's `heads`; `facts` are the other fields."""
        answers = {}
        for name in heads:
            methods = [method for method in (name, name + BLIND_SUFFIX) if method in model.heads]
            answers[name] = {method: _answers(predictions, method) for method in methods}
        tables = {name: head_tables(model.heads[name], answers[name], val, _ALONE) for name in heads}
        return cls(**facts, answers=answers, tables=tables)


@dataclass(frozen=True)
class SettingScores:
    """A head of one setting, whose `runs` differ in their seed alone."""

    head: str
    runs: list[RunScores]
    tables: Mapping[str, ScoreTable]
    """By title: means over the runs, with intervals over seeds and sequences."""

    @property
    def settings(self) -> dict[str, str]:
        """Swept option -> its value as on the command line."""
        return self.runs[0].settings

    @property
    def methods(self) -> list[str]:
        """The head, and its twin without features if it has one."""
        return [*self.runs[0].answers[self.head]]

    @property
    def shown(self) -> list[tuple[str, str]]:
        """The figures that are told, the one that ranks first: title of a table, and figure."""
        named = head_class(self.head).sweep_figures
        return [
            (title, key)
            for title, table in self.tables.items()
            for key in (named.get(title, ()) if named else [*table.columns][:1])
        ]

    @property
    def rank(self) -> float:
        """Lower is better."""
        title, key = self.shown[0]
        value = self.tables[title].methods[self.head][key].value
        return value if head_class(self.head).headline.lower_is_better else -value

    def deviation(self, title: str, method: str, key: str) -> float:
        """The standard deviation of a figure between the seeds (n - 1); NaN of one seed."""
        values = [run.tables[self.head][title].methods[method][key].value for run in self.runs]
        return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def setting_scores(head: Head, runs: list[RunScores], val: StoredSplit) -> SettingScores:
    """Those of a head of runs that differ in their seed alone, on the same rows `val`."""
    given = [run.answers[head.name] for run in runs]
    together = {
        method: {key: np.concatenate([each[method][key] for each in given]) for key in arrays}
        for method, arrays in given[0].items()
    }
    bootstrap = Bootstrap(DEFAULT_BOOTSTRAP.resamples, DEFAULT_BOOTSTRAP.seed, training_seeds=len(runs))
    return SettingScores(head.name, runs, head_tables(head, together, val, bootstrap))


def head_tables(
    head: Head, answers: Mapping[str, Arrays], val: StoredSplit, bootstrap: Bootstrap
) -> dict[str, ScoreTable]:
    """The head's tables by title, of so many trainings as `bootstrap` says, whose `answers` follow each other."""
    trainings = bootstrap.training_seeds
    sequence = np.tile(val.sequence, trainings)
    targets: Any = {name: torch.cat([target] * trainings) for name, target in val.targets.items()}  # type: ignore[list-item]
    if head.name == WAYPOINT:
        tables = [_path_table(answers, targets["future"].numpy(), sequence, bootstrap)]
    else:
        tables = head.score(answers, targets, sequence, bootstrap)
    return {table.title: table.of_seeds(trainings) for table in tables if not table.curves}


def _answers(predictions: Predictions, method: str) -> Arrays:
    """What a head or its twin says, without how unlike the pictures are: that differs in no setting of a head."""
    if method in predictions.paths:
        return {"waypoints": predictions.paths[method]}
    return {key: array for key, array in predictions.answers[method].items() if key != OOD_SCORE}


def _path_table(
    answers: Mapping[str, Arrays], future: np.ndarray, sequence: np.ndarray, bootstrap: Bootstrap
) -> ScoreTable:
    """Paths (n, 20, 2) metres, ego frame, against the logged ones, `future`, where these are there."""
    known = has_log(future)
    methods = {}
    for method, arrays in answers.items():
        errors = per_frame(displacement(arrays["waypoints"][known], future[known]))
        columns = np.stack([errors[key] for key in COLUMNS], axis=1)
        methods[method] = dict(zip(COLUMNS, sequence_bootstrap(columns, sequence[known], bootstrap), strict=True))
    rows, sequences = int(known.sum()), len(np.unique(sequence[known]))
    plain = COLUMNS.keys() - {"miss_rate"}
    return ScoreTable("Displacement against the log", COLUMNS, methods, rows, sequences, plain=plain)
