"""Heads and caption models in one table, on the frames that they have in common, and where they disagree."""

import json
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from rich.table import Table

from roadcue.errors import BadInput
from roadcue.evaluation.answer_lines import run_lines, text_line
from roadcue.evaluation.answer_tables import AnswerLine, Truth, answer_tables
from roadcue.evaluation.claimed_answers import CUE, PACE
from roadcue.evaluation.config import EvalConfig
from roadcue.evaluation.frame_pairs import ScoredRun, pair_frames
from roadcue.evaluation.heading import cautions
from roadcue.evaluation.report_frames import camera_shown, picture
from roadcue.files import user_path, write_atomic, writing_into
from roadcue.loaders.dataset import RoadDataset
from roadcue.metrics.classification import NO_LABEL
from roadcue.metrics.comparison import nan_to_none
from roadcue.metrics.score_table import ScoreTable
from roadcue.reports.answer_details import Answer, AnswerDetails, AnsweredFrame
from roadcue.reports.frame_table import FrameLine, frame_table
from roadcue.reports.page import write_report
from roadcue.reports.score_table import score_table
from roadcue.reports.written_tables import save_tables
from roadcue.sentences import show
from roadcue.terminal_table import print_table
from roadcue.training.build import open_split

COMPARISON = "comparison.json", "comparison.html"
"""Their names in --out."""
_SHOWN = 10
"""Frames on which two methods disagree, of each pair, one of a sequence."""
_JUDGED = ("sidewalk", "road", CUE, PACE)
"""The questions by which it is said who is right."""


def compare_answers(runs: Sequence[ScoredRun], config: EvalConfig) -> None:
    """Print the tables of all methods and where two disagree; with --out write comparison.json and comparison.html.

    BadInput where nothing is in common, or nothing is known of what is.
    """
    pairs = pair_frames(runs)
    show(*pairs.said)
    lines, truth, rows = run_lines(runs, pairs)
    own = _own_lines(runs, lines)
    ids = runs[0].frames.columns["id"][rows]
    if config.predictions is not None:
        file = user_path(config.predictions)
        line, said = text_line(file, ids.tolist())
        show(said)
        own.append(file.stem)
        lines[file.stem] = line
    lines = {name: lines[name] for name in own} | lines
    tables = [table.of_seeds(1) for table in answer_tables(lines, truth, config.bootstrap)]
    if not tables:
        raise BadInput("no frame that the runs have in common has labels of what they answer")
    seeing = {name for name, line in lines.items() if line.sees}
    first = own[0]
    others = [name for name in own if name in seeing and name not in _own_lines(runs[:1], lines)]
    apart = {other: _disagreements(lines[first], lines[other], truth, config.worst or _SHOWN) for other in others}
    chosen = {other: frames for other, frames in apart.items() if frames}
    for table in tables:
        print_table(score_table(table, seeing))
        show("")
    for other, frames in chosen.items():
        print_table(_frame_table(first, other, lines, truth, ids, frames))
    if config.out is not None:
        data = open_split(runs[0].options, runs[0].frames.about["asked"]["split"])
        camera = camera_shown(data, runs[0].options.camera_names[0])
        details = [*_details(data, camera, lines, truth, ids, first, chosen)]
        _write(data, tables, seeing, config, details, cautions(data, runs[0].options))
    save_tables(tables, seeing, csv=config.csv, latex=config.latex)


def _own_lines(runs: Sequence[ScoredRun], lines: Mapping[str, AnswerLine]) -> list[str]:
    """The lines of the runs themselves, without what they are compared with."""
    heads = [(run, head) for run in runs for head in run.methods]
    names = [run.name if len(run.methods) == 1 else f"{head} of {run.name}" for run, head in heads]
    return [name for name in names if name in lines]


def _disagreements(first: AnswerLine, other: AnswerLine, truth: Truth, shown: int) -> list[int]:
    """The frames in which one is right and the other is not, in most questions first; one of a sequence."""
    asked = [each for each in _JUDGED if each in first.answers and each in other.answers and each in truth.answers]
    apart = np.zeros(len(truth.sequence), np.int64)
    for question in asked:
        true = truth.answers[question]
        right = [line.answers[question] == true for line in (first, other)]
        apart += (true != NO_LABEL) & (right[0] != right[1])
    of_sequence: dict[str, int] = {}
    for row in np.argsort(-apart, kind="stable").tolist():
        if apart[row]:
            of_sequence.setdefault(str(truth.sequence[row]), row)
    return [*of_sequence.values()][:shown]


def _frame_table(
    first: str, other: str, lines: Mapping[str, AnswerLine], truth: Truth, ids: np.ndarray, rows: Sequence[int]
) -> Table:
    """A line for each question in which one is right and the other is not."""
    found = []
    for row in rows:
        for question, (ours, theirs), true in _answers(lines, (first, other), truth, row):
            if (ours == true) != (theirs == true):
                sequence = str(truth.sequence[row])
                found.append(FrameLine(str(ids[row]), sequence, question, (ours, theirs), true, None))
    return frame_table(f"Where {first} and {other} disagree", [first, other], found)


def _answers(
    lines: Mapping[str, AnswerLine], names: Sequence[str], truth: Truth, row: int
) -> Iterator[tuple[str, list[str], str]]:
    """Of a frame each question with a truth that all of the lines answer, what they say, and what is true."""
    for question in _JUDGED:
        if question in truth.answers and all(question in lines[name].answers for name in names):
            true = str(truth.answers[question][row])
            if true != NO_LABEL:
                yield question, [str(lines[name].answers[question][row]) for name in names], true


def _details(
    data: RoadDataset,
    camera: str,
    lines: Mapping[str, AnswerLine],
    truth: Truth,
    ids: np.ndarray,
    first: str,
    chosen: Mapping[str, Sequence[int]],
) -> Iterator[AnswerDetails]:
    """The chosen frames with their pictures, for the page."""
    row_of = {id: row for row, id in enumerate(data.states.id.tolist())}
    for other, rows in chosen.items():
        frames = []
        for row in rows:
            answers = [
                Answer(f"{question}, {name}", said or "nothing", float("nan"), true, float(said == true))
                for question, both, true in _answers(lines, (first, other), truth, row)
                for name, said in zip((first, other), both, strict=True)
            ]
            image = picture(data, row_of[str(ids[row])], camera, "skip")
            frames.append(AnsweredFrame(str(truth.sequence[row]), str(ids[row]), image, camera, None, answers))
        title = f"Where {first} and {other} disagree"
        why = "Frames in which the one is right and the other is not, in most questions first, one a sequence."
        yield AnswerDetails(other, {}, {}, {}, frames, title=title, why=why)


def _write(
    data: RoadDataset,
    tables: Sequence[ScoreTable],
    seeing: set[str],
    config: EvalConfig,
    details: Sequence[AnswerDetails],
    warnings: Sequence[str],
) -> None:
    """comparison.json and comparison.html."""
    out = user_path(config.out or "")
    numbers, page = (out / name for name in COMPARISON)
    with writing_into(out, "free space there, or name another folder with --out"):
        answers = [table.to_json() for table in tables]
        content = {"data": data.description, "sees_image": sorted(seeing), "answers": answers}
        write_atomic(numbers, json.dumps(nan_to_none(content), indent=1) + "\n")
        write_report(
            page,
            comparison=None,
            sees_image=seeing,
            heading={"data": data.description, "runs": ", ".join([config.run, *config.against])},
            frames=[],
            answers=tables,
            answer_details=details,
            cautions=warnings,
        )
    show(numbers, page)
