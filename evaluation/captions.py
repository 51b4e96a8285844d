"""Score a caption run: its loss on a split's texts, and what it writes, scored as any file of texts."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from rich.console import Console

from roadcue.errors import BadInput
from roadcue.evaluation.answered import ANSWERED, detected, share_unlike
from roadcue.evaluation.config import EvalConfig
from roadcue.evaluation.heading import cautions, run_heading
from roadcue.evaluation.run import run_options
from roadcue.evaluation.texts import PREDICTION, score_predictions
from roadcue.files import user_path, write_atomic, writing_into
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.comparison import nan_to_none
from roadcue.metrics.resampling import sequence_bootstrap
from roadcue.metrics.score_table import ScoreTable
from roadcue.models.captioner import Captioner
from roadcue.models.registry import build_captioner
from roadcue.progress import ProgressLine
from roadcue.reports.page import write_report
from roadcue.reports.score_table import score_table
from roadcue.reports.written_tables import save_tables
from roadcue.training.build import device, limit_said
from roadcue.training.camera_shares import cameras_said
from roadcue.training.captions.detector import CaptionDetector
from roadcue.training.captions.fine_tuning import caption_options, caption_pictures
from roadcue.training.captions.pictures import CaptionPictures
from roadcue.training.captions.targets import instruction_for
from roadcue.training.run_folder import RunFolder
from roadcue.training.steps import InOrder

PREDICTIONS = "predictions.jsonl"
"""The texts, a line for each picture, in the form that `--predictions` reads."""
SEES = {PREDICTION, PREDICTION + ANSWERED}
"""The rows of tables that see the image."""
LABELLED = ("sensation", "sidewalk")
"""Data sets with labels that texts are scored against."""


@torch.no_grad()
def evaluate_captions(config: EvalConfig) -> None:
    """Write the texts of a split, print their scores, write metrics.json and report.html."""
    if config.worst is not None:
        raise BadInput(
            f"--worst shows frames of heads, and {config.run} is a caption run; its texts are in {PREDICTIONS}"
        )
    folder = RunFolder.of(config.run)
    options = run_options(folder, config)
    facts = folder.read_facts()
    captioner = build_captioner(options.encoder, checkpoint=str(folder.model), aspect=options.aspect)
    captioner.to(device(options.device)).eval()
    split = config.split or "val"
    pictures, bad = caption_pictures(options, captioner, caption_options(options), split)
    about = [limit_said(options), pictures.dataset.description, captioner.description]
    about += [cameras_said(pictures.dataset, options)]
    print(*filter(None, about), sep="\n", flush=True)
    out = user_path(config.out) if config.out else folder.path
    with writing_into(out, "free space there, or name another folder with --out"):
        detector = CaptionDetector.of_run(folder.model, options, device(options.device))
        loss, lines, scores = [], [], []
        with ProgressLine("writing captions", len(pictures), "pictures") as advance:
            for row, nats, text, score in _written(captioner, detector, pictures, options.optimization.batch_size):
                loss.append(nats)
                scores.append(score)
                lines.append(json.dumps({"image": _name(pictures, row), "prediction": text}))
                advance()
        write_atomic(out / PREDICTIONS, "".join(f"{line}\n" for line in lines))
        unlike = None if detector is None else np.array(scores) > 1
        tables = [_loss_table(pictures, np.array(loss), unlike, config.bootstrap).of_seeds(1)]
        Console().print(score_table(tables[0], SEES))
        content: dict[str, Any] = {}
        whole = options.split_by == "official" and options.frame_stride == 1 and options.limit is None
        if options.data in LABELLED and whole:
            scored = EvalConfig(
                predictions=str(out / PREDICTIONS),
                data=options.data,
                data_dir=options.data_dir,
                split=split,
                on_bad_record=options.on_bad_record,
                resamples=config.resamples,
                seed=config.seed,
            )
            of_texts, content = score_predictions(scored, out / PREDICTIONS)
            tables += of_texts
        heading = run_heading(facts, pictures.dataset, captioner.description, options)
        if detector is not None and unlike is not None:
            heading |= detected(detector.detector, float(unlike.mean()))
        numbers = {"run": heading, "sees_image": [PREDICTION], "skipped_pictures": len(bad), **content}
        numbers["answers"] = [table.to_json() for table in tables]
        write_atomic(out / "metrics.json", json.dumps(nan_to_none(numbers), indent=1) + "\n")
        report = write_report(
            out / "report.html",
            comparison=None,
            sees_image=SEES,
            heading=heading,
            frames=[],
            answers=tables,
            cautions=cautions(pictures.dataset, options),
        )
    print(f"{out / PREDICTIONS}\n{out / 'metrics.json'}\n{report}")
    save_tables(tables, SEES, csv=config.csv, latex=config.latex)


def _written(
    captioner: Captioner, detector: CaptionDetector | None, pictures: CaptionPictures, batch_size: int
) -> Iterator[tuple[int, float, str, float]]:
    """Of every picture its row in the data set, the loss of its text in nats per token, what is written of it, and
    its OOD score, NaN without a detector.
    """
    prompt = captioner.prompt(instruction_for(pictures.target, captioner))
    for batch in InOrder(pictures, batch_size):
        visual = captioner.encode(batch["pixels"])
        texts = [written.text for written in captioner.generate(visual, prompt)]
        scores = [np.nan] * len(texts) if detector is None else detector(batch["pixels"]).tolist()
        for row, seen, text, score in zip(batch["rows"].tolist(), visual, texts, scores, strict=True):
            target = captioner.batch(seen[None], prompt, [pictures.text(row)])
            yield row, float(captioner.loss(target)), text, score


def _name(pictures: CaptionPictures, row: int) -> str:
    return f"{pictures.dataset.states.id[row]}.jpg"


def _loss_table(
    pictures: CaptionPictures, loss: np.ndarray, unlike: np.ndarray | None, bootstrap: Bootstrap
) -> ScoreTable:
    """(n,) nats per token of each picture's text, and of those that are not `unlike` (n,) what was learnt from."""
    sequence = pictures.dataset.states.sequence[pictures.rows]
    rows = {PREDICTION: np.ones(len(loss), dtype=bool)}
    meaning = "Mean cross-entropy of each text given its picture; 0 would be a text that is certain."
    if unlike is not None:
        meaning += f" {share_unlike(unlike)}"
        if unlike.any() and not unlike.all():
            rows[PREDICTION + ANSWERED] = ~unlike
            meaning += f" {PREDICTION}{ANSWERED}: {(~unlike).sum():,} of the {len(loss):,} samples."
    return ScoreTable(
        f"Loss on the {pictures.target} texts",
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
