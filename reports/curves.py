"""The comparison as figures: displacement over the horizon, ADE at 5 s with its intervals, and that by group."""

from collections.abc import Container, Sequence
from statistics import median

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from roadcue.metrics.comparison import Comparison
from roadcue.metrics.score_table import ScoreTable
from roadcue.reports.answer_details import AnswerDetails
from roadcue.reports.colours import colours
from roadcue.reports.displacement_table import ranked
from roadcue.reports.figure import INK, STYLE, svg

_SIZE = (4.6, 3.6)
"""Inches; small, so that the text can still be read where the page is as narrow as a phone."""


def horizon_curves(comparison: Comparison, sees_image: Container[str]) -> str:
    """Mean displacement in metres over t = 0.25 ... 5 s, dashed for methods that see no image; an `<svg>` element."""
    methods = ranked(comparison)
    paint = colours(method.name for method in comparison.methods)
    top = _top([method.displacement_over_time[-1] for method in methods])
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.add_subplot()
        for method in methods:
            metres = method.displacement_over_time
            time = np.linspace(5 / len(metres), 5, len(metres))
            label = method.name if metres[-1] <= top else f"{method.name} ({metres[-1]:.1f} m at 5 s)"
            style = "-" if method.name in sees_image else "--"
            axes.plot(time, metres, style, color=paint[method.name], lw=2, label=label)
        axes.set(xlim=(0, 5), ylim=(0, top), xlabel="time ahead (s)", ylabel="mean displacement (m)")
        axes.grid()
        figure.legend(loc="outside lower center", ncols=2, handlelength=2.4)
    return svg(figure, "horizon", "Mean displacement from the logged path over the 5 s ahead, for every method")


def interval_chart(comparison: Comparison, sees_image: Container[str]) -> str:
    """ADE at 5 s with its interval, hollow for methods that see no image; an `<svg>` element."""
    methods = ranked(comparison)
    paint = colours(method.name for method in comparison.methods)
    intervals = [method.overall["ade_5s"] for method in methods]
    top = _top([max(interval.value, interval.high) for interval in intervals])
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.add_subplot()
        for place, (method, interval) in enumerate(zip(methods, intervals, strict=True)):
            colour = paint[method.name]
            if interval.value > top:
                axes.text(top, place, f"{interval.value:.1f} m →", ha="right", va="center")
                continue
            axes.plot([interval.low, interval.high], [place, place], color=colour, lw=2)
            fill = colour if method.name in sees_image else "none"
            axes.plot(interval.value, place, "o", ms=8, mec=colour, mfc=fill, mew=2)
        axes.set_yticks(range(len(methods)), [method.name for method in methods])
        axes.tick_params(axis="y", length=0)
        axes.set(xlim=(0, top), ylim=(len(methods) - 0.4, -0.6), xlabel="ADE 5 s (m), 95 % interval")
        axes.grid(axis="x")
    return svg(
        figure, "intervals", "ADE at 5 s with its 95 % interval, for every method; the table holds the numbers"
    )


def group_chart(comparison: Comparison, sees_image: Container[str], kind: str) -> str:
    """ADE at 5 s with its interval in each group by `kind`, for the reference and the best of the others; an `<svg>`.

    Of the others those two that are best overall: all of them in each of eleven clusters would be a thicket.
    """
    reference = next(method for method in comparison.methods if method.name == comparison.reference)
    methods = [reference, *[method for method in ranked(comparison) if method is not reference][:2]]
    paint = colours(method.name for method in comparison.methods)
    sizes = comparison.group_sizes[kind]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(_SIZE[0], 1.0 + 0.42 * len(sizes)), layout="constrained")
        axes = figure.add_subplot()
        for number, method in enumerate(methods):
            colour = paint[method.name]
            intervals = [method.by(kind)[group]["ade_5s"] for group in sizes]
            places = np.arange(len(sizes)) + 0.22 * (number - (len(methods) - 1) / 2)
            axes.hlines(places, [i.low for i in intervals], [i.high for i in intervals], color=colour, lw=2)
            fill = colour if method.name in sees_image else "none"
            axes.plot(
                [i.value for i in intervals], places, "o", ms=6, mec=colour, mfc=fill, mew=1.6, label=method.name
            )
        axes.set_yticks(range(len(sizes)), [f"{group}  ({size:,})" for group, size in sizes.items()])
        axes.tick_params(axis="y", length=0)
        axes.set(ylim=(len(sizes) - 0.5, -0.5), xlabel="ADE 5 s (m), 95 % interval")
        axes.set_xlim(left=0)
        axes.grid(axis="x")
        figure.legend(loc="outside lower center", ncols=2)
    names = ", ".join(method.name for method in methods)
    return svg(figure, f"by-{kind}", f"ADE at 5 s by {kind} for {names}; the table holds the numbers")


def _top(metres: Sequence[float]) -> float:
    """Where an axis ends: beyond all but the outliers (4 x the median), which would press the rest together."""
    return 1.15 * max(value for value in metres if value <= 4 * median(metres)) or 1.0


def reliability_diagram(details: AnswerDetails) -> str:
    """The share of right answers over their probability, a line a question; "" where there is none; an `<svg>`."""
    if not details.reliability:
        return ""
    paint = colours(details.reliability)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=INK, lw=1, ls=":", label="as often as said")
        for question, bins in details.reliability.items():
            probability, right = [each.probability for each in bins], [each.right for each in bins]
            area = [8 + 160 * each.rows / sum(one.rows for one in bins) for each in bins]
            axes.plot(probability, right, color=paint[question], lw=1, alpha=0.6)
            axes.scatter(probability, right, area, color=paint[question], label=question, zorder=2, clip_on=False)
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability of the answer", ylabel="share that is right")
        axes.grid()
        legend = figure.legend(loc="outside lower center", ncols=3, scatterpoints=1)
        for dot in legend.legend_handles[1:]:
            dot.set_sizes([30])  # type: ignore[union-attr]
    about = f"Reliability of the {details.head} head: how often answers are right over their probability"
    return svg(figure, f"reliability-{details.head}", about)


def risk_curves(scores: ScoreTable) -> str:
    """The share of right answers over the share of pictures answered, for every method; "" where there is none."""
    if not scores.curves:
        return ""
    paint = colours(scores.curves)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.add_subplot()
        for name, curve in scores.curves.items():
            axes.plot(curve.coverage, curve.accuracy, color=paint[name], lw=2, label=name)
        axes.set(xlim=(0, 1), xlabel="share of pictures answered", ylabel="share of answers that are right")
        axes.set_ylim(top=1.005)
        axes.grid()
        axes.legend(loc="lower left")
    about = f"{scores.title}: how often it is right over the share of pictures that it answers"
    return svg(figure, f"risk-{scores.title.split(',')[0].lower().replace(' ', '-')}", about)
