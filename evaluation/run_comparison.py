"""Several runs on the frames that they have in common: in pairs, each minus the first.

Runs that differ in their seed alone are one row, the mean over the seeds, with an interval over seeds and sequences.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from rich.table import Table

from roadcue.errors import BadInput
from roadcue.evaluation.answer_comparison import compare_answers
from roadcue.evaluation.captions import evaluate_captions
from roadcue.evaluation.conditions import FREE, parse_conditions
from roadcue.evaluation.config import OF_CAPTION_RUNS, EvalConfig
from roadcue.evaluation.cost import head_costs
from roadcue.evaluation.frame_pairs import FramePairs, ScoredRun, pair_frames
from roadcue.evaluation.frames import FRAMES, RFS, Frames, scored_as
from roadcue.evaluation.run import evaluate_run, run_options
from roadcue.evaluation.seed_groups import by_setting, run_names, setting_of
from roadcue.evaluation.worst_frames import most_different
from roadcue.evaluation.writing import demonstrations_asked
from roadcue.metrics.bootstrap import Bootstrap, Interval
from roadcue.metrics.resampling import difference_between, sequence_bootstrap
from roadcue.metrics.score_table import ScoreTable
from roadcue.reports.displacement_table import COLUMNS
from roadcue.reports.frame_table import frame_table
from roadcue.reports.score_table import score_table
from roadcue.reports.table import print_tables
from roadcue.reports.written_tables import save_tables
from roadcue.sentences import say, show
from roadcue.training.run_folder import RunFolder

_SHOWN = 10
"""Frames on which two runs disagree most."""
_DIFFERENCE = "difference"
_SHARES = {"right", "miss_rate"}
"""The figures that are shown as percentages."""


def compare_runs(config: EvalConfig) -> None:
    """Print tables of the runs `config.run` and `config.against` on common frames, and where they disagree most.

    With a caption run among them, or a file of texts, they are the tables of `answer_comparison`. A run without
    frames of the split is scored first. BadInput where no other run has a head of the first one.
    """
    paths = [config.run, *config.against]
    texts = config.predictions is not None or any(run_options(RunFolder.of(path), config).captions for path in paths)
    if config.out is not None and not texts:
        raise BadInput("--out is a folder for one run; several runs of heads are scored into their own folders")
    scored = [_scored(path, name, config) for path, name in zip(paths, run_names(paths), strict=True)]
    if texts:
        compare_answers([_with_costs(run, path, config) for run, path in zip(scored, paths, strict=True)], config)
        return
    runs = by_setting(scored)
    _check_heads(runs)
    pairs = pair_frames(runs)
    say(*pairs.said)
    tables = run_tables(runs, pairs, config.bootstrap)
    if not tables:
        raise BadInput("no frame that the runs have in common has what could be scored: a log, or labels")
    sees_image = {run.name for run in runs if run.frames.about["sees_image"]}
    if len(runs) == 1:
        sees_image = set(runs[0].frames.about["sees_image"])
    print_tables([*(score_table(each, sees_image) for each in tables), *_disagreements(runs, pairs, config.worst)])
    save_tables(tables, sees_image, csv=config.csv, latex=config.latex)


def _disagreements(runs: Sequence[ScoredRun], pairs: FramePairs, shown: int | None) -> Iterator[Table]:
    """A table of frames for each run beside the first one and each head that both have."""
    reference = runs[0]
    for place, rows in pairs.rows.items():
        other, first = runs[place], np.flatnonzero(rows >= 0)
        for head in [head for head in reference.methods if head in other.methods]:
            lines = most_different(reference.frames, first, other.frames, rows[first], head, shown or _SHOWN)
            title = f"Where the {head} heads of {reference.name} and {other.name} disagree most"
            if reference.others or other.others:
                title += ", of several seeds the first"
            yield frame_table(title, [reference.name, other.name], lines)


def _scored(path: str, name: str, config: EvalConfig) -> ScoredRun:
    """The run with the frames that it has kept, or scored now where these are others or none."""
    folder = RunFolder.of(path)
    options = run_options(folder, config)
    file, wanted = folder.path / FRAMES, scored_as(folder, options, config.split or "val")
    asked = parse_conditions(config.conditions or FREE) if options.captions else []
    if any(condition.few_shot for condition in asked):
        wanted |= demonstrations_asked(config)
    if file.exists():
        frames = Frames.read(file)
        same = all(frames.about.get(key) == value for key, value in wanted.items())
        if same and {each.name for each in asked} <= set(frames.about.get("conditions", ())):
            show(f"{name}: {file}, {len(frames):,} frames of {frames.about['data']}")
            return ScoredRun(name, options, frames, setting_of(folder, options))
    show(f"{name}: has no {FRAMES} of what is asked for, so it is scored first; see {folder.output}")
    with open(folder.output, "a", encoding="utf-8") as output, redirect_stdout(output):
        alone = replace(config, run=path, against=[], worst=None, csv=None, latex=None, out=None, predictions=None)
        frames = evaluate_captions(alone) if options.captions else evaluate_run(_of_heads(alone))
    return ScoredRun(name, options, frames, setting_of(folder, options))


def _of_heads(config: EvalConfig) -> EvalConfig:
    """Without the options that are of captioners."""
    none: dict[str, Any] = dict.fromkeys(OF_CAPTION_RUNS)
    return replace(config, **none)


def _with_costs(run: ScoredRun, path: str, config: EvalConfig) -> ScoredRun:
    """With what the answers of a run of heads cost, here and now; a caption run has kept what its texts did."""
    if run.options.captions:
        return run
    costs = head_costs(RunFolder.of(path), run.options, config.split or "val")
    about = {**run.frames.about, "costs": {head: asdict(cost) for head, cost in costs.items()}}
    return replace(run, frames=replace(run.frames, about=about))


def _check_heads(runs: Sequence[ScoredRun]) -> None:
    """BadInput when no other run has a head of the first; a line for each head that is not compared."""
    first = runs[0]
    for other in runs[1:]:
        heads = [", ".join(run.methods) for run in (first, other)]
        if first.methods.keys().isdisjoint(other.methods):
            raise BadInput(
                f"{first.name} and {other.name} have no head in common ({heads[0]}; {heads[1]}), so there is nothing "
                "to compare; name runs with the same --head"
            )
        if first.methods.keys() != other.methods.keys():
            show(f"{other.name} has the heads {heads[1]}, and {first.name} {heads[0]}: compared is what both have")


def run_tables(runs: Sequence[ScoredRun], pairs: FramePairs, bootstrap: Bootstrap) -> list[ScoreTable]:
    """A table of each head on the frames that all runs with it have in common; then those of each run without any."""
    tables = []
    for head in runs[0].methods if pairs.rows else ():
        others = [place for place in pairs.rows if head in runs[place].methods]
        if others:
            common = np.flatnonzero((np.stack([pairs.rows[place] for place in others]) >= 0).all(axis=0))
            lines = _lines(runs[0], common, head)
            beside = {runs[place].name: (runs[place], pairs.rows[place][common], head) for place in others}
            tables += _tables_of(head, {runs[0].name: lines.pop(runs[0].name), **beside, **lines}, "", bootstrap)
    for place, run in enumerate(runs):
        if place not in pairs.rows and (place or not pairs.rows):
            for head in run.methods:
                lines = _lines(run, np.arange(len(run.frames)), head)
                about = f"{run.name} alone"
                if len(runs) == 1:  # there is no other run to tell its methods from
                    lines, about = {line[2]: line for line in lines.values()}, run.name
                tables += _tables_of(head, lines, f", {about}", bootstrap)
    return tables


Line = tuple[ScoredRun, np.ndarray, str]
"""A run, the rows of its frames that count, and the method."""


def _lines(run: ScoredRun, rows: np.ndarray, head: str) -> dict[str, Line]:
    """A run's head, then what it is compared with."""
    names = {method: f"{method} of {run.name}" for method in run.methods[head]} | {head: run.name}
    return {name: (run, rows, method) for method, name in names.items()}


def _tables_of(head: str, lines: Mapping[str, Line], about: str, bootstrap: Bootstrap) -> list[ScoreTable]:
    """One of paths, or one for each question that all lines have answered."""
    run, rows, _ = next(iter(lines.values()))
    frames = run.frames
    sequence = frames.columns["sequence"][rows]
    if f"{head}:ade_5s" in frames.columns:
        columns = {metric: title for metric, title in COLUMNS.items() if _all_have(lines, metric)}
        tables = _table(f"Displacement against the log{about}", lines, "", columns, "ade_5s", sequence, bootstrap)
        if _all_have(lines, RFS):
            title = f"Against raters: feedback score, 0 to 10{about}"
            tables += _table(title, lines, "", {RFS: "RFS over frames"}, RFS, sequence, bootstrap)
        return tables
    tables = []
    for question in frames.about["questions"][head]:
        if _all_have(lines, f"{question}:right"):
            columns = {"right": "right"}
            if f"{head}:{question}:set_size" in frames.columns:
                columns["set_size"] = "answers in the set"
            title = f"{question.capitalize()}{about}"
            tables += _table(title, lines, f"{question}:", columns, "right", sequence, bootstrap)
    return tables


def _all_have(lines: Mapping[str, Line], column: str) -> bool:
    return all(f"{method}:{column}" in run.frames.columns for run, _, method in lines.values())


def _table(
    title: str,
    lines: Mapping[str, Line],
    prefix: str,
    columns: Mapping[str, str],
    headline: str,
    sequence: np.ndarray,
    bootstrap: Bootstrap,
) -> list[ScoreTable]:
    """The means of the columns, and the difference of the headline to the first line, where all lines have it.

    None where no row has the truth of all lines.
    """
    place = [*columns].index(headline)
    values = {name: _values(line, [prefix + key for key in columns]) for name, line in lines.items()}
    known = ~np.isnan(np.concatenate([each[:, :, place] for each in values.values()])).any(axis=0)
    if not known.any():
        return []
    values, sequence = {name: each[:, known] for name, each in values.items()}, sequence[known]
    points = 100 if headline in _SHARES else 1
    first, *others = values
    means = {name: _means(each, sequence, bootstrap) for name, each in values.items()}
    methods = {name: dict(zip(columns, each, strict=True)) for name, each in means.items()}
    for name in others:
        compared, reference = (points * values[which][:, :, place] for which in (name, first))
        if lines[name][0] is lines[first][0] or len(compared) == len(reference) == 1:
            (gap,) = _means((compared - reference)[:, :, None], sequence, bootstrap)
        else:
            gap = difference_between(compared, reference, sequence, bootstrap)
        methods[name][_DIFFERENCE] = gap
    shown = {**columns, _DIFFERENCE: f"Δ {columns[headline]}" + (" (points)" if points == 100 else "")}
    return [
        ScoreTable(
            title,
            shown,
            methods,
            len(sequence),
            len(np.unique(sequence)),
            f"Δ: minus {first!r}, in pairs on the same frames, * where the interval leaves out zero.",
            plain=columns.keys() - _SHARES,
            signed=(_DIFFERENCE,),
            training_seeds={name: len(each) for name, each in values.items()},
        )
    ]


def _values(line: Line, columns: Sequence[str]) -> np.ndarray:
    """(k, n, m) what the method has in each column, of each of k trainings."""
    run, rows, method = line
    return np.stack(
        [
            np.column_stack([frames.columns[f"{method}:{column}"][rows] for column in columns])
            for frames in run.trainings
        ]
    )


def _means(values: np.ndarray, sequence: np.ndarray, bootstrap: Bootstrap) -> list[Interval]:
    """Of (k, n, m) values of k trainings, the mean of each column with its interval over seeds and sequences."""
    seeds = len(values)
    rows = values.reshape(-1, values.shape[2])
    return sequence_bootstrap(rows, np.tile(sequence, seeds), replace(bootstrap, training_seeds=seeds))
