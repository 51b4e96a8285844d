"""Many trainings over the same stored features: every combination of the swept options with every seed."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from itertools import product
from pathlib import Path

from roadcue.command_line import override
from roadcue.errors import BadInput
from roadcue.files import write_atomic, writing_into
from roadcue.heads.head import Head
from roadcue.heads.multi_head import MultiHeadModel
from roadcue.heads.registry import head_class
from roadcue.models.encoder import Encoder
from roadcue.option_values import part_of_whole
from roadcue.options_as_text import words_of
from roadcue.preemption import Stopped
from roadcue.progress import ProgressLine
from roadcue.sentences import show
from roadcue.terminal_table import print_table
from roadcue.training.build import build_run_encoder
from roadcue.training.checkpoints import GO_ON
from roadcue.training.config import TrainConfig
from roadcue.training.extraction_config import EncoderOptions, ExtractionOptions
from roadcue.training.heads.batches import StoredSplit
from roadcue.training.heads.fitting import build_model, stored_splits
from roadcue.training.heads.splits import StoredSplits
from roadcue.training.ranks import Ranks
from roadcue.training.run_folder import FREE_TO_CHANGE, RunFolder, is_finished, named_folder
from roadcue.training.sweep.results import CSV, JSON, Results, as_csv, as_json, caution, results_table, run_said
from roadcue.training.sweep.run import SweepRun, Work, on_pictures, on_stored_features, outcomes
from roadcue.training.sweep.scores import RunScores, SettingScores, setting_scores
from roadcue.training.sweep.stage_two import CONTROL, StageOne, conclude, controls, text_for
from roadcue.training.trainer import check_logger

FIXED = ("config", "sweep", "seeds", "seed", "sweep_part", *FREE_TO_CHANGE)
"""Options that no sweep goes through: they change no setting, or `--seeds` is for them."""


def sweep(config: TrainConfig, config_text: str) -> None:
    """Train what is not trained yet, print a table of each head, write sweep.json and sweep.csv.

    Of a part (`--sweep_part`) there is no table.
    BadInput when a setting does not fit, before anything is read or trained, and when a run has failed, after all.
    """
    folder, runs = asked_runs(config, config_text)
    splits = _splits(runs, folder) if config.from_run is None else {}
    work: list[Work] = [
        partial(on_stored_features, splits=splits[_decides_splits(run.config)]) if splits else on_pictures
        for run in runs
    ]
    with writing_into(folder, GO_ON), stop_said(folder):
        done, failed = trained(runs, work, folder, config.workers)
        if config.sweep_part is None:
            if config.from_run is None:
                _conclude(done, lambda config: splits[_decides_splits(config)].val, failed, folder)
            else:
                first = StageOne.of(config.from_run, config.plugin)
                _conclude(done, lambda _: first.val, failed, folder)
                conclude(first, [(run.folder, scored) for run, scored in done], folder)
    check_failed(failed, len(runs), folder)


def asked_runs(config: TrainConfig, config_text: str) -> tuple[Path, list[SweepRun]]:
    """The folder of a sweep, and its runs, or those of its part; BadInput for what cannot be swept."""
    check_logger(config.logger)
    if (count := Ranks.of_environment().count) > 1:
        raise BadInput(f"{count} processes: each run of a sweep takes one; start one, or several with --sweep_part")
    folder = named_folder(config.run_dir, config.run_name)
    runs = planned(config, config_text, folder)
    if config.sweep_part is not None:
        part, parts = part_of_whole("sweep_part", config.sweep_part)
        runs = runs[part - 1 :: parts]
    return folder, runs


def trained(
    runs: Sequence[SweepRun], work: Sequence[Work], folder: Path, workers: int
) -> tuple[list[tuple[SweepRun, RunScores]], dict[str, str]]:
    """Each run with its scores, in order, and of those that failed the reason, by name."""
    finished = sum(is_finished(run.folder, run.config) for run in runs)
    show(f"{len(runs)} runs, of which {finished} are finished; {max(1, workers)} at a time")
    scores: dict[str, RunScores] = {}
    failed: dict[str, str] = {}
    with ProgressLine("training", len(runs), "runs") as advance:
        for run, outcome in outcomes(list(zip(runs, work, strict=True)), workers):
            if isinstance(outcome, str):
                failed[run.name] = outcome
                show(f"{run.name} failed: {outcome}")
            else:
                scores[run.name] = outcome
                show(f"{run.name}: {run_said(outcome) or 'done'}")
            advance()
    return [(run, scores[run.name]) for run in runs if run.name in scores], failed


def check_failed(failed: Mapping[str, str], count: int, folder: Path) -> None:
    """BadInput where some of so many runs have failed."""
    if failed:
        name, reason = next(iter(failed.items()))
        raise BadInput(
            f"{len(failed)} of {count} runs failed; the first, {name}: {reason} ({folder / name}/output.txt has "
            f"all that it said); the same command with --run_dir {folder} --resume auto tries them again"
        )


@contextmanager
def stop_said(folder: Path) -> Iterator[None]:
    """What stops a sweep says how it goes on: the same command alone would be refused, or begin another."""
    again = f"stopped; the same command with --run_dir {folder} --resume auto goes on"
    try:
        yield
    except Stopped as stop:
        raise Stopped(again, requeues=stop.requeues) from None
    except KeyboardInterrupt:
        raise KeyboardInterrupt(again) from None


def planned(config: TrainConfig, config_text: str, folder: Path) -> list[SweepRun]:
    """Every combination with every seed; BadInput when a setting does not fit, or a run is there already.

    Where an encoder learns in them, their controls come first.
    """
    runs: dict[tuple[str, ...], SweepRun] = {}
    asked = [
        (text_for(settings.get("stage", config.stage), config_text), settings)
        for settings in combinations(config.sweep)
    ]
    learning = [each for each in asked if each[1].get("stage", config.stage) != CONTROL["stage"]]
    if learning and config.from_run is not None:
        text, beside = controls(config_text, [settings for _, settings in asked])
        asked = [*((text, settings) for settings in beside), *learning]
    for text, settings in asked:
        title = re.sub(r"[^\w.,=+-]", "_", ",".join(f"{option}={value}" for option, value in settings.items()))
        for seed in range(config.seed, config.seed + config.seeds):
            run_dir = folder / f"{title}-seed{seed}".removeprefix("-")
            alone = {"sweep": "[]", "seeds": "1", "sweep_part": "null"}
            of_the_run = {"seed": str(seed), "run_dir": str(run_dir), **alone}
            try:
                run = SweepRun(settings, *override(TrainConfig, text, {**settings, **of_the_run}))
            except BadInput as error:
                raise BadInput(f"--sweep: {error}") from error
            if run.config.captions != config.captions:
                raise BadInput("--sweep head: captions are no heads; sweep each alone (--head caption)")
            options = tuple(words_of(run.config, ("run_dir",)))
            if options in runs:
                raise BadInput(f"--sweep: {run.name} is the same as {runs[options].name}; name each value once")
            RunFolder.for_training(str(run.config.run_dir), run.config.resume)
            runs[options] = run
    return list(runs.values())


def combinations(sweeps: Sequence[str]) -> list[dict[str, str]]:
    """["lr=1,2", "epochs=5"] -> [{"lr": "1", "epochs": "5"}, ...]; BadInput when one cannot be read or swept."""
    values: dict[str, list[str]] = {}
    for sweep in sweeps:
        option, _, listed = sweep.removeprefix("--").partition("=")
        parts = listed.split(";" if ";" in listed else ",")
        if not option or not all(parts):
            raise BadInput(f"--sweep {sweep}: expected OPTION=VALUE,VALUE, such as lr=1e-3,3e-3")
        if option in FIXED:
            remedy = "give --seeds and --seed instead" if option.startswith("seed") else "set it for all runs"
            raise BadInput(f"--sweep {sweep}: {option} is not a setting to compare; {remedy}")
        if option in values:
            raise BadInput(f"--sweep {sweep}: {option} is swept twice; list all its values in one --sweep")
        values[option] = parts
    return [dict(zip(values, combination, strict=True)) for combination in product(*values.values())]


def _decides_splits(config: TrainConfig) -> tuple[object, ...]:
    """Runs for which this is equal share their splits: what is encoded, and which rows teach which labels."""
    encoded = tuple(str(getattr(config, option.name)) for option in fields(ExtractionOptions))
    labels = [
        str(options)  # a head may read its labels by its own options
        for name, options in config.head_options.items()
        if head_class(name).encode_target is not Head.encode_target
    ]
    # Past frames are read from the same store, laid beside each other in another way.
    return (*encoded, config.past_frames, config.head_names, config.calibration, *labels)


def _decides_encoder(config: TrainConfig) -> tuple[object, ...]:
    """Runs for which this is equal share an encoder."""
    return tuple(getattr(config, option.name) for option in fields(EncoderOptions))


def _splits(runs: Sequence[SweepRun], folder: Path) -> dict[tuple[object, ...], StoredSplits]:
    """What the runs are trained on, each opened and encoded once; a model that cannot be built is met before."""
    encoders: dict[tuple[object, ...], Encoder] = {}
    needed: dict[tuple[object, ...], tuple[TrainConfig, Encoder]] = {}
    for run in runs:
        weights = _decides_encoder(run.config)
        if weights not in encoders:
            encoders[weights] = build_run_encoder(run.config)
        needed.setdefault(_decides_splits(run.config), (run.config, encoders[weights]))
    for run in {str(run.settings): run for run in runs}.values():
        build_model(run.config, needed[_decides_splits(run.config)][1])
    return {
        decisive: stored_splits(config, encoder, build_model(config, encoder), folder)
        for decisive, (config, encoder) in needed.items()
    }


def _conclude(
    scored: Sequence[tuple[SweepRun, RunScores]],
    val_of: Callable[[TrainConfig], StoredSplit],
    failed: Mapping[str, str],
    folder: Path,
) -> None:
    """The tables on the terminal and in two files, and a line for each setting that trains it again.

    `val_of`: what a run with these options was scored on.
    """
    results, runs = _results(scored, val_of), [run for _, run in scored]
    write_atomic(folder / JSON, as_json(results, runs, failed))
    write_atomic(folder / CSV, as_csv(results))
    for settings in results.values():
        print_table(results_table(settings))
        show("")
    if results:
        show(caution(results, runs))
    for head, settings in results.items():
        show(f"Again, the best by its {head} head first:", *(each.runs[0].command for each in settings))
    show(f"{folder / JSON}\n{folder / CSV}")


def _results(scored: Sequence[tuple[SweepRun, RunScores]], val_of: Callable[[TrainConfig], StoredSplit]) -> Results:
    """Each head's settings, best first."""
    by_setting: dict[str, list[tuple[SweepRun, RunScores]]] = {}
    for run, scores in scored:
        by_setting.setdefault(str(run.settings), []).append((run, scores))
    results: dict[str, list[SettingScores]] = {}
    for runs in by_setting.values():
        first = runs[0][0]
        model, val = MultiHeadModel.from_pretrained(first.folder.model), val_of(first.config)
        for name in first.config.head_names:
            setting = setting_scores(model.heads[name], [scores for _, scores in runs], val)
            if setting.tables:
                results.setdefault(name, []).append(setting)
    return {head: sorted(settings, key=lambda setting: setting.rank) for head, settings in results.items()}
