"""In words, which row wins: the head, which sees the picture, or the best of the rows that do not."""

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from roadcue.metrics.bootstrap import Interval
from roadcue.metrics.comparison import Comparison
from roadcue.metrics.score_table import DIFFERENCE, ScoreTable
from roadcue.reports.table import excludes_zero


@dataclass(frozen=True)
class _Contest:
    """A head and the rows beside it: the `cost` of each, lower is better, and `more`, their cost minus the head's, in
    pairs. `subject` is what was asked, `figure` what the cost is of, `unit` what a cost of 1 is.
    """

    subject: str
    figure: str
    unit: str
    head: str
    cost: Mapping[str, float]
    more: Mapping[str, Interval]


def verdicts(comparison: Comparison | None, answers: Sequence[ScoreTable], sees_image: Container[str]) -> list[str]:
    """A sentence about the paths, and one about each table of `answers` with a headline.

    The comparison's reference and the first method of each table are the heads; `sees_image` holds the methods that
    see an image.
    """
    contests = [_of_paths(comparison)] if comparison else []
    contests += [_of_answers(table, table.headline) for table in answers if table.headline]
    return [_sentence(contest, sees_image) for contest in contests if contest.more]


def _of_paths(comparison: Comparison) -> _Contest:
    methods = comparison.methods
    return _Contest(
        "the path",
        "ADE at 5 s",
        "m",
        comparison.reference,
        {method.name: method.overall["ade_5s"].value for method in methods},
        {method.name: method.difference["ade_5s"] for method in methods if method.difference},
    )


def _of_answers(table: ScoreTable, headline: str) -> _Contest:
    """A cost is what a share lacks, in points. Rows that are not compared with the head, such as its own answered
    ones, are not counted."""
    subject, _, of = table.title.partition(", ")
    (head, *_) = table.methods
    scores = {name: figures for name, figures in table.methods.items() if name == head or DIFFERENCE in figures}
    gaps = {name: figures[DIFFERENCE] for name, figures in scores.items() if name != head}
    return _Contest(
        f"the {subject.lower()}",
        table.columns[headline] + (f" ({of})" if of else ""),
        "points",
        head,
        {name: -100 * figures[headline].value for name, figures in scores.items()},
        {name: Interval(-100 * gap.value, -100 * gap.high, -100 * gap.low) for name, gap in gaps.items()},
    )


def _sentence(contest: _Contest, sees_image: Container[str]) -> str:
    head, subject = contest.head, contest.subject
    if head not in sees_image:
        none_sees = not any(name in sees_image for name in contest.cost)
        best = min(contest.cost, key=contest.cost.__getitem__)
        return f"{'No row sees the picture; the' if none_sees else 'The'} best for {subject} is {best}."
    blind = min(contest.more, key=contest.cost.__getitem__)
    gain = contest.more[blind]
    sure = excludes_zero(gain)
    if gain.value > 0:
        opening = f"The picture pays for {subject}" if sure else f"Whether the picture pays for {subject} is open"
        better = f"{head}, which sees it, is {_amount(gain.value, contest.unit)} better in {contest.figure}"
        certainty = _certainty(gain, contest.unit, "and" if sure else "but")
        return f"{opening}: {better} than {blind}, the best row that sees no image, {certainty}."
    opening = f"The picture does not pay for {subject} here: {blind}, which sees no image, is"
    if gain.value == 0:
        return f"{opening} as good in {contest.figure} as {head}."
    lead = Interval(-gain.value, -gain.high, -gain.low)
    better = f"{_amount(lead.value, contest.unit)} better in {contest.figure} than {head}"
    return f"{opening} {better}, {_certainty(lead, contest.unit, 'and' if sure else 'though')}."


def _certainty(lead: Interval, unit: str, conjunction: str) -> str:
    """What the interval of a lead says, as the end of a sentence."""
    if math.isnan(lead.low):
        return "and too few sequences have it for an interval"
    bounds = f"{_number(lead.low, unit)} to {_amount(lead.high, unit)}"
    return f"{conjunction} the interval, {bounds}, {'excludes' if excludes_zero(lead) else 'holds'} 0"


def _amount(value: float, unit: str) -> str:
    return f"{_number(value, unit)} {unit}"


def _number(value: float, unit: str) -> str:
    """Centimetres, and tenths of a point."""
    return f"{value:.{2 if unit == 'm' else 1}f}".replace("-", "−")
