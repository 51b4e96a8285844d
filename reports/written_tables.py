"""Tables for other programs: one CSV of all figures, and LaTeX with booktabs."""

import io
import math
from collections.abc import Container, Sequence
from csv import writer

from roadcue.files import user_path, write_atomic, writing_into
from roadcue.metrics.bootstrap import Interval
from roadcue.metrics.score_table import ScoreTable
from roadcue.reports.score_table import score_table_caption, score_table_extent, score_table_rows
from roadcue.reports.table import Cell
from roadcue.sentences import show

_COLUMNS = ("table", "method", "figure", "value", "low", "high", "samples", "sequences", "training_seeds")
_ESCAPED = str.maketrans(
    {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "Δ": r"$\Delta$"}
    | {special: f"\\{special}" for special in "&%$#_{}"}
    | {"−": "$-$", "–": "--", "…": r" \ldots{} ", "\N{NO-BREAK SPACE}": "~"}
)


def save_tables(
    tables: Sequence[ScoreTable], sees_image: Container[str], *, csv: str | None, latex: str | None
) -> None:
    """Write and name the files that were asked for; BadInput where one cannot be written."""
    wanted = {"csv": (csv, as_csv(tables)), "latex": (latex, as_latex(tables, sees_image))}
    for option, (file, text) in wanted.items():
        if file is not None:
            path = user_path(file)
            with writing_into(path.parent, f"free space there, or name another file with --{option}"):
                write_atomic(path, text)
            show(path)


def as_csv(tables: Sequence[ScoreTable]) -> str:
    """A line for each figure: value and 95 % bounds as numbers, shares from 0 to 1; nothing where there is none."""
    text = io.StringIO()
    lines = writer(text, lineterminator="\n")
    lines.writerow(_COLUMNS)
    for table in tables:
        for method, figures in table.methods.items():
            for key, title in table.columns.items():
                if key in figures:
                    extent = (table.samples, table.sequences, table.training_seeds.get(method))
                    lines.writerow([table.title, method, title, *_numbers(figures[key]), *extent])
    return text.getvalue()


def as_latex(tables: Sequence[ScoreTable], sees_image: Container[str]) -> str:
    r"""A `table` for each, with the interval beside each value; the preamble needs `\usepackage{booktabs}`."""
    return "% \\usepackage{booktabs}\n" + "\n".join(_latex_table(table, sees_image) for table in tables)


def _numbers(interval: Interval) -> list[float | str]:
    return ["" if math.isnan(value) else value for value in (interval.value, interval.low, interval.high)]


def _latex_table(table: ScoreTable, sees_image: Container[str]) -> str:
    marks = {True: r"$\bullet$ ", False: r"$\circ$ ", None: ""}
    caption = (
        rf"{_escaped(table.title)}, {_escaped(score_table_extent(table))}. "
        rf"$\bullet$~sees the image, $\circ$~does not. {_escaped(score_table_caption(table))}"
    )
    lines = [
        r"\begin{table}",
        rf"\caption{{{caption}}}",
        rf"\begin{{tabular}}{{l{'r' * len(table.columns)}}}",
        r"\toprule",
        " & ".join(["method", *map(_escaped, table.columns.values())]) + r" \\",
        r"\midrule",
        *(
            " & ".join([marks[row.sees_image] + _escaped(row.name), *map(_latex_cell, row.cells)]) + r" \\"
            for row in score_table_rows(table, sees_image)
        ),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _latex_cell(cell: Cell) -> str:
    value = _escaped(cell.value) + ("$^*$" if cell.clear else "")
    return rf"{value} {{\scriptsize ({_escaped(cell.interval)})}}" if cell.interval else value


def _escaped(text: str) -> str:
    return text.translate(_ESCAPED)
