"""Runs that differ in their training seed alone: together they are one row of a table."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from roadcue.errors import BadInput
from roadcue.evaluation.frame_pairs import ScoredRun
from roadcue.files import read_text, user_path
from roadcue.options_as_text import flat
from roadcue.training.config import TrainConfig
from roadcue.training.learnt_from import PROBE
from roadcue.training.run_folder import FREE_TO_CHANGE, RunFolder, data_parts
from roadcue.training.sweep.results import JSON

_SEED = re.compile(r"[-/]seed\d+$")
"""How the name of a run of a sweep ends."""


def run_paths(path: str) -> list[str]:
    """The runs of a sweep's folder in the order in which they were asked for, or the one run that a path names.

    BadInput where none of a sweep's runs is finished.
    """
    folder = user_path(path)
    if RunFolder(folder).config.exists() or not (folder / JSON).exists():
        return [path]
    try:
        names = [str(run["name"]) for run in json.loads(read_text(folder / JSON))["runs"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{folder / JSON}: cannot be read ({error!r}); run the sweep again, with --resume auto"
        ) from error
    if not names:
        raise BadInput(f"{folder}: none of the sweep's runs is finished; run it again, with --resume auto")
    return [str(Path(path) / name) for name in names]


def run_names(paths: Sequence[str]) -> list[str]:
    """What the tables call runs: their folders' names, the sweep's before a mere seed's; paths where two agree."""
    folders = [user_path(path).resolve() for path in paths]
    names = [f"{each.parent.name}/{each.name}" if _SEED.match(f"/{each.name}") else each.name for each in folders]
    return names if len(set(names)) == len(names) else list(paths)


def setting_of(folder: RunFolder, options: TrainConfig) -> str:
    """All that decided a run's training but its seed, as text: options, data, and the encoder's weights."""
    facts = folder.read_facts()
    decided = {name: str(value) for name, value in flat(options).items() if name not in ("seed", *FREE_TO_CHANGE)}
    encoder = {name: part for name, part in facts["encoder_parts"].items() if name != PROBE}
    return json.dumps([decided, data_parts(folder), encoder], sort_keys=True)


def by_setting(runs: Sequence[ScoredRun]) -> list[ScoredRun]:
    """The runs that differ in their seed alone joined to one, in the place of the first of them.

    They must have been scored on the same rows. Two of one seed are no two seeds: the second begins another row.
    """
    groups: list[list[ScoredRun]] = []
    for run in runs:
        fitting = (group for group in groups if _fits(run, group))
        group = next(fitting, None)
        if group is None:
            groups.append([run])
        else:
            group.append(run)
    return [_joined(group) for group in groups]


def _fits(run: ScoredRun, group: Sequence[ScoredRun]) -> bool:
    first = group[0]
    return (
        run.setting == first.setting != ""
        and run.options.seed not in {other.options.seed for other in group}
        and all(np.array_equal(run.frames.columns[key], first.frames.columns[key]) for key in ("id", "sequence"))
    )


def _joined(group: Sequence[ScoredRun]) -> ScoredRun:
    """One of several seeds is named as the sweep has named its setting, or else after its first run."""
    first = group[0]
    if len(group) == 1:
        return first
    name = f"{_SEED.sub('', first.name)} ({len(group)} seeds)"
    return replace(first, name=name, others=tuple(run.frames for run in group[1:]))
