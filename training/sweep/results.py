"""What a sweep found: a line per setting, mean and spread over its seeds, best first."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from rich.table import Table
from rich.text import Text

from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Interval
from roadcue.metrics.comparison import nan_to_none
from roadcue.metrics.resampling import sequence_bootstrap
from roadcue.reports.table import bare_table, counted

JSON, CSV = "sweep.json", "sweep.csv"
METRICS: Mapping[str, str] = {"ade_3s": "ADE 3 s (m)", "ade_5s": "ADE 5 s (m)"}
"""Keys of `metrics.displacement.LABELS`, against the log, with what heads their columns; the last one ranks."""


@dataclass(frozen=True)
class RunScores:
    """One run on n validation rows. `head` and `blind`, its twin without features, hold (n,) metres per metric."""

    name: str
    settings: dict[str, str]
    seed: int
    command: str
    seconds: float
    """How long it trained."""
    head: dict[str, np.ndarray]
    blind: dict[str, np.ndarray] | None
    """None where the head itself sees nothing."""
    sequence: np.ndarray
    """(n,) names of the rows' drives."""


@dataclass(frozen=True)
class Spread:
    """Mean over seeds and standard deviation over them (n - 1), which is NaN for one seed; metres."""

    mean: float
    sd: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """One value a seed."""
        return cls(float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else float("nan"))

    def __str__(self) -> str:
        return f"{self.mean:.3f}" + ("" if np.isnan(self.sd) else f" ±{self.sd:.3f}")


@dataclass(frozen=True)
class SettingResult:
    """One setting: each metric of `METRICS` for the head and for its twin without features (None without one)."""

    settings: dict[str, str]
    runs: list[RunScores]
    head: dict[str, Spread]
    interval: dict[str, Interval]
    """95 % over the validation sequences, of the mean over seeds."""
    blind: dict[str, Spread] | None
    seconds: float
    """Mean over the runs."""


def by_setting(scores: Sequence[RunScores]) -> list[SettingResult]:
    """The runs by setting, best mean ADE at 5 s first."""
    by_setting: dict[str, list[RunScores]] = {}
    for run in scores:
        by_setting.setdefault(str(run.settings), []).append(run)
    return sorted(map(_result, by_setting.values()), key=lambda result: result.head["ade_5s"].mean)


def _result(runs: list[RunScores]) -> SettingResult:
    frames = np.stack([np.mean([run.head[metric] for run in runs], axis=0) for metric in METRICS], axis=1)
    intervals = sequence_bootstrap(frames, runs[0].sequence)
    blind = [run.blind for run in runs if run.blind is not None]
    return SettingResult(
        settings=runs[0].settings,
        runs=runs,
        head=_spreads([run.head for run in runs]),
        interval=dict(zip(METRICS, intervals, strict=True)),
        blind=_spreads(blind) if blind else None,
        seconds=float(np.mean([run.seconds for run in runs])),
    )


def _spreads(errors: Sequence[Mapping[str, np.ndarray]]) -> dict[str, Spread]:
    return {metric: Spread.of([float(run[metric].mean()) for run in errors]) for metric in METRICS}


def caution(results: Sequence[SettingResult]) -> str:
    """How much was tried, and what that does to the best figure."""
    runs, rows = sum(len(result.runs) for result in results), {len(result.runs[0].sequence) for result in results}
    tried = f"{counted(len(results), 'setting')}, {counted(runs, 'run')}"
    choice = (
        f"Choosing the best of {len(results)} on the rows that rank them is optimistic: score it on others before "
        "claiming its figure."
    )
    unlike = "The settings differ in their validation rows, so they compare only roughly."
    return " ".join([f"{tried}.", *([choice] if len(results) > 1 else []), *([unlike] if len(rows) > 1 else [])])


def results_table(results: Sequence[SettingResult]) -> Table:
    """For a terminal of 80 columns or more."""
    rows, drives = len(results[0].runs[0].sequence), len(np.unique(results[0].runs[0].sequence))
    table = bare_table(
        f"Displacement against the log on {counted(rows, 'validation row')} of {counted(drives, 'sequence')}"
    )
    table.caption = Text(
        "Mean over seeds ± standard deviation over seeds; below it the 95 % interval over sequences of that mean. "
        + caution(results)
    )
    table.add_column("setting", overflow="fold")  # never cut off: the value is at its end
    table.add_column("seeds", justify="right")
    for header in METRICS.values():
        table.add_column(header, justify="right", no_wrap=True)
    for header in METRICS.values():
        table.add_column(f"{header.removesuffix(' (m)')}\nwithout\nfeatures", justify="right", no_wrap=True)
    table.add_column("s", justify="right", no_wrap=True)
    for result in results:
        seen = [f"{result.head[metric]}\n{_bounds(result.interval[metric])}" for metric in METRICS]
        blind = [str(result.blind[metric]).replace(" ", "\n") if result.blind else "–" for metric in METRICS]
        setting = "\n".join(f"{option}={value}" for option, value in result.settings.items()) or "as given"
        table.add_row(*map(Text, (setting, str(len(result.runs)), *seen, *blind, f"{result.seconds:.0f}")))
    return table


def as_json(results: Sequence[SettingResult], failed: Mapping[str, str]) -> str:
    """sweep.json: the settings, best first, each with its runs; figures in metres."""
    settings = [
        {
            "settings": result.settings,
            "head": {metric: asdict(spread) for metric, spread in result.head.items()},
            "interval_95": {metric: asdict(interval) for metric, interval in result.interval.items()},
            "without_features": (
                {metric: asdict(spread) for metric, spread in result.blind.items()} if result.blind else None
            ),
            "seconds": result.seconds,
            "runs": [_run_json(run) for run in result.runs],
        }
        for result in results
    ]
    content = {
        "caution": caution(results),
        "bootstrap": asdict(DEFAULT_BOOTSTRAP),
        "settings": settings,
        "failed": dict(failed),
    }
    return json.dumps(nan_to_none(content), indent=1) + "\n"


def _run_json(run: RunScores) -> dict[str, object]:
    def means(errors: Mapping[str, np.ndarray] | None) -> dict[str, float] | None:
        return {metric: float(errors[metric].mean()) for metric in METRICS} if errors else None

    figures = {"head": means(run.head), "without_features": means(run.blind), "seconds": run.seconds}
    return {"name": run.name, "seed": run.seed, "command": run.command, **figures}


def as_csv(results: Sequence[SettingResult]) -> str:
    """sweep.csv: a line per setting, best first; metres, nothing where there is no figure."""
    text = io.StringIO()
    lines = [_csv_line(result) for result in results]
    writer = csv.DictWriter(text, list(lines[0]) if lines else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(nan_to_none(lines))
    return text.getvalue()


def _csv_line(result: SettingResult) -> dict[str, object]:
    line: dict[str, object] = {**result.settings, "runs": len(result.runs)}
    for metric in METRICS:
        spread, interval = result.head[metric], result.interval[metric]
        line |= {metric: spread.mean, f"{metric}_sd": spread.sd}
        line |= {f"{metric}_low": interval.low, f"{metric}_high": interval.high}
    for metric in METRICS:
        blind = result.blind[metric] if result.blind else None
        line |= {
            f"{metric}_without_features": blind and blind.mean,
            f"{metric}_without_features_sd": blind and blind.sd,
        }
    return {**line, "seconds": result.seconds, "command": result.runs[0].command}


def _bounds(interval: Interval) -> str:
    return "–" if np.isnan(interval.low) else f"{interval.low:.2f}–{interval.high:.2f}"
