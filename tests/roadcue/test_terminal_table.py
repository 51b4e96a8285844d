"""Tables in a narrow terminal: every word and figure is there, and nothing changes where they fit."""

import io

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from roadcue.metrics.bootstrap import Interval
from roadcue.reports.table import Row, difference, percent, plain, print_tables, table_of
from roadcue.reports.unfreezing import Unfrozen, unfreezing_table
from roadcue.terminal_table import print_table

NAMES = ["waypoint", "waypoint without features", "constant velocity", "stand still"]
FIGURES = ["ADE 3 s (m)", "ADE 5 s (m)", "FDE 5 s (m)", "miss rate", "Δ ADE 5 s (m)"]


def scores() -> Table:
    figure = Interval(2.5, 1.25, 3.75)
    cells = [*[str(plain(figure))] * 3, str(percent(Interval(0.25, 0.2, 0.3))), str(difference(figure))]
    return table_of("Displacement", FIGURES, {Row(name, name == "waypoint", ()): cells for name in NAMES})


def unfrozen() -> Table:
    figure = Interval(2.5, 1.25, 3.75)
    settings = [Unfrozen(name, 3, 1_180_000, 1.25, 0.125, figure, figure, figure) for name in NAMES]
    return unfreezing_table("ADE", "ADE 5 s", settings, share=False)


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 200])
@pytest.mark.parametrize("made", [scores, unfrozen])
def test_line_19b_a_terminal_of_40_columns_has_no_empty_cell(made, columns, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(columns))
    print_tables([made()])
    printed = capsys.readouterr().out
    assert "…" not in printed.replace("…", "", printed.count("1.25…3.75") + printed.count("+1.25…+3.75"))
    for cell in ("2.50", "1.25–3.75", "+2.50 *", "+1.25…+3.75"):
        assert printed.count(cell) >= len(NAMES), cell
    for word in " ".join(NAMES).split():
        assert word in printed


def test_a_table_that_fits_is_as_wide_as_the_terminal_lets_it(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    print_table(scores())
    whole = Console(width=80, file=io.StringIO())
    whole.print(scores())
    assert capsys.readouterr().out == whole.file.getvalue()


def test_names_of_frames_are_folded_and_make_no_table_wide(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    table = Table(box=None, padding=0)
    for name in ("frame", "answer"):
        table.add_column(name, overflow="fold")
    table.add_row(Text("f" * 60), Text("a" * 60))
    print_table(table)
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    assert (printed.count("f") - 1, printed.count("a") - 2) == (60, 60)
