"""What a head's several modes are worth: the picked one against the best one, and how true its probability is."""

from collections.abc import Mapping
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from roadcue.metrics.bootstrap import Interval
from roadcue.metrics.modes import CALIBRATION_LABEL, LABELS
from roadcue.metrics.score_table import ScoreTable
from roadcue.reports.table import Cell, percent, plain, share_unlike

_ROWS: Mapping[str, str] = {
    "picked": "ADE 5 s of the picked mode vs log (m)",
    "oracle": "ADE 5 s of the best mode vs log, oracle (m)",
    "regret": "picked minus oracle, regret (m)",
    "picked_best": LABELS["picked_best"],
    "best_nll": LABELS["best_nll"],
    "calibration_error": CALIBRATION_LABEL,
}


@dataclass(frozen=True)
class HeadModes:
    """The method `name` has `k` modes; `scores` as from `metrics.modes.score_modes`, of ADE at 5 s in metres.

    `unlike`: the share of samples whose pictures are unlike the training pictures; None where nothing is known of it.
    """

    name: str
    k: int
    scores: Mapping[str, Interval]
    unlike: float | None = None


def modes_rows(modes: HeadModes) -> list[tuple[str, Cell]]:
    """What each figure is called, and the figure."""
    scores = modes.scores
    return [
        (label, percent(scores[key]) if key == "picked_best" else plain(scores[key])) for key, label in _ROWS.items()
    ]


def modes_table(modes: HeadModes) -> Table:
    """The figures for a terminal."""
    table = Table(
        title=Text(modes_title(modes)), box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_header=False
    )
    table.title_justify = "left"
    for label, cell in modes_rows(modes):
        table.add_row(Text(label), Text(f"{cell.value} ({cell.interval})", justify="right"))
    if modes.unlike is not None:
        table.caption = Text(share_unlike(modes.unlike))
        table.caption_justify = "left"
    return table


def modes_scores(modes: HeadModes, samples: int, sequences: int) -> ScoreTable:
    """The figures of so many samples as a table of one line."""
    plain_ones = _ROWS.keys() - {"picked_best"}
    return ScoreTable(modes_title(modes), _ROWS, {modes.name: modes.scores}, samples, sequences, plain=plain_ones)


def modes_title(modes: HeadModes) -> str:
    """What is above the figures."""
    return f"The {modes.k} modes of {modes.name}"
