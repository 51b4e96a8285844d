"""Score a caption run: what its captioner writes of the pictures of a split, as a file of texts and its scores."""

import json
from pathlib import Path

import torch
from rich.console import Console

from roadcue.evaluation.config import EvalConfig
from roadcue.evaluation.run import cautions, run_heading, run_options
from roadcue.evaluation.texts import score_texts
from roadcue.files import write_whole, writing_into
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.models.captioner import Captioner
from roadcue.models.registry import build_captioner
from roadcue.progress import ProgressLine
from roadcue.reports.page import write_report
from roadcue.training.build import device
from roadcue.training.captions.fine_tuning import InOrder, caption_options, caption_pictures
from roadcue.training.config import TrainConfig
from roadcue.training.run_folder import RunFolder

PREDICTIONS = "predictions.jsonl"
"""The texts, a line for each picture, in the form that `--predictions` reads."""


def load_captioner(folder: RunFolder, options: TrainConfig) -> Captioner:
    """The captioner that a finished caption run has left, in evaluation mode."""
    captioner = build_captioner(options.encoder, checkpoint=str(folder.model), aspect=options.aspect)
    captioner.eval()
    return captioner.to(device(options.device))


def evaluate_captions(config: EvalConfig) -> None:
    """Write the texts of a split, print their scores, write metrics.json and report.html."""
    folder = RunFolder.of(config.run)
    options = run_options(folder, config)
    facts = folder.read_facts()
    captioner = load_captioner(folder, options)
    pictures, bad = caption_pictures(options, captioner, caption_options(options), config.split or "val")
    print(pictures.dataset.description, captioner.description, sep="\n", flush=True)
    out = Path(config.out) if config.out else folder.path
    with writing_into(out, "free space there, or name another folder with --out"):
        rows, texts = [], []
        batches = InOrder(pictures, options.optimization.batch_size)
        with ProgressLine("writing captions", len(pictures), "pictures") as advance, torch.no_grad():
            for batch in batches:
                rows += batch["rows"].tolist()
                texts += captioner.generate(batch["pixels"], captioner.instruction)
                advance(len(batch["rows"]))
        names = [str(pictures.dataset.states.id[row]) for row in rows]
        lines = (json.dumps({"image": name, "prediction": text}) for name, text in zip(names, texts, strict=True))
        write_whole(out / PREDICTIONS, "".join(f"{line}\n" for line in lines))
        bootstrap = Bootstrap(config.resamples, config.seed)
        tables, content = score_texts(pictures, rows, texts, bootstrap, Console())
        heading = run_heading(facts, pictures.dataset, captioner.description, options)
        numbers = {"run": heading, "skipped": len(bad), "sees_image": ["prediction"], **content}
        write_whole(out / "metrics.json", json.dumps(numbers, indent=1) + "\n")
        report = write_report(
            out / "report.html",
            comparison=None,
            sees_image={"prediction"},
            heading=heading,
            scenes=[],
            answers=tables,
            cautions=cautions(pictures.dataset, options),
        )
    print(f"{out / PREDICTIONS}\n{out / 'metrics.json'}\n{report}")
