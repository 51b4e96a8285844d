"""The policy for records that cannot be used, such as a corrupt picture: the first stops, or all are counted."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from roadcue.errors import BadInput, BadRecord

OnBadRecord = Literal["raise", "skip"]
"""`--on_bad_record`: stop at a record that cannot be used, or leave it out and count it."""
Raw = TypeVar("Raw")
Parsed = TypeVar("Parsed")


@dataclass(frozen=True)
class Skipped:
    """A record that could not be used, and why."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"

    @classmethod
    def of(cls, where: str, bad: BadRecord) -> "Skipped":
        """The reason that an error gives, without the place if it begins with that."""
        return cls(where, str(bad).removeprefix(where).lstrip(":, "))


class BadRecords:
    """Decides what happens to each record that cannot be used, and keeps those that were left out in `skipped`."""

    def __init__(self, policy: OnBadRecord) -> None:
        self._policy = policy
        self.skipped: list[Skipped] = []

    def reject(self, where: str, bad: BadRecord) -> None:
        """Stop with what is wrong with the record at `where`, or leave it out."""
        if self._policy == "raise":
            raise BadRecord(f"{bad}; --on_bad_record skip leaves it out") from None
        self.skipped.append(Skipped.of(where, bad))

    def reject_all(self, faults: Sequence[Skipped], message: str, *, some_left: bool = True) -> None:
        """Stop with `said`, which sums up all faults of one kind, or leave them out if some records are left."""
        if faults and not some_left:
            raise BadInput(message)
        if faults and self._policy == "raise":
            raise BadRecord(message)
        self.skipped += faults


def first_of_each(
    records: Iterable[tuple[str, Raw]],
    parse: Callable[[Raw, str], Parsed],
    name: Callable[[Parsed], str],
    repeated: Callable[[Parsed], str],
    policy: OnBadRecord = "skip",
) -> tuple[dict[str, Parsed], list[Skipped]]:
    """What is read of (where, raw) records, by name, and those left out: damaged ones, and repeats of a name.

    `parse(raw, where)` reads one, BadRecord where it cannot; `repeated` says of the first record of a name what is
    wrong with a second one. BadRecord for the first bad one if the policy is to stop.
    """
    firsts: dict[str, Parsed] = {}
    bad_records = BadRecords(policy)
    for where, raw in records:
        try:
            parsed = parse(raw, where)
            if name(parsed) in firsts:
                raise BadRecord(f"{where}: {name(parsed)} {repeated(firsts[name(parsed)])}")
        except BadRecord as bad:
            bad_records.reject(where, bad)
        else:
            firsts[name(parsed)] = parsed
    return firsts, bad_records.skipped


def named_first(skipped: Sequence[Skipped]) -> str:
    """What is wrong with the first of some records, and where the next few are."""
    first, *others = skipped[:4]
    more = f"; then {', '.join(one.where for one in others[:3])}" if others else ""
    return f"the first: {first.reason}{more}{', ...' if skipped[4:] else ''}"


def faults_by_kind(skipped: Sequence[Skipped]) -> list[str]:
    """What is wrong with records, one sentence for each kind: how many they are, and the first of them.

    Of one kind are reasons that differ in what they quote, in paths and in numbers alone.
    """
    first: dict[str, Skipped] = {}
    count: Counter[str] = Counter()
    for one in skipped:
        kind = re.sub(r"'[^']*'|\"[^\"]*\"|\S*/\S+|\d+", "", one.reason.partition(";")[0])
        first.setdefault(kind, one)
        count[kind] += 1
    return [f"{number:,}, the first {first[kind]}" for kind, number in count.most_common()]
