"""The frames of a manifest's sequences: numbered by their lines, or counted in the order of the file."""

from dataclasses import dataclass, field

from roadcue.errors import BadRecord


@dataclass
class _Sequence:
    """What is known of a sequence that has begun."""

    first: str
    """The place of its first line."""
    numbered: bool
    """Whether its lines say their frame; if not, they are counted."""
    lost: int
    """How many lines of unknown sequence came before it."""
    counted: int = 0
    taken: set[int] = field(default_factory=set)


class FrameNumbers:
    """The number of each line's frame within its sequence.

    A line that is left out keeps its place in the count, so that "one frame before" is never two. One of which not
    even the sequence can be read may belong to any, so it counts in every sequence that has begun.
    """

    def __init__(self) -> None:
        self._sequences: dict[str, _Sequence] = {}
        self._lost = 0

    def take(self, sequence: str, frame: int | None, where: str) -> int:
        """The frame of the line at `where`, which says it or leaves it to the order of the file.

        BadRecord when the sequence has that frame already, or has lines of both kinds: their order is not known.
        """
        one = self._sequences.setdefault(sequence, _Sequence(where, frame is not None, self._lost))
        if one.numbered != (frame is not None):
            has, lacks = (where, one.first) if frame is not None else (one.first, where)
            raise BadRecord(
                f"{where}: in sequence {sequence!r} {has} has a frame and {lacks} has none, so that their "
                "order in time is not known; give every line of a sequence a frame, or give none and order the lines "
                "in time"
            )
        if frame is None:
            frame = one.counted + self._lost - one.lost
            one.counted += 1
        elif frame in one.taken:
            raise BadRecord(
                f"{where}: sequence {sequence!r} has a frame {frame} already; number its frames in time, "
                "or leave frame out of every line and order the lines in time"
            )
        else:
            one.taken.add(frame)
        return frame

    def skip(self, sequence: object) -> None:
        """Count a line that is left out; `sequence` is what it says of its own, if that can be read."""
        if not isinstance(sequence, str):
            self._lost += 1
        elif sequence in self._sequences:
            self._sequences[sequence].counted += 1
