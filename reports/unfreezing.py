"""Whether unfreezing pays: what each setting of stage two learns, costs and gains, as a table and as a figure."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from rich.table import Table
from rich.text import Text

from roadcue.metrics.bootstrap import Interval
from roadcue.reports.figure import INK, STYLE, svg
from roadcue.reports.table import ONE_SEED, add_numbers, bare_table, difference, percent, plain

_SIZE = (7.2, 3.4)
"""Inches: three panels side by side."""
_PANELS = (("trainable", "parameters that learn"), ("memory_gib", "peak memory (GiB)"), ("step_s", "seconds a step"))
_MARKS = "osD^vP*Xph<>"


@dataclass(frozen=True)
class Unfrozen:
    """One setting: how many parameters learn, what it costs, its figure, and that minus the figures of two others.

    `memory_gib` is the most that was held and `step_s` the seconds of an optimizer step, means over the seeds; NaN
    where they are not known. `over_first` is the difference to stage one, `over_control` that to stage one trained
    for as many more steps: in pairs on the same rows, in metres or points; None for these two themselves.
    """

    name: str
    seeds: int
    trainable: int
    memory_gib: float
    step_s: float
    figure: Interval
    over_first: Interval | None = None
    over_control: Interval | None = None


def unfreezing_table(title: str, column: str, settings: Sequence[Unfrozen], *, share: bool) -> Table:
    """A line a setting, stage one and its control first where there are; `share`: the figure is one, in percent."""
    cell = percent if share else plain
    columns = {
        "learn": [_count(one.trainable) for one in settings],
        "GiB": [_number(one.memory_gib, 2) for one in settings],
        "s/step": [_number(one.step_s, 3) for one in settings],
        column: [str(cell(one.figure)) for one in settings],
    }
    compared = any(one.over_first for one in settings)
    if compared:
        columns |= {
            "Δ stage one": [str(difference(one.over_first)) if one.over_first else "–" for one in settings],
            "Δ control": [str(difference(one.over_control)) if one.over_control else "–" for one in settings],
        }
    table = bare_table(title)
    table.add_column("setting", overflow="fold")
    for name, cells in columns.items():
        add_numbers(table, name, cells)
    for one, *cells in zip(settings, *columns.values(), strict=True):
        table.add_row(*map(Text, (one.name, *cells)))
    said = ""
    if compared:
        said = (
            "Δ: minus stage one, and minus the control, which is stage one trained for as many more steps; in pairs "
            f"on the same rows, {'in points, ' if share else ''}* where the 95 % interval leaves out zero."
        )
    table.caption = Text(f"{said} {ONE_SEED}".strip() if {one.seeds for one in settings[1:]} == {1} else said)
    return table


def unfreezing_plot(name: str, column: str, settings: Sequence[Unfrozen]) -> str:
    """The figure with its interval over parameters, memory and time, stage one and control as lines; an `<svg>`.

    `name` (letters, digits, -) keeps its ids apart from those of other figures; the first two settings are stage one
    and its control.
    """
    first, control, *others = settings
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        panels = figure.subplots(1, len(_PANELS), sharey=True)
        for axes, (attribute, label) in zip(panels, _PANELS, strict=True):
            for one, style in ((first, ":"), (control, "--")):
                axes.axhline(one.figure.value, color=INK, lw=1.2, ls=style, label=one.name)
                axes.axhspan(one.figure.low, one.figure.high, color=INK, alpha=0.06, lw=0)
            for place, one in enumerate(others):
                x, interval = getattr(one, attribute), one.figure
                colour, sign = f"C{place % 10}", _MARKS[place % len(_MARKS)]
                axes.vlines(x, interval.low, interval.high, color=colour, lw=1.6)
                axes.plot(x, interval.value, sign, color=colour, ms=6, label=one.name)
            if attribute == "trainable":
                axes.set_xscale("log")
                axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                axes.xaxis.set_major_formatter(lambda parameters, _: _count(round(parameters)))
                axes.xaxis.set_minor_formatter(NullFormatter())
            axes.set_xlabel(label)
            axes.grid()
        panels[0].set_ylabel(f"{column}, 95 % interval")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    about = f"{column} of each setting over parameters that learn, peak memory and time; the table holds the numbers"
    return svg(figure, f"unfreezing-{name}", about)


def _count(parameters: int) -> str:
    """Such as 812, 45.3 k, 1.18 M."""
    for unit, name in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if parameters >= unit:
            return f"{parameters / unit:.3g}{name}"
    return str(parameters)


def _number(value: float, digits: int) -> str:
    return "–" if value != value else f"{value:.{digits}f}"
