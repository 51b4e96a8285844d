"""How the heads that give no path answer: confusions, reliability, kinds of objects, and which frames are shown."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from roadcue.evaluation.frames import Frames
from roadcue.evaluation.report_frames import camera_shown, picture
from roadcue.evaluation.worst_frames import wrongness
from roadcue.heads.multi_head import MultiHeadModel
from roadcue.loaders.bad_records import OnBadRecord
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.confusion import Confusion, confusion
from roadcue.metrics.uncertainty import ReliabilityBin, reliability
from roadcue.reports.answer_details import Answer, AnswerDetails, AnsweredFrame
from roadcue.training.heads.batches import StoredSplit
from roadcue.training.heads.predictions import Predictions

_SUREST_WRONG = 3
"""So many of the most confidently wrong frames are shown, one of a sequence: its neighbours look alike."""


@dataclass(frozen=True)
class CountedAnswers:
    """Of a head's answers to one question: what is taken for what, and how true their probabilities are."""

    confusion: Confusion
    reliability: list[ReliabilityBin]


def counted_answers(frames: Frames, bootstrap: Bootstrap) -> dict[str, dict[str, CountedAnswers]]:
    """Head -> question -> its answers, counted; without questions of too many possible answers or without a truth."""
    columns, found = frames.columns, dict[str, dict[str, CountedAnswers]]()
    for head, questions in frames.about["questions"].items():
        for question in questions:
            if not (classes := frames.about["classes"][question]):
                continue
            answer, right, probability = (columns[f"{head}:{question}:{key}"] for key in _KEPT)
            if matrix := confusion(answer, columns[f"true:{question}"], classes, columns["sequence"], bootstrap):
                known = ~np.isnan(right)
                bins = reliability(probability[known], right[known])
                found.setdefault(head, {})[question] = CountedAnswers(matrix, bins)
    return found


def answer_details(
    frames: Frames,
    counted: Mapping[str, Mapping[str, CountedAnswers]],
    model: MultiHeadModel,
    predictions: Predictions,
    split: StoredSplit,
    bootstrap: Bootstrap,
    camera: str,
    on_bad_record: OnBadRecord,
) -> list[AnswerDetails]:
    """Of each head with questions and some truth; `frames` and `predictions` are of the rows of `split`.

    `counted` is what `counted_answers` gives of the frames.

    A frame is shown as FRONT has seen it, and as `camera` has where there is no FRONT; `on_bad_record` "skip" shows
    none where it cannot be read.
    """
    columns, sequence = frames.columns, frames.columns["sequence"]
    found = []
    for head, questions in frames.about["questions"].items():
        if not questions or not any((columns[f"true:{question}"] != "").any() for question in questions):
            continue
        methods = [method for method in frames.about["methods"][head] if method == head or method in model.blind]
        objects = {
            method: scores
            for method in methods
            if (
                scores := model.heads[head].object_scores(
                    predictions.answers[method], split.targets, sequence, bootstrap
                )
            )
        }
        shown = [
            _answered(frames, head, title, row, split, camera, on_bad_record) for title, row in _chosen(frames, head)
        ]
        of_head = counted.get(head, {})
        confusions = {question: each.confusion for question, each in of_head.items()}
        reliabilities = {question: each.reliability for question, each in of_head.items()}
        found.append(AnswerDetails(head, confusions, reliabilities, objects, shown))
    return found


_KEPT = ("answer", "right", "probability")


def _chosen(frames: Frames, head: str) -> Iterator[tuple[str, int]]:
    """What is special about a row, and the row.

    The best is right and sure in all that was asked, the worst is wrong and sure: rows are ordered by the mean over
    the questions with a truth of the probability of the answer, counted as negative where it is wrong.
    """
    columns, questions = frames.columns, frames.about["questions"][head]
    right, probability = (
        np.stack([columns[f"{head}:{each}:{key}"] for each in questions]) for key in ("right", "probability")
    )
    known = np.flatnonzero(~np.isnan(right).all(axis=0))
    trust = np.nanmean(probability[:, known] * (2 * right[:, known] - 1), axis=0)
    order = known[np.argsort(trust, kind="stable")]
    chosen = {"best": int(order[-1]), "median": int(order[len(order) // 2]), "worst": int(order[0])}
    yield from chosen.items()
    wrong = wrongness(frames, head)
    surest = [(-value, row, each) for each in wrong for row, value in enumerate(wrong[each].tolist()) if value > 0]
    of_sequence: dict[str, tuple[str, int]] = {}
    for _, row, question in sorted(surest):
        if row not in chosen.values():
            of_sequence.setdefault(columns["sequence"][row], (f"most confidently wrong: {question}", row))
    yield from [*of_sequence.values()][:_SUREST_WRONG]


def _answered(
    frames: Frames, head: str, title: str, row: int, split: StoredSplit, camera: str, on_bad_record: OnBadRecord
) -> AnsweredFrame:
    columns, place = frames.columns, int(split.rows[row])
    shown = camera_shown(split.dataset, camera)
    answers = []
    for question in frames.about["questions"][head]:
        answer, right, probability = (columns[f"{head}:{question}:{key}"][row] for key in _KEPT)
        truth = str(columns[f"true:{question}"][row])
        answers.append(Answer(question, str(answer), float(probability), truth, float(right)))
    return AnsweredFrame(
        title,
        str(columns["id"][row]),
        picture(split.dataset, place, shown, on_bad_record),
        shown,
        bool(columns["unlike"][row]) if "unlike" in columns else None,
        answers,
    )
