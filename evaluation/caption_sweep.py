"""Sweeps of caption runs: each is trained, writes the texts of the validation pictures, and is judged by its claims.

`python train.py --head caption --stage lora --from runs/CAPTIONS --sweep lora.rank=8,32 --seeds 3`

A stage two stands beside the caption run that it went on from, and beside the control: that run fine-tuned as its
family is, for as many more steps.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from roadcue.command_line import parse_file
from roadcue.evaluation.caption_frames import targets_of
from roadcue.evaluation.captions import PREDICTIONS
from roadcue.evaluation.claimed_answers import MENTIONED, OF_TARGET, answers_of, field_answers
from roadcue.evaluation.conditions import FREE, Condition
from roadcue.evaluation.config import EvalConfig
from roadcue.evaluation.writing import CaptionRun
from roadcue.evaluation.written_texts import TextFile
from roadcue.files import write_atomic, writing_into
from roadcue.heads.head import Arrays
from roadcue.metrics.comparison import nan_to_none
from roadcue.reports.unfreezing import unfreezing_table
from roadcue.sentences import show
from roadcue.terminal_table import print_table
from roadcue.training.captions.config import CAPTION
from roadcue.training.captions.fine_tuning import train_captions
from roadcue.training.checkpoints import GO_ON
from roadcue.training.config import TrainConfig
from roadcue.training.run_folder import RunFolder
from roadcue.training.sweep.results import JSON, as_json, caution
from roadcue.training.sweep.run import SweepRun
from roadcue.training.sweep.scores import RunScores
from roadcue.training.sweep.stage_two import STAGE_ONE, UNFREEZING, conclude
from roadcue.training.sweep.sweep import asked_runs, check_failed, stop_said, trained
from roadcue.training.sweep.unfreezing import Figure, Setting, spent_of, text_figures, unfrozen


def sweep_captions(config: TrainConfig, config_text: str) -> None:
    """Train what is not trained yet, have the texts written, print a table of each figure, write sweep.json.

    Of a part (`--sweep_part`) there is no table. BadInput as from `training.sweep.sweep.sweep`.
    """
    folder, runs = asked_runs(config, config_text)
    with writing_into(folder, GO_ON), stop_said(folder):
        done, failed = trained(runs, [written_and_scored] * len(runs), folder, config.workers)
        if config.sweep_part is None and done:
            scores = [scored for _, scored in done]
            write_atomic(folder / JSON, as_json({}, scores, failed))
            if config.from_run is not None:
                first = CaptionReference.of(config.from_run, folder / STAGE_ONE.replace(" ", "_"), config.plugin)
                conclude(first, [(run.folder, scored) for run, scored in done], folder)
            else:
                _compare(done, folder)
            show(caution({}, scores), *(scored.command for scored in scores), folder / JSON)
    check_failed(failed, len(runs), folder)


def written_and_scored(run: SweepRun) -> RunScores:
    """One training of a sweep, unless it is finished, and what its texts claim."""
    train_captions(run.config, run.config_text, run.command)
    return claimed(_opened(run.folder, run.config.plugin), run.folder.path, run.name, run.settings, run.command)


def claimed(run: CaptionRun, out: Path, name: str, settings: Mapping[str, str], command: str) -> RunScores:
    """What the texts of a run claim of the validation pictures.

    The texts are those of eval.py: ones that lie in `out` are not written again.
    """
    free = Condition(FREE)
    texts = run.write(free, TextFile(out / PREDICTIONS, run.asked(free), replace=True))
    losses = np.array([text.loss for text in texts], np.float64)
    answers: Arrays = {**field_answers([answers_of(text.prediction) for text in texts]), "loss": losses}
    return RunScores(
        name=name,
        settings=dict(settings),
        seed=run.options.seed,
        command=command,
        seconds=float(run.folder.read_facts()["seconds"]),
        answers={CAPTION: {CAPTION: answers}},
        tables={},
    )


@dataclass(frozen=True)
class CaptionReference:
    """The caption run that a stage two goes on from, as it writes of the validation pictures."""

    folder: RunFolder
    scores: RunScores
    figures: Mapping[str, Sequence[Figure]]
    sequence: np.ndarray

    @classmethod
    def of(cls, run: str, out: Path, plugins: Sequence[str]) -> "CaptionReference":
        """Its texts go into `out`; BadInput where there is no such run, or its pictures cannot be read."""
        out.mkdir(parents=True, exist_ok=True)
        folder = RunFolder.of(run)
        opened = _opened(folder, plugins)
        scores = claimed(opened, out, STAGE_ONE, {}, "")
        return cls(folder, scores, {CAPTION: _figures(opened)}, _sequence(opened))


def _opened(folder: RunFolder, plugins: Sequence[str]) -> CaptionRun:
    options = parse_file(TrainConfig, folder.config, plugins)
    return CaptionRun.of(folder, options, EvalConfig(run=str(folder.path)))


def _figures(run: CaptionRun) -> list[Figure]:
    """What the texts of such a run are judged by."""
    targets = targets_of(run.pictures.dataset, run.pictures.rows)
    return text_figures(targets, MENTIONED, OF_TARGET.get(run.pictures.target, ()))


def _sequence(run: CaptionRun) -> np.ndarray:
    """(n,) names of the pictures' sequences."""
    return run.pictures.dataset.states.sequence[run.pictures.rows]


def _compare(done: Sequence[tuple[SweepRun, RunScores]], out: Path) -> None:
    """A table of each figure, in which no setting is what others are compared with; and `unfreezing.json` of them."""
    first = _opened(done[0][0].folder, done[0][0].config.plugin)
    by_setting: dict[str, list[tuple[SweepRun, RunScores]]] = {}
    for run, scored in done:
        name = "\n".join(f"{option}={value}" for option, value in run.settings.items())
        by_setting.setdefault(name or "as given", []).append((run, scored))
    settings = [
        Setting(
            name,
            [scored.answers[CAPTION][CAPTION] for _, scored in of],
            [spent_of(run.folder.read_facts()) for run, _ in of],
        )
        for name, of in by_setting.items()
    ]
    written = []
    for figure in _figures(first):
        lines = unfrozen(figure, settings, _sequence(first), alone=True)
        print_table(unfreezing_table(figure.column, figure.column, lines, share=figure.share))
        written.append({"figure": figure.column, "settings": {}, "lines": [asdict(line) for line in lines]})
    write_atomic(out / UNFREEZING, json.dumps(nan_to_none({"figures": written}), indent=1) + "\n")
    show(out / UNFREEZING)
