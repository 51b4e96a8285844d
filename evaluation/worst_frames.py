"""The frames on which a run is most wrong, and those on which two runs are so to the most different degree."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from roadcue.evaluation.frames import Frames
from roadcue.files import write_atomic
from roadcue.reports.colours import LOG
from roadcue.reports.frame_table import FrameLine, frame_table
from roadcue.sentences import show
from roadcue.terminal_table import print_table

WORST = "worst.csv"
"""Their name in the folder of a run's numbers."""
ADE = "ADE 5 s"
"""What stands in the place of a question where a head gives paths."""


def wrongness(frames: Frames, head: str) -> dict[str, np.ndarray]:
    """Question -> (n,) how wrong the head's answers are; NaN where the truth is unknown.

    Of paths the ADE at 5 s in metres; of other answers their probability where they are wrong, 0 where they are
    right: of wrong answers the surest is the worst.
    """
    columns, questions = frames.columns, frames.about["questions"][head]
    if f"{head}:ade_5s" in columns:
        return {ADE: columns[f"{head}:ade_5s"]}
    return {each: (1 - columns[f"{head}:{each}:right"]) * columns[f"{head}:{each}:probability"] for each in questions}


def said(frames: Frames, head: str, question: str, row: int) -> str:
    """What the head has answered, or how far its path is away, such as `slow down (83%)` or `3.42 m`."""
    if question == ADE:
        return f"{frames.columns[f'{head}:ade_5s'][row]:.2f} m"
    answer, probability = (frames.columns[f"{head}:{question}:{key}"][row] for key in ("answer", "probability"))
    return f"{answer} ({probability:.0%})"


def truth(frames: Frames, question: str, row: int) -> str:
    """What would have been right, of a path where it ends."""
    if question == ADE:
        x, y = frames.columns[f"{LOG}:path"][row, -2:]
        return f"to ({x:.1f}, {y:.1f}) m"
    return str(frames.columns[f"true:{question}"][row])


def worst(frames: Frames, head: str, number: int) -> list[FrameLine]:
    """The head's so many worst answers, the worst first; right ones are none of them."""
    by_question = wrongness(frames, head)
    return [
        _line(frames, question, row, [said(frames, head, question, row)])
        for question, row in _largest(by_question, number)
    ]


def most_different(
    first: Frames, rows: np.ndarray, other: Frames, other_rows: np.ndarray, head: str, number: int
) -> list[FrameLine]:
    """The answers that are wrong to the most different degree, of the m frames that are `rows` (m,) of each."""
    others = wrongness(other, head)
    gaps = {
        question: np.abs(wrong[rows] - others[question][other_rows])
        for question, wrong in wrongness(first, head).items()
        if question in others
    }
    return [
        _line(
            first,
            question,
            rows[place],
            [said(first, head, question, rows[place]), said(other, head, question, other_rows[place])],
        )
        for question, place in _largest(gaps, number)
    ]


def _largest(by_question: dict[str, np.ndarray], number: int) -> list[tuple[str, int]]:
    """Question and row of the so many largest numbers above 0, the largest first."""
    found = [
        (-value, place, question, row)
        for place, (question, values) in enumerate(by_question.items())
        for row, value in enumerate(np.nan_to_num(values).tolist())
        if value > 0
    ]
    return [(question, row) for _, _, question, row in sorted(found)[:number]]


def _line(frames: Frames, question: str, row: int, answers: Sequence[str]) -> FrameLine:
    columns = frames.columns
    return FrameLine(
        str(columns["id"][row]),
        str(columns["sequence"][row]),
        question,
        tuple(answers),
        truth(frames, question, row),
        bool(columns["unlike"][row]) if "unlike" in columns else None,
    )


def show_worst(frames: Frames, number: int, folder: Path) -> None:
    """Print each head's so many worst frames, and write those of all heads to worst.csv in a folder."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("head", "id", "sequence", "question", "answer", "true", "unlike"))
    for head in frames.about["methods"]:
        lines = worst(frames, head, number)
        print_table(frame_table(f"The worst frames of the {head} head", [head], lines))
        for line in lines:
            unlike = "" if line.unlike is None else int(line.unlike)
            writer.writerow((head, line.id, line.sequence, line.question, *line.answers, line.truth, unlike))
    write_atomic(folder / WORST, text.getvalue())
    show(folder / WORST)
