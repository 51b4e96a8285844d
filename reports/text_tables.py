"""The scores of texts as tables: near objects by kind, and the figures of the published evaluator."""

from rich.table import Table

from roadcue.metrics.objects import Counts, ObjectScores
from roadcue.metrics.published_evaluator import PublishedScores
from roadcue.reports.table import Row, plain, table_of


def object_table(title: str, presence: ObjectScores, placed: ObjectScores) -> Table:
    """A line per kind: its counts tp/fn/fp by presence and by place, and its F1 of presence x position."""
    return table_of(
        title,
        ["presence tp/fn/fp", "placed tp/fn/fp", "placed F1"],
        {
            Row(kind, None, ()): [_counts(counts), _counts(placed.counts[kind]), str(plain(placed.by_kind[kind]))]
            for kind, counts in presence.counts.items()
        },
        "object",
    )


def published_field_table(scores: PublishedScores) -> Table:
    """A line per field: the share of texts that state it, and the share and number of those that state it rightly."""
    n = scores.rows
    return table_of(
        f"Published evaluator: fields, N = {n}",
        ["presence", "accuracy", "right"],
        {
            Row(name, None, ()): [
                f"{present / n:.3f}",
                f"{scores.correct[name] / n:.3f}",
                f"{scores.correct[name]}/{n}",
            ]
            for name, present in scores.present.items()
        },
        "field",
    )


def published_object_table(scores: PublishedScores, gold: PublishedScores) -> Table:
    """A line per kind: counts, recall and precision of its mentions, and the precision that the gold text gets."""
    return table_of(
        "Published evaluator: objects mentioned anywhere in the text",
        ["tp/fn/fp", "recall", "precision", "precision of the gold text"],
        {
            Row(kind, None, ()): [
                _counts(counts),
                f"{counts.tp / max(1, counts.tp + counts.fn):.2f}",
                f"{_precision(counts):.2f}",
                f"{_precision(gold.objects[kind]):.2f}",
            ]
            for kind, counts in scores.objects.items()
        },
        "object",
    )


def _counts(counts: Counts) -> str:
    """Such as 24/18/35."""
    return f"{counts.tp}/{counts.fn}/{counts.fp}"


def _precision(counts: Counts) -> float:
    return counts.tp / max(1, counts.tp + counts.fp)
