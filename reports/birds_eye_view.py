"""Paths seen from above, as a figure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from roadcue.reports.colours import LOG, PAST, RATED
from roadcue.reports.figure import INK, PAPER, STYLE, svg
from roadcue.reports.frame import Label, Modes, RatedPath, apart, named_lines

_LEAST_AHEAD_M, _LEAST_ASIDE_M = 20.0, 2.5
"""Metres that the wide view shows at least: forward, and to each side."""
_LETTERS = 8
"""Points: the size of the labels' text."""


def birds_eye_view(
    past: np.ndarray,
    paths: Mapping[str, np.ndarray],
    colours: Mapping[str, str],
    name: str,
    *,
    rated: Sequence[RatedPath] = (),
    modes: Modes | None = None,
) -> str:
    """The paths from above: x forward is up, y left is left, one scale, a dot at every full second; an `<svg>`.

    `past` (16, 6) and `paths` (20, 2) each in metres, ego frame; `colours` as from `colours.colours`; `name` as in
    `figure.svg`; `rated` and `modes` are drawn as in `camera_view.camera_view`.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 4.8), layout="constrained")
        axes = figure.add_subplot()
        for number, (label, xy, dots) in enumerate(named_lines(past, paths)):
            width = 4.0 if label == LOG else 1.8
            style = "--" if label == PAST else "-"
            # What is rated often lies on the log, so it comes above it.
            look: dict[str, Any] = {"color": colours[label], "zorder": 1.4 if label == LOG else 2}
            axes.plot(xy[:, 1], xy[:, 0], style, lw=width, label=label, gid=f"path-{number}", **look)
            axes.plot(dots[:, 1], dots[:, 0], "o", ms=width + 2.4, **look)
        axes.plot(0, 0, "^", color=INK, ms=9, label="ego at t = 0")
        labels = [*_draw_modes(axes, modes, colours), *_draw_rated(axes, rated, colours)]
        axes.update_datalim([(-5.0, -5.0), (5.0, 5.0)])  # a car that stands gets some road, too
        axes.margins(0.08)
        axes.set_aspect("equal", adjustable="datalim")
        axes.invert_xaxis()
        axes.grid()
        axes.set_xlabel("y, to the left (m)")
        axes.set_ylabel("x, forward (m)")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
        if labels:
            _write(figure, axes, labels)
    return svg(figure, name, f"From above, in metres: {', '.join(_shown(paths, rated, modes))}")


def wide_view(paths: Mapping[str, np.ndarray], colours: Mapping[str, str], name: str) -> str:
    """The paths from above, forward to the right, and sideways on a scale of its own; an `<svg>`.

    At 20 m/s they reach to 100 m, and on one scale an error of 2 m to the side would be as wide as a line. By how
    much it is drawn larger is said on the axis. `paths`, `colours` and `name` as in `birds_eye_view`.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 3.0), layout="constrained")
        axes = figure.add_subplot()
        for number, (label, xy, dots) in enumerate(named_lines(np.zeros((16, 6)), paths)):
            if label != PAST:
                width = 4.0 if label == LOG else 1.8
                look: dict[str, Any] = {"color": colours[label], "zorder": 1.4 if label == LOG else 2}
                axes.plot(*xy.T, lw=width, gid=f"path-{number}", **look)
                axes.plot(*dots.T, "o", ms=width + 2.4, **look)
        axes.plot(0, 0, ">", color=INK, ms=9)
        axes.update_datalim([(0.0, -_LEAST_ASIDE_M), (_LEAST_AHEAD_M, _LEAST_ASIDE_M)])
        axes.margins(0.05)
        axes.grid()
        axes.set_xlabel("x, forward (m)")
        axes.set_ylabel("y, to the left (m), 00 times as large")  # as much room as the number will take
        figure.draw_without_rendering()
        origin, ahead, aside = axes.transData.transform([(0, 0), (1, 0), (0, 1)])
        larger = (aside - origin)[1] / (ahead - origin)[0]
        axes.set_ylabel(f"y, to the left (m), {_times(larger)} as large")
    return svg(figure, name, f"From above, sideways drawn larger: {', '.join(paths)}")


def _times(factor: float) -> str:
    return f"{factor:.0f} times" if factor >= 3 else f"{factor:.1f} times"


def _draw_modes(axes: Axes, modes: Modes | None, colours: Mapping[str, str]) -> Iterator[Label]:
    """Draw each mode as a thin line, fainter the less probable it is; its probability belongs to its end."""
    if modes is None:
        return
    for number, (xy, probability) in enumerate(modes.shown()):
        colour, ahead = colours[modes.name], np.concatenate([np.zeros((1, 2)), xy])
        label = f"modes of {modes.name}, probability" if number == 0 else None
        alpha = 0.35 + 0.65 * probability
        axes.plot(ahead[:, 1], ahead[:, 0], color=colour, lw=1.2, alpha=alpha, label=label, zorder=1.5)
        yield Label(f"{probability:.0%}", xy[-1, ::-1], colour)


def _draw_rated(axes: Axes, rated: Sequence[RatedPath], colours: Mapping[str, str]) -> Iterator[Label]:
    """Draw what raters scored, dashed, and its trust regions; its score belongs to its end."""
    for number, path in enumerate(rated):
        colour, ahead = colours[RATED], np.concatenate([np.zeros((1, 2)), path.xy])
        label, regions = ("rated, score of 10", "trust regions, 3 s and 5 s") if number == 0 else (None, None)
        axes.plot(ahead[:, 1], ahead[:, 0], ls=(0, (4, 1.5)), color=colour, lw=1.8, label=label, zorder=1.5)
        for horizon, corners in enumerate(path.regions):
            across, ahead = corners.T[::-1]
            label = None if horizon else regions
            axes.fill(across, ahead, fc=f"{colour}22", ec=colour, lw=0.8, label=label, zorder=1.2)
        yield Label(f"{path.score:.1f}", path.xy[-1, ::-1], colour)


def _write(figure: Figure, axes: Axes, labels: Sequence[Label]) -> None:
    """Each label to the right of its place, clear of the others."""
    figure.draw_without_rendering()  # only now it is known where on the paper a place lies
    at = [axes.transData.transform(label.at) * 72 / figure.dpi for label in labels]
    for label, place, free in zip(labels, at, apart(at, np.array([2.6, 1.2]) * _LETTERS), strict=True):
        axes.annotate(
            label.text,
            (float(label.at[0]), float(label.at[1])),
            (5.0, float(free[1] - place[1])),
            textcoords="offset points",
            color=label.colour,
            size=_LETTERS,
            weight="bold",
            va="center",
            bbox={"fc": PAPER, "ec": "none", "alpha": 0.75, "pad": 0.6},
        )


def _shown(paths: Mapping[str, np.ndarray], rated: Sequence[RatedPath], modes: Modes | None) -> list[str]:
    """What there is to be seen, in words."""
    scores = [f"rated {path.score:.1f} of 10" for path in rated]
    probabilities = [f"mode of {probability:.0%}" for _, probability in modes.shown()] if modes else []
    return [PAST, *paths, *scores, *probabilities]
