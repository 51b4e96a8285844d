"""What a sweep found: of each head its settings, best first, with mean and deviation over their seeds."""

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from roadcue.errors import printable
from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP
from roadcue.metrics.comparison import nan_to_none
from roadcue.metrics.score_table import ScoreTable
from roadcue.reports.table import BLIND, ONE_SEED, SEES, add_numbers, bare_table
from roadcue.sentences import counted
from roadcue.training.sweep.scores import RunScores, SettingScores

JSON, CSV = "sweep.json", "sweep.csv"

Results = Mapping[str, Sequence[SettingScores]]
"""Head -> the settings that train it, best first."""


def caution(results: Results, runs: Sequence[RunScores]) -> str:
    """How much was tried, and what that does to the best figure."""
    settings = len({str(run.settings) for run in runs})
    choice = (
        f"Choosing the best of {settings} on the rows that rank them is optimistic: score it on others before "
        "claiming its figure."
    )
    unlike = "The settings differ in their validation rows, so they compare only roughly."
    differ = any(len({_extent(setting) for setting in each}) > 1 for each in results.values())
    tried = f"{counted(settings, 'setting')}, {counted(len(runs), 'run')}."
    return " ".join([tried, *([choice] if settings > 1 else []), *([unlike] if differ else [])])


def results_table(settings: Sequence[SettingScores]) -> Table:
    """Of a head, for a terminal of 80 columns or more: each setting's figures, and below them its twin's."""
    first, seeds = settings[0], {len(setting.runs) for setting in settings}
    rows, sequences = _extent(first)
    table = bare_table(f"{first.head}: {counted(rows, 'validation row')} of {counted(sequences, 'sequence')}")
    several = (
        "Mean over seeds ± standard deviation between them; below it the 95 % interval of that mean, over seeds and "
        "sequences."
    )
    said = [*([several] if seeds != {1} else []), *([ONE_SEED] if 1 in seeds else [])]
    table.caption = Text(" ".join([f"{SEES} sees the image  {BLIND} does not.", *said]))
    table.add_column("setting", overflow="fold")  # never cut off: the value is at its end
    table.add_column("", width=1)
    columns = [
        ["\n".join(_cell(setting, method, title, key) for method in setting.methods) for setting in settings]
        for title, key in first.shown
    ]
    for (title, key), cells in zip(first.shown, columns, strict=True):
        add_numbers(table, column_title(first, title, key), cells)
    for setting, *cells in zip(settings, *columns, strict=True):
        marks = f"{SEES}\n\n{BLIND}" if len(setting.methods) > 1 else BLIND
        about = f"{_words(setting)}\n{counted(len(setting.runs), 'seed')}, {_seconds(setting):.0f} s"
        table.add_row(*(Text(printable(cell)) for cell in (about, marks, *cells)), end_section=True)
    return table


def run_said(run: RunScores) -> str:
    """The first figure of each of a run's heads."""
    figures = []
    for head, tables in run.tables.items():
        alone = SettingScores(head, [run], tables)
        for title, key in alone.shown[:1]:
            value = _number(tables[title], key, tables[title].methods[head][key].value)
            figures.append(f"{head}: {column_title(alone, title, key)} {value}")
    return "; ".join(figures)


def column_title(setting: SettingScores, title: str, key: str) -> str:
    """What heads a figure's column: its table's title too, where there are several tables."""
    column = setting.tables[title].columns[key]
    return column if len(setting.tables) == 1 else f"{title} {column}"


def as_json(results: Results, runs: Sequence[RunScores], failed: Mapping[str, str]) -> str:
    """sweep.json: each head's settings, best first, with all figures of its tables; metres, and shares of 1."""

    def tables_of(setting: SettingScores) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
        found: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
        for title, method, key, figure in _figures(setting):
            found.setdefault(title, {}).setdefault(method, {})[key] = figure
        return found

    heads = {
        head: [
            {
                "settings": setting.settings,
                "training_seeds": [run.seed for run in setting.runs],
                **dict(zip(("samples", "sequences"), _extent(setting), strict=True)),
                "tables": tables_of(setting),
            }
            for setting in settings
        ]
        for head, settings in results.items()
    }
    content = {
        "caution": caution(results, runs),
        "bootstrap": {"resamples": DEFAULT_BOOTSTRAP.resamples, "seed": DEFAULT_BOOTSTRAP.seed},
        "heads": heads,
        "runs": [_run_json(run) for run in runs],
        "failed": dict(failed),
    }
    return json.dumps(nan_to_none(content), indent=1) + "\n"


def _run_json(run: RunScores) -> dict[str, Any]:
    def values(table: ScoreTable) -> dict[str, dict[str, float]]:
        return {name: {key: figures[key].value for key in table.columns} for name, figures in table.methods.items()}

    heads = {head: {title: values(table) for title, table in tables.items()} for head, tables in run.tables.items()}
    about = {"name": run.name, "settings": run.settings, "seed": run.seed, "command": run.command}
    return {**about, "seconds": run.seconds, "heads": heads}


def as_csv(results: Results) -> str:
    """sweep.csv: a line per figure; metres, and shares of 1, nothing where there is none."""
    text = io.StringIO()
    swept = dict.fromkeys(option for settings in results.values() for one in settings for option in one.settings)
    lines = [
        {
            **dict.fromkeys(swept, ""),
            **setting.settings,
            "training_seeds": len(setting.runs),
            "table": title,
            "method": method,
            "figure": key,
            **nan_to_none(figure),
            "seconds": _seconds(setting),
            "command": setting.runs[0].command,
        }
        for settings in results.values()
        for setting in settings
        for title, method, key, figure in _figures(setting)
    ]
    writer = csv.DictWriter(text, [*lines[0]] if lines else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _figures(setting: SettingScores) -> Iterator[tuple[str, str, str, dict[str, float]]]:
    """Table, method, figure and its numbers, of all that a setting was scored by."""
    for title, table in setting.tables.items():
        for method, figures in table.methods.items():
            for key in table.columns:
                interval = figures[key]
                bounds = {"low": interval.low, "high": interval.high}
                sd = setting.deviation(title, method, key)
                yield title, method, key, {"mean": interval.value, "sd": sd, **bounds}


def _cell(setting: SettingScores, method: str, title: str, key: str) -> str:
    """Such as `1.272 ±0.005` or `97.1% ±0.3`, and the interval below it; a dash where the setting lacks the table."""
    if title not in setting.tables:
        return "–"
    table = setting.tables[title]
    interval, sd, plain = table.methods[method][key], setting.deviation(title, method, key), key in table.plain
    deviation = "" if math.isnan(sd) else f" ±{sd:.3f}" if plain else f" ±{100 * sd:.1f}"
    low, high = (f"{bound:.2f}" if plain else f"{100 * bound:.1f}" for bound in (interval.low, interval.high))
    bounds = "–" if math.isnan(interval.low) else f"{low}–{high}"
    return f"{_number(table, key, interval.value)}{deviation}\n{bounds}"


def _number(table: ScoreTable, key: str, value: float) -> str:
    return f"{value:.3f}" if key in table.plain else f"{value:.1%}"


def _extent(setting: SettingScores) -> tuple[int, int]:
    """Validation rows and sequences of its first table."""
    table = next(iter(setting.tables.values()))
    return table.samples, table.sequences


def _words(setting: SettingScores) -> str:
    return "\n".join(f"{option}={value}" for option, value in setting.settings.items()) or "as given"


def _seconds(setting: SettingScores) -> float:
    """Mean over its runs."""
    return float(np.mean([run.seconds for run in setting.runs]))
