"""The lines of a table of answers: out of the frames that runs have kept, and out of a file of texts."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from roadcue.errors import BadInput
from roadcue.evaluation.answer_tables import AnswerLine, Truth
from roadcue.evaluation.claimed_answers import (
    CUE,
    NEAR,
    PACE,
    RELATION,
    answer_words,
    answers_of,
    points_of,
    rule_cue,
)
from roadcue.evaluation.cost import Cost
from roadcue.evaluation.frame_pairs import FramePairs, ScoredRun
from roadcue.evaluation.frames import Frames
from roadcue.heads.field.object_words import from_words
from roadcue.loaders.sensation.predictions import IMAGE_KEYS, answer, picture_name, read_records
from roadcue.metrics.classification import NO_LABEL
from roadcue.prompts.annotation import OBJECT_KINDS, SIDES
from roadcue.prompts.bvpi import road_vs_sidewalk
from roadcue.prompts.path_text import STEPS
from roadcue.reports.colours import LOG

QUESTIONS = ("sidewalk", "road", RELATION, NEAR, CUE, PACE)


def run_lines(runs: Sequence[ScoredRun], pairs: FramePairs) -> tuple[dict[str, AnswerLine], Truth, np.ndarray]:
    """Every method of the runs on the frames that all of them have, what is true of these, and which rows (m,) of the
    first run they are.

    BadInput where a run has no frame in common with the first.
    """
    alone = [run.name for place, run in enumerate(runs) if place and place not in pairs.rows]
    if alone:
        raise BadInput(f"{alone[0]} and {runs[0].name} have no frame in common; compare runs on the same pictures")
    of_first = np.arange(len(runs[0].frames))
    rows = {0: of_first, **pairs.rows}
    common = np.flatnonzero((np.stack([*rows.values()]) >= 0).all(axis=0))
    lines: dict[str, AnswerLine] = {}
    truth: dict[str, np.ndarray] = {}
    labelled = None
    for place, run in enumerate(runs):
        kept = rows[place][common]
        for head, methods in run.methods.items():
            for method in methods:
                line = _line(run.frames, method, kept)
                if line is not None and not _is_among(line, lines.values()):
                    lines[_name(run, head, method)] = line
        for question in QUESTIONS:
            if f"true:{question}" in run.frames.columns:
                truth.setdefault(question, run.frames.columns[f"true:{question}"][kept])
        if labelled is None and f"labelled:{NEAR}" in run.frames.columns:
            labelled = run.frames.columns[f"labelled:{NEAR}"][kept]
    points = [
        found
        for place, run in enumerate(runs)
        if (found := _points(run.frames, LOG, rows[place][common])) is not None
    ]
    if RELATION not in truth and {"sidewalk", "road"} <= truth.keys():
        truth[RELATION] = _relations(truth["sidewalk"], truth["road"])
    sequence = runs[0].frames.columns["sequence"][common]
    return lines, Truth(truth, sequence, labelled, points[0] if points else None), common


def _is_among(line: AnswerLine, others: Iterable[AnswerLine]) -> bool:
    """Whether a line that sees nothing and costs nothing is there already: the same constant of another run."""
    return (
        not line.sees
        and line.cost is None
        and any(
            not other.sees
            and line.answers.keys() == other.answers.keys()
            and all(np.array_equal(said, other.answers[question]) for question, said in line.answers.items())
            and _same_points(line.points, other.points)
            for other in others
        )
    )


def _same_points(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    return one is other is None or (
        one is not None and other is not None and np.array_equal(one, other, equal_nan=True)
    )


def _name(run: ScoredRun, head: str, method: str) -> str:
    """Of a line: the run, its head where it has several, and the condition of a caption run; what a baseline is."""
    own = run.name if len(run.methods) == 1 else f"{head} of {run.name}"
    if method == head or method.startswith(f"{head}, "):
        return own + method.removeprefix(head)
    return f"{method} of {run.name}"


def _line(frames: Frames, method: str, rows: np.ndarray) -> AnswerLine | None:
    """What a method answers in some rows (m,); None where it answers none of the `QUESTIONS`."""
    answers, probability = {}, {}
    for question in QUESTIONS:
        if f"{method}:{question}:answer" in frames.columns:
            answers[question] = frames.columns[f"{method}:{question}:answer"][rows]
            probability[question] = frames.columns[f"{method}:{question}:probability"][rows].astype(np.float64)
    points = _points(frames, method, rows)
    if not answers and points is None:
        return None
    cost = frames.about.get("costs", {}).get(method)
    sees = method in frames.about["sees_image"]
    return AnswerLine(_with_derived(answers), probability, points, sees, Cost.of_json(cost) if cost else None)


def _points(frames: Frames, method: str, rows: np.ndarray) -> np.ndarray | None:
    """(m, 5, 2) metres of a method's paths, or of the log's; None where it has none."""
    if f"{method}:points" in frames.columns:
        return frames.columns[f"{method}:points"][rows].reshape(-1, len(STEPS), 2).astype(np.float64)
    if f"{method}:path" in frames.columns:
        path = frames.columns[f"{method}:path"][rows].reshape(len(rows), -1, 2)
        return path[:, list(STEPS)].astype(np.float64)
    return None


def _with_derived(answers: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """With the relation of a head's two positions, and the cue and pace that follow from its fields by the rule."""
    found = dict(answers)
    if not {"sidewalk", "road"} <= found.keys():
        return found
    sidewalk, road = found["sidewalk"], found["road"]
    found.setdefault(RELATION, _relations(sidewalk, road))
    if NEAR in found and CUE not in found:
        _, sides = from_words(found[NEAR].tolist())
        cues = [
            rule_cue(way, street, _by_kind(kinds)) for way, street, kinds in zip(sidewalk, road, sides, strict=True)
        ]
        found[CUE], found[PACE] = (np.array(column, str) for column in zip(*cues, strict=True))
    return found


def _relations(sidewalk: np.ndarray, road: np.ndarray) -> np.ndarray:
    """(n,) words; "" where a position is not known."""
    return np.array(
        [road_vs_sidewalk(*pair) if NO_LABEL not in pair else NO_LABEL for pair in zip(sidewalk, road, strict=True)],
        str,
    )


def _by_kind(sides: np.ndarray) -> dict[str, tuple[str, ...]]:
    """(9, 3) bool -> kind -> its sides."""
    return {
        kind: tuple(side for side, there in zip(SIDES, row, strict=True) if there)
        for kind, row in zip(OBJECT_KINDS, sides.tolist(), strict=True)
    }


def text_line(file: Path, ids: Sequence[str]) -> tuple[AnswerLine, str]:
    """What a file of texts answers of the frames with these `ids`, and how many they have in common.

    A record is paired by its `id`, else by the name of its `image`. BadInput where none is; a frame without a text
    has no answer, which counts as wrong.
    """
    by_id: dict[str, str] = {}
    by_image: dict[str, str] = {}
    for where, record in read_records(file):
        text = answer(record, where)
        if isinstance(record.get("id"), str):
            _put(by_id, record["id"], text, where)
        name = next((record[key] for key in IMAGE_KEYS if isinstance(record.get(key), str)), None)
        if name is not None:
            _put(by_image, picture_name(name), text, where)
    found = by_id if by_id.keys() & set(ids) else by_image
    matched = len(found.keys() & set(ids))
    if not matched:
        raise BadInput(f"{file}: none of its texts is of a frame of the runs, neither by id nor by image")
    by = "id" if found is by_id else "image"
    said = f"{file.name}: {matched:,} of the {len(ids):,} frames have a text, paired by {by}"
    said += "; the others count as wrong" if matched < len(ids) else ""
    texts = [found.get(each, "") for each in ids]
    points = points_of(texts)
    told = None if np.isnan(points).all() else points
    return AnswerLine(answer_words([answers_of(text) for text in texts]), points=told), said


def _put(texts: dict[str, str], key: str, text: str, where: str) -> None:
    if texts.setdefault(key, text) != text:
        raise BadInput(f"{where}: {key} has another prediction before; leave one of them")
