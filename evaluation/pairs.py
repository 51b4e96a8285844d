"""What a run says of the two halves of a pair, without and with one thing, and how often it is not the same."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from roadcue.errors import BadInput, printable
from roadcue.evaluation.frames import Frames
from roadcue.files import read_text, unreadable
from roadcue.heads.registry import WAYPOINT
from roadcue.metrics.bootstrap import Bootstrap, Interval
from roadcue.metrics.comparison import nan_to_none
from roadcue.metrics.displacement import displacement
from roadcue.metrics.resampling import sequence_bootstrap
from roadcue.reports.colours import LOG
from roadcue.reports.table import Cell, add_numbers, bare_table, percent, plain
from roadcue.roadworld.pairs import PAIRS
from roadcue.schema import WAYPOINTS
from roadcue.sentences import counted


@dataclass(frozen=True)
class KindOfPairs:
    """The pairs that differ in one kind of thing."""

    pairs: int
    answers: dict[str, Interval]
    """Question -> the share of pairs to whose halves the head gives two answers."""
    truth: dict[str, Interval]
    """Question -> the share of pairs whose halves have two true answers."""
    paths_m: dict[str, Interval]
    """The waypoint head, and the driven path -> metres between the paths of both halves, mean over 5 s."""


def score_pairs(frames: Frames, folder: Path, bootstrap: Bootstrap) -> dict[str, KindOfPairs]:
    """Kind -> its pairs, of the drawn data in `folder`; {} where it holds none of which both halves are scored.

    BadInput when its list of pairs cannot be read.
    """
    found: dict[str, list[tuple[int, int]]] = {}
    for kind, halves in _halves(frames, folder):
        found.setdefault(kind, []).append(halves)
    return {kind: _of_kind(frames, np.array(halves), bootstrap) for kind, halves in found.items()}


def _halves(frames: Frames, folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    """Kind, and the rows of the half without and the half with it, of each pair."""
    row_of = {name: row for row, name in enumerate(frames.columns["id"].tolist())}
    pairs: dict[int, dict[str, int]] = {}
    kinds: dict[int, str] = {}
    try:
        for line in read_text(folder / PAIRS).splitlines() if (folder / PAIRS).exists() else ():
            half = json.loads(line)
            if (row := row_of.get(half["frame"].removesuffix(".jpg"))) is not None:
                pairs.setdefault(half["pair"], {})[half["half"]] = row
                kinds[half["pair"]] = half["kind"]
    except OSError as error:
        raise unreadable(folder / PAIRS, error) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{folder / PAIRS}: is no list of pairs ({error!r}); draw the folder again") from error
    for number, rows in pairs.items():
        if rows.keys() == {"without", "with"}:
            yield kinds[number], (rows["without"], rows["with"])


def _of_kind(frames: Frames, halves: np.ndarray, bootstrap: Bootstrap) -> KindOfPairs:
    """Of (n, 2) rows of halves; the n pairs are what is resampled."""
    columns, pair = frames.columns, np.arange(len(halves)).astype(str)

    def over_pairs(values: np.ndarray) -> Interval:
        (mean,) = sequence_bootstrap(values.astype(np.float64)[:, None], pair, bootstrap)
        return mean

    def differ(column: str) -> Interval:
        return over_pairs(columns[column][halves[:, 0]] != columns[column][halves[:, 1]])

    asked = [(head, question) for head, questions in frames.about["questions"].items() for question in questions]
    kept = [name for name in (WAYPOINT, LOG) if f"{name}:path" in columns]
    paths = {name: columns[f"{name}:path"].reshape(-1, WAYPOINTS, 2) for name in kept}
    return KindOfPairs(
        len(halves),
        {question: differ(f"{head}:{question}:answer") for head, question in asked},
        {question: differ(f"true:{question}") for _, question in asked},
        {
            name: over_pairs(displacement(path[halves[:, 0]], path[halves[:, 1]]).mean(axis=1))
            for name, path in paths.items()
        },
    )


def pairs_json(kinds: Mapping[str, KindOfPairs]) -> dict[str, Any]:
    """As metrics.json has them."""
    return {kind: nan_to_none(asdict(scores)) for kind, scores in kinds.items()}


def pairs_table(kinds: Mapping[str, KindOfPairs]) -> Table:
    """For each kind of thing how often the answers differ, and below that the true ones; how far paths are apart."""
    table = bare_table(f"The two halves of {counted(sum(each.pairs for each in kinds.values()), 'pair')}")
    table.add_column("kind")
    scores, columns = [*kinds.values()], {}
    for asked in scores[0].answers:
        columns[asked] = [_cell(percent(each.answers[asked]), percent(each.truth[asked])) for each in scores]
    if WAYPOINT in scores[0].paths_m:
        columns["path (m)"] = [_cell(*(plain(each.paths_m[name]) for name in (WAYPOINT, LOG))) for each in scores]
    for title, cells in columns.items():
        add_numbers(table, title, cells)
    for row, (kind, each) in enumerate(kinds.items()):
        about = f"{kind}\n{counted(each.pairs, 'pair')}\n  true"
        table.add_row(Text(about), *(Text(printable(cells[row])) for cells in columns.values()))
    table.caption = Text(
        "How often the head answers otherwise with the thing than without it, and how far its two paths are apart; "
        "below that, how often the true answers differ, and how far the driven paths are apart. 95 % intervals over "
        "pairs."
    )
    return table


def _cell(said: Cell, true: Cell) -> str:
    return f"{said}\n{true.value}"
