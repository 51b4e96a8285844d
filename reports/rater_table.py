"""The comparison against raters as a table: feedback score, and two ADEs that are not the one against the log."""

from collections.abc import Container, Mapping

from rich.table import Table
from rich.text import Text

from roadcue.metrics.rated_comparison import RatedComparison, RatedScores
from roadcue.metrics.score_table import ScoreTable
from roadcue.reports.colours import LOG
from roadcue.reports.displacement_table import differences_said, how_made
from roadcue.reports.table import Row, difference, percent, plain, share_unlike, table_of
from roadcue.sentences import counted

SCORE_COLUMNS: Mapping[str, str] = {
    "rfs_cluster_mean": "RFS over clusters",
    "rfs_frame_mean": "RFS over frames",
    "floor_share": "at the floor",
}
"""What heads a column: the feedback score and its floor."""
DISTANCE_COLUMNS: Mapping[str, str] = {
    "ade_3s_best_rated": "ADE 3 s vs best-rated (m)",
    "ade_5s_best_rated": "ADE 5 s vs best-rated (m)",
    "ade_3s_official": "ADE 3 s official (m)",
    "ade_5s_official": "ADE 5 s official (m)",
}
"""What heads a column: the distance from the best-rated trajectory."""
MEANING = (
    "RFS is Waymo's rater feedback score, 0 to 10, higher is better: how near a path comes to the trajectories that "
    "raters scored; 4 is the floor of what lies outside of all their trust regions. ADE vs best-rated compares the "
    "points that the best-rated trajectory really has; the official one, as the test set defines it, fills a short "
    "one up with its last point."
)
"""What the columns are, in words."""


def score_columns(comparison: RatedComparison) -> dict[str, str]:
    """`SCORE_COLUMNS` without the mean over clusters where there is none."""
    return {key: head for key, head in SCORE_COLUMNS.items() if key in comparison.methods[0].overall}


def rated_rows(comparison: RatedComparison, sees_image: Container[str], columns: Mapping[str, str]) -> list[Row]:
    """A row per method, best RFS first, with the given columns and the paired difference of RFS to the reference."""

    def row(method: RatedScores) -> Row:
        cells = (
            percent(method.overall[key]) if key == "floor_share" else plain(method.overall[key]) for key in columns
        )
        sees = None if method.name == LOG else method.name in sees_image
        gap = difference(method.difference[comparison.headline]) if method.difference else None
        return Row(method.name, sees, tuple(cells), gap)

    return [row(method) for method in _ranked(comparison)]


def _ranked(comparison: RatedComparison) -> list[RatedScores]:
    """The methods, best RFS first."""
    return sorted(comparison.methods, key=lambda method: -method.overall[comparison.headline].value)


def rated_extent(comparison: RatedComparison) -> str:
    """How many frames and sequences the comparison is made of."""
    return f"{counted(comparison.frames, 'rated frame')} of {counted(comparison.sequences, 'sequence')}"


def rated_how_made(comparison: RatedComparison) -> str:
    """What the intervals and differences are, and which mean is missing, and why."""
    return f"{how_made(comparison, 'RFS')} {_missing_mean(comparison)}".strip()


def _missing_mean(comparison: RatedComparison) -> str:
    """Which mean is missing, or has no interval, and why."""
    if comparison.without_cluster:
        return (
            f"No RFS over clusters: {comparison.without_cluster:,} of the rated frames are of a sequence without a "
            "scenario cluster, and the leaderboard's mean over clusters needs one for each."
        )
    alone = [name for name, sequences in comparison.cluster_sequences.items() if sequences < 2]
    if alone:
        return f"RFS over clusters has no interval, since one sequence is all there is of {', '.join(alone)}."
    return ""


def rated_tables(comparison: RatedComparison, sees_image: Container[str]) -> list[Table]:
    """The comparison for a terminal of 80 columns or more, in two tables, which is what fits there."""
    columns, extent = score_columns(comparison), rated_extent(comparison)
    scores = table_of(
        f"Against raters: feedback score, 0 to 10, {extent}",
        [*columns.values(), f"Δ {columns[comparison.headline]}"],
        {
            row: [*map(str, row.cells), str(row.difference or "reference")]
            for row in rated_rows(comparison, sees_image, columns)
        },
    )
    scores.caption = Text(rated_how_made(comparison))
    distances = table_of(
        f"Against raters: displacement, {extent}",
        [*DISTANCE_COLUMNS.values()],
        {row: [*map(str, row.cells)] for row in rated_rows(comparison, sees_image, DISTANCE_COLUMNS)},
    )
    return [scores, distances]


def rated_scores(comparison: RatedComparison) -> ScoreTable:
    """The tables as figures, best RFS first."""
    columns = {**score_columns(comparison), **DISTANCE_COLUMNS}
    said = (differences_said(comparison, "RFS"), share_unlike(comparison.unlike), _missing_mean(comparison))
    return ScoreTable(
        "Against raters",
        {**columns, "difference": "Δ RFS"},
        {
            method.name: method.overall
            | ({"difference": method.difference[comparison.headline]} if method.difference else {})
            for method in _ranked(comparison)
        },
        comparison.frames,
        comparison.sequences,
        " ".join(filter(None, said)),
        plain=columns.keys() - {"floor_share"},
        signed=("difference",),
        gold=LOG,
    )
