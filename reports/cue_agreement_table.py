"""The rule's cue beside what the walker does, as tables: shares of the pictures, and counts of each way."""

from rich import box
from rich.table import Table
from rich.text import Text

from roadcue.metrics.cue_agreement import LABELS, CueAgreement
from roadcue.reports.table import Cell, add_numbers, bare_table, few_sequences, percent
from roadcue.sentences import counted


def agreement_title(agreement: CueAgreement) -> str:
    """What is above the figures."""
    extent = f"{counted(agreement.samples, 'sample')} of {counted(agreement.sequences, 'sequence')}"
    return f"The rule's cue beside what the walker does, {extent}"


def agreement_rows(agreement: CueAgreement) -> list[tuple[str, Cell]]:
    """What each figure is called, and the figure."""
    return [(label, percent(agreement.figures[key])) for key, label in LABELS.items()]


def agreement_tables(agreement: CueAgreement) -> list[Table]:
    """The figures and the counts for a terminal of 80 columns or more."""
    figures = Table(
        title=Text(agreement_title(agreement)), box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_header=False
    )
    figures.title_justify = figures.caption_justify = "left"
    for label, cell in agreement_rows(agreement):
        figures.add_row(Text(label), Text(f"{cell.value} ({cell.interval})", justify="right"))
    few = few_sequences(agreement.sequences)
    figures.caption = Text(" ".join(filter(None, ("95 % intervals over sequences.", few, agreement.meaning))))
    counts = bare_table("Pictures by way")
    counts.add_column("the rule \\ the walker")
    for way in agreement.ways:
        add_numbers(counts, way, [f"{done[way]:,}" for done in agreement.ways.values()])
    for way, done in agreement.ways.items():
        counts.add_row(Text(way), *(Text(f"{count:,}") for count in done.values()))
    return [figures, counts]
