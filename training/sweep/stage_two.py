"""Sweeps of a stage two: each setting beside stage one and beside the control, stage one trained for as many steps.

Its runs encode pictures in every step and end with an encoder of their own, so they share no features.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import yaml

from roadcue.command_line import parse_file
from roadcue.files import write_atomic
from roadcue.heads.multi_head import MultiHeadModel
from roadcue.metrics.comparison import nan_to_none
from roadcue.reports.unfreezing import Unfrozen, unfreezing_plot, unfreezing_table
from roadcue.sentences import show
from roadcue.terminal_table import print_table
from roadcue.training.build import encoder_of_run, open_split
from roadcue.training.captions.config import CAPTION
from roadcue.training.config import CAPTION_LORA_DEFAULTS, TrainConfig
from roadcue.training.extraction import stored_split
from roadcue.training.heads.batches import StoredSplit, labels_of
from roadcue.training.heads.predictions import predict
from roadcue.training.run_folder import RunFolder
from roadcue.training.stage_two.config import LORA
from roadcue.training.sweep.scores import RunScores
from roadcue.training.sweep.unfreezing import Figure, Setting, figures_of, spent_of, unfrozen

CONTROL = {"stage": "heads"}
"""The settings of a control, beside those swept options that are not of an encoder which learns."""
STAGE_ONE, UNFREEZING = "stage one", "unfreezing.json"
_OF_ENCODER = ("stage", "accumulate", "gradient_checkpointing", "encoder_lr", "quantize", LORA)


def text_for(stage: str, config_text: str) -> str:
    """The YAML of runs of a stage, out of that of runs of perhaps another: without what only the other has.

    Also without the rate and the decay of adapters in a captioner, where they are the defaults, as others have their
    own.
    """
    options = yaml.safe_load(config_text)
    before = options.get("stage")
    if stage == before:
        return config_text
    captions, control = options.get("head") == CAPTION, stage == CONTROL["stage"]
    left_out = {*_OF_ENCODER} if control else {LORA, "quantize"}
    if captions:
        left_out -= {"accumulate", "gradient_checkpointing"}  # which all captioners have that learn
    if captions and before == LORA:
        left_out |= {name for name, value in CAPTION_LORA_DEFAULTS.items() if options.get(name) == value}
    return str(yaml.safe_dump({name: value for name, value in options.items() if name not in left_out}))


def controls(config_text: str, combinations: Iterable[Mapping[str, str]]) -> tuple[str, list[dict[str, str]]]:
    """The YAML of a control, and the settings of as many as there are combinations of other swept options."""
    different = {str(shared := _shared(settings)): {**shared, **CONTROL} for settings in combinations}
    return text_for(CONTROL["stage"], config_text), [*different.values()]


def scored_run(
    folder: RunFolder, name: str, settings: Mapping[str, str], command: str, plugins: Sequence[str] = ()
) -> tuple[RunScores, StoredSplit]:
    """A finished run on the validation rows, with the features that its own encoder gives; and these rows."""
    options = parse_file(TrainConfig, folder.config, plugins)
    model = MultiHeadModel.from_pretrained(folder.model).eval()
    data, encoder = open_split(options, "val"), encoder_of_run(folder, options)
    labels = labels_of(data, model.heads.values())
    val = stored_split(data, encoder, options, frames_back=options.frames_back, labels=labels).learnable(model)
    scores = RunScores.of(
        model,
        predict(model, val),
        val,
        options.head_names,
        name=name,
        settings=dict(settings),
        seed=options.seed,
        command=command,
        seconds=float(folder.read_facts()["seconds"]),
    )
    return scores, val


class Reference(Protocol):
    """A run that others go on from, as it answers the validation rows."""

    @property
    def folder(self) -> RunFolder:
        """Where it is."""
        ...

    @property
    def scores(self) -> RunScores:
        """What it answers."""
        ...

    @property
    def figures(self) -> Mapping[str, Sequence[Figure]]:
        """Head -> what it is judged by."""
        ...

    @property
    def sequence(self) -> np.ndarray:
        """(n,) names of the rows' sequences."""
        ...


@dataclass(frozen=True)
class StageOne:
    """The run that a stage two goes on from, as it answers the validation rows `val`."""

    folder: RunFolder
    scores: RunScores
    val: StoredSplit

    @classmethod
    def of(cls, run: str, plugins: Sequence[str]) -> "StageOne":
        """BadInput where there is no such run, or its validation rows cannot be read."""
        folder = RunFolder.of(run)
        return cls(folder, *scored_run(folder, STAGE_ONE, {}, "", plugins))

    @property
    def figures(self) -> dict[str, list[Figure]]:
        """Head -> what it is judged by."""
        model = MultiHeadModel.from_pretrained(self.folder.model).eval()
        return {head: figures_of(model.heads[head], self.val.targets) for head in self.scores.answers}

    @property
    def sequence(self) -> np.ndarray:
        """(n,) names of the rows' sequences."""
        return self.val.sequence


def conclude(first: Reference, runs: Sequence[tuple[RunFolder, RunScores]], out: Path) -> None:
    """Print a table of each figure of each head, and write unfreezing.json and a plot of each into `out`.

    `runs`: the controls, and all that is compared with stage one and with them.
    """
    written = []
    for shared in {str(_shared(run.settings)): _shared(run.settings) for _, run in runs}.values():
        by_setting: dict[str, list[tuple[RunFolder, RunScores]]] = {}
        for folder, run in runs:
            if _shared(run.settings) == shared:
                by_setting.setdefault(_setting_name(run.settings), []).append((folder, run))
        for figure, lines in compared(first, by_setting):
            about = "".join(f", {option}={value}" for option, value in shared.items())
            print_table(unfreezing_table(f"{figure.column}{about}", figure.column, lines, share=figure.share))
            show("")
            name = "-".join([figure.name, *(re.sub("[^A-Za-z0-9]+", "-", value) for value in shared.values())])
            write_atomic(out / f"unfreezing-{name}.svg", unfreezing_plot(name, figure.column, lines))
            written.append({"figure": figure.column, "settings": shared, "lines": [asdict(line) for line in lines]})
    write_atomic(out / UNFREEZING, json.dumps(nan_to_none({"figures": written}), indent=1) + "\n")
    show(out / UNFREEZING)


def compared(
    first: Reference, by_setting: Mapping[str, Sequence[tuple[RunFolder, RunScores]]]
) -> Iterator[tuple[Figure, list[Unfrozen]]]:
    """Each figure of each head, with a line for stage one and for each setting, of which the first is the control.

    All have answered the same rows.
    """
    groups = {STAGE_ONE: [(first.folder, first.scores)], **by_setting}
    for head, figures in first.figures.items():
        settings = [
            Setting(
                name,
                [run.answers[head][head] for _, run in of],
                [spent_of(folder.read_facts()) for folder, _ in of],
            )
            for name, of in groups.items()
        ]
        for figure in figures:
            yield figure, unfrozen(figure, settings, first.sequence)


def _setting_name(settings: Mapping[str, str]) -> str:
    """What a line of the table is called."""
    if settings.get("stage") == CONTROL["stage"]:
        return "control"
    own = (f"{option}={value}" for option, value in settings.items() if option not in _shared(settings))
    return "\n".join(own) or "as given"


def _shared(settings: Mapping[str, str]) -> dict[str, str]:
    """Those settings that a control has as well."""
    return {option: value for option, value in settings.items() if option.partition(".")[0] not in _OF_ENCODER}
