"""The comparison against the log as tables: all frames, and by group."""

from collections.abc import Container, Mapping

from rich.table import Table
from rich.text import Text

from roadcue.errors import printable
from roadcue.metrics.comparison import Comparison, MethodScores
from roadcue.metrics.displacement import MISS_M
from roadcue.metrics.rated_comparison import RatedComparison
from roadcue.metrics.score_table import ScoreTable
from roadcue.reports.table import (
    BLIND,
    ONE_SEED,
    SEES,
    Row,
    add_numbers,
    bare_table,
    difference,
    few_sequences,
    mark,
    percent,
    plain,
    share_unlike,
    table_of,
)
from roadcue.sentences import counted

COLUMNS: Mapping[str, str] = {
    "ade_1s": "ADE 1 s (m)",
    "ade_3s": "ADE 3 s (m)",
    "ade_5s": "ADE 5 s (m)",
    "fde_5s": "FDE 5 s (m)",
    "miss_rate": "miss rate",
}
"""The metrics of the table, with what heads their column."""
WALKS = (
    f"These are walks, some 7 m in 5 s. A miss ({MISS_M:g} m at 5 s), the speed groups, and the bounds of the "
    "unicycle and of constant turn rate (no turn tighter than 5 m in radius) are those of driving."
)
"""What a reader of such tables has to know where walkers have walked the paths."""
_MANY = 4
"""More groups than this do not fit beside each other in 80 columns."""


def ranked(comparison: Comparison) -> list[MethodScores]:
    """The methods, best ADE at 5 s first: the order of every table and figure."""
    return sorted(comparison.methods, key=lambda method: method.overall["ade_5s"].value)


def rows(comparison: Comparison, sees_image: Container[str]) -> list[Row]:
    """A row per method with the metrics of `COLUMNS` and the paired difference of ADE at 5 s to the reference."""
    return [
        Row(
            method.name,
            method.name in sees_image,
            tuple(
                percent(method.overall[key]) if key == "miss_rate" else plain(method.overall[key]) for key in COLUMNS
            ),
            difference(method.difference["ade_5s"]) if method.difference else None,
        )
        for method in ranked(comparison)
    ]


def group_rows(comparison: Comparison, sees_image: Container[str], kind: str) -> list[Row]:
    """A row per method with ADE at 5 s in each of the comparison's groups by `kind`, such as "intent"."""
    return [
        Row(
            method.name,
            method.name in sees_image,
            tuple(plain(method.by(kind)[group]["ade_5s"]) for group in comparison.group_sizes[kind]),
        )
        for method in ranked(comparison)
    ]


def extent(comparison: Comparison) -> str:
    """How many samples and sequences the comparison is made of."""
    return f"{counted(comparison.samples, 'sample')} of {counted(comparison.sequences, 'sequence')}"


def how_made(comparison: Comparison | RatedComparison, figure: str = "ADE 5 s") -> str:
    """What the intervals and the differences in a figure are, of one training seed, and how many samples have unlike
    pictures.
    """
    unlike = share_unlike(comparison.unlike)
    if comparison.sequences < 2:
        alone = "No 95 % intervals: they come from a bootstrap over sequences, and there is only one."
        return f"{alone} {ONE_SEED} {unlike}".strip()
    drawn = f"{comparison.resamples:,} bootstrap resamples over sequences (seed {comparison.seed})"
    sentences = [
        f"95 % intervals from {drawn}.",
        differences_said(comparison, figure),
        few_sequences(comparison.sequences),
        ONE_SEED,
        unlike,
    ]
    return " ".join(filter(None, sentences))


def differences_said(comparison: Comparison | RatedComparison, figure: str = "ADE 5 s") -> str:
    """What the differences in a figure are."""
    return (
        f"Differences in {figure} to {comparison.reference!r}, in pairs on the same samples, * where the interval "
        "leaves out zero."
    )


def displacement_table(comparison: Comparison, sees_image: Container[str]) -> Table:
    """The comparison for a terminal of 80 columns or more; `sees_image` holds the methods that see an image."""
    table_rows = rows(comparison, sees_image)
    table = table_of(
        f"Displacement against the log, {extent(comparison)}",
        [*COLUMNS.values(), "Δ ADE 5 s (m)"],
        {row: [*map(str, row.cells), str(row.difference or "reference")] for row in table_rows},
    )
    table.caption = Text(f"{SEES} sees the image  {BLIND} does not. {how_made(comparison)}")
    return table


def displacement_scores(comparison: Comparison) -> list[ScoreTable]:
    """The table and those by group as figures, the methods in the same order."""
    methods = ranked(comparison)
    size = comparison.samples, comparison.sequences
    overall = {
        method.name: method.overall | ({"difference": method.difference["ade_5s"]} if method.difference else {})
        for method in methods
    }
    tables = [
        ScoreTable(
            "Displacement against the log",
            {**COLUMNS, "difference": "Δ ADE 5 s (m)"},
            overall,
            *size,
            meaning=f"{differences_said(comparison)} {share_unlike(comparison.unlike)}".strip(),
            plain=COLUMNS.keys() - {"miss_rate"},
            signed=("difference",),
        )
    ]
    for kind, sizes in comparison.group_sizes.items():
        scores = {method.name: {name: method.by(kind)[name]["ade_5s"] for name in sizes} for method in methods}
        columns = {name: f"{name} (n = {number})" for name, number in sizes.items()}
        tables.append(ScoreTable(f"ADE 5 s (m) by {kind}", columns, scores, *size, plain=sizes))
    return tables


def group_table(comparison: Comparison, sees_image: Container[str], kind: str) -> Table:
    """ADE at 5 s by `kind`, such as "intent", for a terminal of 80 columns or more."""
    sizes, table_rows = comparison.group_sizes[kind], group_rows(comparison, sees_image, kind)
    heads = [f"{group} (n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{size:,})" for group, size in sizes.items()]
    title = f"ADE 5 s (m) by {kind}"
    if len(sizes) <= _MANY:
        return table_of(title, heads, {row: [*map(str, row.cells)] for row in table_rows})
    table = bare_table(title)  # a terminal has more lines than columns
    if kind == "cluster":
        table.caption = Text("Clusters are spelled as in Waymo's file.")
    table.add_column(kind)
    for row in table_rows:
        add_numbers(table, f"{mark(row)} {row.name}", [*map(str, row.cells)])
    for head, cells in zip(heads, zip(*(row.cells for row in table_rows), strict=True), strict=True):
        table.add_row(Text(printable(head)), *(Text(str(cell)) for cell in cells))
    return table
