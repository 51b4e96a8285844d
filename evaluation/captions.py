"""Score a caption run: its loss on a split's texts, and what it writes, scored as the answers of heads are."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from roadcue.errors import BadInput
from roadcue.evaluation.answer_lines import run_lines
from roadcue.evaluation.answer_tables import answer_tables
from roadcue.evaluation.answered import ANSWERED, detected, share_unlike
from roadcue.evaluation.caption_frames import caption_frames, constant_answers
from roadcue.evaluation.claimed_answers import OF_TARGET, Answers, answers_of, points_of
from roadcue.evaluation.conditions import FREE, Condition, parse_conditions
from roadcue.evaluation.config import EvalConfig
from roadcue.evaluation.constant_texts import mean_path
from roadcue.evaluation.frame_pairs import FramePairs, ScoredRun
from roadcue.evaluation.frames import FRAMES, Frames, scored_as
from roadcue.evaluation.heading import cautions, run_heading
from roadcue.evaluation.run import run_options
from roadcue.evaluation.text_form import form_table
from roadcue.evaluation.writing import CaptionRun, demonstrations_asked
from roadcue.evaluation.written_texts import TextFile, WrittenText
from roadcue.files import user_path, write_atomic, writing_into
from roadcue.loaders.dataset import RoadDataset
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.comparison import nan_to_none
from roadcue.metrics.resampling import sequence_bootstrap
from roadcue.metrics.score_table import ScoreTable
from roadcue.reports.page import write_report
from roadcue.reports.score_table import score_table
from roadcue.reports.table import print_tables
from roadcue.reports.written_tables import save_tables
from roadcue.sentences import say, show
from roadcue.training.build import limit_said, open_split
from roadcue.training.camera_shares import cameras_said
from roadcue.training.captions.config import CAPTION
from roadcue.training.captions.fine_tuning import clips_said
from roadcue.training.config import TrainConfig
from roadcue.training.run_folder import RunFolder

MEAN_PATH = "mean path"
PREDICTIONS = "predictions.jsonl"
"""The texts, a line for each picture, in the form that `--predictions` reads."""


@torch.no_grad()
def evaluate_captions(config: EvalConfig) -> Frames:
    """Write the texts of a split, print their scores, write metrics.json, frames.parquet and report.html."""
    if config.worst is not None:
        raise BadInput(
            f"--worst shows frames of heads, and {config.run} is a caption run; its texts are in {PREDICTIONS}"
        )
    folder = RunFolder.of(config.run)
    conditions = parse_conditions(config.conditions or FREE)
    options = run_options(folder, config)
    facts = folder.read_facts()
    run = CaptionRun.of(folder, options, config)
    dataset = run.pictures.dataset
    about = [limit_said(options), dataset.description, run.captioner.description, cameras_said(dataset, options)]
    say(*about, clips_said(run.pictures, options))
    out = user_path(config.out) if config.out else folder.path
    with writing_into(out, "free space there, or name another folder with --out"):
        texts, files = {}, []
        for condition in conditions:
            file = _file(config, out, condition)
            written = TextFile(file, run.asked(condition), replace=config.generate is None)
            texts[condition] = run.write(condition, written)
            files.append(file)
        unlike = _unlike(texts)
        frames = _frames(run, texts, unlike, config)
        tables = _tables(run, texts, unlike, frames, config.bootstrap)
        seen = _seeing(run, conditions)
        print_tables([score_table(table, seen) for table in tables])
        heading = run_heading(facts, dataset, run.captioner.description, options)
        if run.detector is not None and unlike is not None:
            heading |= detected(run.detector.detector, float(unlike.mean()))
        numbers = {"run": heading, "sees_image": sorted(seen), "skipped_pictures": len(run.bad)}
        numbers["answers"] = [table.to_json() for table in tables]
        write_atomic(out / "metrics.json", json.dumps(nan_to_none(numbers), indent=1) + "\n")
        frames.write(out / FRAMES)
        report = write_report(
            out / "report.html",
            comparison=None,
            sees_image=seen,
            heading=heading,
            frames=[],
            answers=tables,
            cautions=cautions(dataset, options),
        )
    show(*files, out / "metrics.json", out / FRAMES, report)
    save_tables(tables, seen, csv=config.csv, latex=config.latex)
    return frames


def method_of(condition: Condition) -> str:
    """What the tables call a caption run that is asked under a condition."""
    return CAPTION if condition.name == FREE else f"{CAPTION}, {condition.name}"


def _file(config: EvalConfig, out: Path, condition: Condition) -> Path:
    """Where the texts go: --generate, or beside the numbers; of another condition than the first, under its name."""
    file = user_path(config.generate) if config.generate else out / PREDICTIONS
    return file if condition.name == FREE else file.with_name(f"{file.stem}.{condition.name}{file.suffix}")


def _seeing(run: CaptionRun, conditions: Sequence[Condition]) -> set[str]:
    """The rows of tables that see the image."""
    methods = [method_of(each) for each in conditions if run.sees(each)]
    return {name + row for name in methods for row in ("", ANSWERED)}


def _unlike(texts: Mapping[Condition, Sequence[WrittenText]]) -> np.ndarray | None:
    """(n,) whether a picture is unlike those that were learnt from: as it is, where any condition shows it so.

    None where nothing tells.
    """
    shown = next((each for condition, each in texts.items() if condition.as_they_are), next(iter(texts.values())))
    scores = [text.ood_score for text in shown]
    return None if None in scores else np.array(scores, np.float64) > 1


def _frames(
    run: CaptionRun, texts: Mapping[Condition, Sequence[WrittenText]], unlike: np.ndarray | None, config: EvalConfig
) -> Frames:
    """What is kept of each frame: what the texts answer, and beside it what constants do."""
    data, rows = run.pictures.dataset, run.pictures.rows
    answers: dict[str, Sequence[Answers]] = {
        method_of(condition): [answers_of(text.prediction) for text in each] for condition, each in texts.items()
    }
    learnt = _learnt_from(run.options, data)
    answers |= {name: [each] * len(rows) for name, each in constant_answers(learnt).items()}
    about = {
        **scored_as(run.folder, run.options, config.split or "val"),
        "data": data.description,
        "fingerprint": data.fingerprint,
        "seed": run.options.seed,
        "conditions": [condition.name for condition in texts],
        "sees_image": [method_of(condition) for condition in texts if run.sees(condition)],
        **demonstrations_asked(config),
        "costs": {method_of(condition): asdict(run.cost(condition)) for condition in texts},
    }
    target = run.pictures.target
    points: dict[str, np.ndarray] = {}
    if target == "path":
        points = {method_of(each): points_of([one.prediction for one in said]) for each, said in texts.items()}
        constant = mean_path(learnt.states.future)
        answers[MEAN_PATH] = [answers_of(constant)] * len(rows)
        points[MEAN_PATH] = points_of([constant] * len(rows))
    return caption_frames(data, rows, answers, OF_TARGET.get(target, ()), points, unlike, about)


def _learnt_from(options: TrainConfig, scored: RoadDataset) -> RoadDataset:
    """The training split of the data that are scored, or these themselves where they have no other."""
    try:
        return open_split(options, "train")
    except BadInput:
        return scored


def _tables(
    run: CaptionRun,
    texts: Mapping[Condition, Sequence[WrittenText]],
    unlike: np.ndarray | None,
    frames: Frames,
    bootstrap: Bootstrap,
) -> list[ScoreTable]:
    """The loss, the form of the texts, and what they answer."""
    sequence = frames.columns["sequence"]
    free = next((each for condition, each in texts.items() if condition.name == FREE), None)
    tables = []
    if free is not None:
        loss = np.array([text.loss for text in free], np.float64)
        tables.append(_loss_table(run.pictures.target, loss, unlike, sequence, bootstrap))
    written = {method_of(condition): each for condition, each in texts.items()}
    tables.append(form_table(written, run.pictures.target, sequence, bootstrap))
    lines, truth, _ = run_lines([ScoredRun(CAPTION, run.options, frames)], FramePairs({}, []))
    lines = {name.removesuffix(f" of {CAPTION}"): line for name, line in lines.items()}
    tables += answer_tables(lines, truth, bootstrap)
    return [table.of_seeds(1) for table in tables]


def _loss_table(
    target: str, loss: np.ndarray, unlike: np.ndarray | None, sequence: np.ndarray, bootstrap: Bootstrap
) -> ScoreTable:
    """(n,) nats per token of each picture's text, and of those that are not `unlike` (n,) what was learnt from."""
    rows = {CAPTION: np.ones(len(loss), dtype=bool)}
    meaning = "Mean cross-entropy of each text given its picture; 0 would be a text that is certain."
    if unlike is not None:
        meaning += f" {share_unlike(unlike)}"
        if unlike.any() and not unlike.all():
            rows[CAPTION + ANSWERED] = ~unlike
            meaning += f" {CAPTION}{ANSWERED}: {(~unlike).sum():,} of the {len(loss):,} samples."
    return ScoreTable(
        f"Loss on the {target} texts",
        {"loss": "nats per token"},
        {
            name: {"loss": sequence_bootstrap(loss[those, None], sequence[those], bootstrap)[0]}
            for name, those in rows.items()
        },
        len(loss),
        len(np.unique(sequence)),
        meaning,
        ("loss",),
    )
