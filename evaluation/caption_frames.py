"""frames.parquet of a caption run: what its texts answer to the questions of the field and cue heads."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from roadcue.errors import BadHead, BadInput, BadRecord
from roadcue.evaluation.claimed_answers import Answers, answers_of, by_rule, row_answers
from roadcue.evaluation.constant_texts import commonest, majority_claims
from roadcue.evaluation.frames import Frames, columns_of
from roadcue.heads.cue.answers import QUESTIONS, cue_truth
from roadcue.heads.cue.config import CueConfig
from roadcue.heads.field.labels import UNKNOWN, pedestrian_labels
from roadcue.loaders.dataset import RoadDataset
from roadcue.prompts.annotation import SIDES, Annotation, parse_row
from roadcue.prompts.claims import MENTIONED_KINDS, Claims
from roadcue.reports.colours import LOG
from roadcue.schema import HeadTargets
from roadcue.training.captions.config import CAPTION


def caption_frames(
    dataset: RoadDataset,
    rows: np.ndarray,
    methods: Mapping[str, Sequence[Answers]],
    asked: Collection[str],
    points: Mapping[str, np.ndarray],
    unlike: np.ndarray | None,
    about: Mapping[str, Any],
) -> Frames:
    """What each of the `methods` answers in the (n,) rows of a data set, the caption run itself first, and all of
    what was `asked`; and the `points` (n, 5, 2) of those that tell paths.

    `unlike` (n,) bool, None where nothing is known of the pictures; `about` is what is known of the run.
    """
    targets = targets_of(dataset, rows)
    found = {method: row_answers(answers, targets, asked) for method, answers in methods.items()}
    columns: dict[str, np.ndarray] = {"id": dataset.states.id[rows], "sequence": dataset.states.sequence[rows]}
    if unlike is not None:
        columns["unlike"] = unlike
    if points:
        columns[f"{LOG}:path"] = dataset.states.future[rows].reshape(len(rows), -1)
    columns |= {f"{method}:points": each.reshape(len(rows), -1).astype(np.float32) for method, each in points.items()}
    classes: dict[str, list[str]] = {}
    for method, answers in found.items():
        columns |= columns_of(method, answers)
        classes |= {question: [*each.classes] for question, each in answers.items()}
    kept = {"methods": {CAPTION: [*methods]}, "questions": {CAPTION: [*classes]}, "classes": classes}
    return Frames({**about, **kept}, columns)


def targets_of(dataset: RoadDataset, rows: np.ndarray) -> HeadTargets:
    """What the field and cue heads learn of the (n,) rows; BadInput, with the row, for a label that none could."""
    columns: dict[str, list[torch.Tensor]] = {}
    for row in rows.tolist():
        try:
            labels = pedestrian_labels(dataset.targets(row))
        except BadHead as error:
            raise BadInput(f"{dataset.where(row)}: {error}") from error
        for name, label in labels.items():
            columns.setdefault(name, []).append(label)
    stacked = {name: torch.stack(labels) for name, labels in columns.items()}
    return {"future": torch.from_numpy(dataset.states.future[rows]), **stacked}  # type: ignore[typeddict-item]


def constant_answers(dataset: RoadDataset) -> dict[str, Answers]:
    """Method -> what it answers of every picture, from the labels and texts of the training pictures.

    Those that the labels are there for: majority and constant text; list everything, which names each kind of near
    object on every side.
    """
    labels, texts = [], []
    for row in range(len(dataset)):
        target = dataset.targets(row)
        labels += _annotation(target.fields)
        texts += [target.bvpi] if target.bvpi else []
    found = {}
    if labels:
        claims, cues = majority_claims(labels), _commonest_cues(dataset)
        found["majority"] = Answers(claims, *cues, near=True)
        everything = Claims(claims.sidewalk, claims.road, claims.relation, dict.fromkeys(MENTIONED_KINDS, SIDES))
        found["list everything"] = by_rule(everything, near=True)
    if texts:
        found["constant text"] = answers_of(commonest(texts))
    return found


def _annotation(fields: Mapping[str, str]) -> list[Annotation]:
    """The annotation of a row whose positions are both labelled; none of another."""
    try:
        return [parse_row({**fields, "image": "picture"}, "row")]
    except BadRecord:
        return []


def _commonest_cues(dataset: RoadDataset) -> tuple[str, str]:
    """The commonest true cue and pace; "" where none is known."""
    cues = cue_truth(CueConfig(), targets_of(dataset, np.arange(len(dataset)))).numpy()
    found = []
    for place, words in enumerate(QUESTIONS.values()):
        known = cues[cues[:, place] != UNKNOWN, place]
        found.append(words[int(np.bincount(known).argmax())] if len(known) else "")
    return found[0], found[1]
