"""Tables one below the other: what holds for several is said once."""

import pytest
from rich.table import Table
from rich.text import Text

from roadcue.reports.table import ONE_SEED, bare_table, few_sequences, print_tables


def table(title: str, caption: str) -> Table:
    made = bare_table(title)
    made.add_column("method")
    made.add_row(f"row of {title}")
    made.caption = Text(caption)
    return made


def test_a_caution_stands_below_the_first_table_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    both = f"95 % intervals over sequences. {few_sequences(4)}"
    own = "Opposite: left for right."
    print_tables([table("A", f"{both} {ONE_SEED}"), table("B", f"{both} {own} {ONE_SEED}"), table("C", both)])
    printed = " ".join(capsys.readouterr().out.split())
    for once in (few_sequences(4), ONE_SEED, own, "95 % intervals"):
        assert printed.count(once) == 1
    assert printed.index(own) > printed.index("row of B")
    assert printed.endswith("row of C")


def test_another_number_is_said_again(capsys: pytest.CaptureFixture[str]) -> None:
    print_tables([table("A", few_sequences(4)), table("B", few_sequences(5))])
    assert capsys.readouterr().out.count("Caution") == 2
