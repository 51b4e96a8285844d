"""The policy for records that cannot be used, such as a corrupt picture: the first stops, or all are counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from roadcue.errors import BadInput, BadRecord

OnBadRecord = Literal["raise", "skip"]
"""`--on_bad_record`: stop at a record that cannot be used, or leave it out and count it."""


@dataclass(frozen=True)
class Skipped:
    """A record that could not be used, and why."""

    where: str
    reason: str

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

    def reject_all(self, faults: Sequence[Skipped], said: str, *, some_left: bool = True) -> None:
        """Stop with `said`, which sums up all faults of one kind, or leave them out if some records are left."""
        if faults and not some_left:
            raise BadInput(said)
        if faults and self._policy == "raise":
            raise BadRecord(said)
        self.skipped += faults


def named_first(skipped: Sequence[Skipped]) -> str:
    """What is wrong with the first of some records, and where the next few are."""
    first, *others = skipped[:4]
    more = f"; then {', '.join(one.where for one in others[:3])}" if others else ""
    return f"the first: {first.reason}{more}{', ...' if skipped[4:] else ''}"
