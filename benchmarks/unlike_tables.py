"""The tables of benchmarks/unlike_pictures.py, and of several runs that it has looked at."""

from collections.abc import Mapping, Sequence

import numpy as np
from ood_candidates import OF_DETECTOR, OURS
from rich.table import Table

from roadcue.evaluation.spoilt_pictures import CHOOSING, UNLIKE
from roadcue.metrics.bootstrap import Interval
from roadcue.reports.table import add_numbers, bare_table, percent, plain


def auroc_table(aurocs: Mapping[str, Mapping[str, float]]) -> Table:
    """Candidate -> means over the kinds that choose and over the others, and the worst of the others."""
    chosen_on = {name: float(np.mean([kinds[kind] for kind in CHOOSING])) for name, kinds in aurocs.items()}
    best = max(chosen_on, key=chosen_on.__getitem__)
    lines = bare_table(f"Area under the ROC curve of a distance (best where chosen: {best}; the run has: {OURS})")
    lines.add_column("distance")
    others = {name: {kind: kinds[kind] for kind in UNLIKE} for name, kinds in aurocs.items()}
    worst = {name: min(kinds, key=kinds.__getitem__) for name, kinds in others.items()}
    add_numbers(lines, "on choosing kinds", [f"{value:.3f}" for value in chosen_on.values()])
    add_numbers(lines, "on the others", [f"{np.mean(list(kinds.values())):.3f}" for kinds in others.values()])
    lines.add_column("worst of them")
    for name in aurocs:
        mean = float(np.mean(list(others[name].values())))
        lines.add_row(name, f"{chosen_on[name]:.3f}", f"{mean:.3f}", f"{others[name][worst[name]]:.3f} {worst[name]}")
    return lines


def auroc_ratio(aurocs: Mapping[str, Mapping[str, float]]) -> tuple[str, float]:
    """The published distance that is best where one is chosen, and our area over its own on the other kinds."""
    published = {name: kinds for name, kinds in aurocs.items() if name != OURS and not name.startswith(OF_DETECTOR)}
    best = max(published, key=lambda name: sum(published[name][kind] for kind in CHOOSING))
    ours, theirs = (sum(aurocs[name][kind] for kind in UNLIKE) for name in (OURS, best))
    return best, ours / theirs


def share_table(title: str, rows: Mapping[str, Mapping[str, Interval]]) -> Table:
    """A line per kind: the share that is unlike, then the accuracies of all pictures of the kind."""
    columns = list(dict.fromkeys(name for figures in rows.values() for name in figures))
    cells = {
        kind: [_cell(name, figures[name]) if name in figures else "–" for name in columns]
        for kind, figures in rows.items()
    }
    lines = bare_table(f"{title} (95 % over sequences)")
    lines.add_column("pictures")
    for name, column in zip(columns, zip(*cells.values(), strict=True), strict=True):
        add_numbers(lines, name, column)
    for kind, row in cells.items():
        lines.add_row(kind, *row)
    return lines


def seeds_table(title: str, runs: Mapping[str, Sequence[Mapping[str, float]]]) -> Table:
    """A line per kind of run: the mean of each share over its runs, and below it the least and the most of them."""
    columns = list(next(iter(runs.values()))[0])
    cells = {name: [_over_seeds([one[column] for one in of]) for column in columns] for name, of in runs.items()}
    lines = bare_table(f"{title} (means over training seeds, and the least and the most)")
    lines.add_column("run", overflow="fold")
    for column, shares in zip(columns, zip(*cells.values(), strict=True), strict=True):
        add_numbers(lines, column, shares)
    for name, row in cells.items():
        lines.add_row(name, *row)
    return lines


def _over_seeds(shares: Sequence[float]) -> str:
    mean = f"{sum(shares) / len(shares):.0%}"
    return f"{mean}\n{100 * min(shares):.0f}–{100 * max(shares):.0f}" if len(shares) > 1 else mean


def _cell(name: str, interval: Interval) -> str:
    return str(plain(interval) if name.endswith("(m)") else percent(interval))
