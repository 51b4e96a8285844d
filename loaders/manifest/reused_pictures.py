"""Pictures that a manifest names more than once: most often a slip in a spreadsheet, and across splits a leak."""

from collections.abc import Callable, Iterable, Sequence
from posixpath import normpath

from roadcue.errors import BadInput
from roadcue.loaders.manifest.line import ManifestLine


def check_parts(lines: Sequence[ManifestLine], split: str, place: Callable[[int], str]) -> None:
    """BadInput for a picture of lines that may be trained on and scored: of two splits, or of two sequences.

    The latter when all lines are read, as whole sequences are then parted. `place` names the line of a row.
    """
    part = "sequence" if split == "all" else "split"
    first: dict[str, int] = {}
    for row, line in enumerate(lines):
        for camera, path in line.images.items():
            other = first.setdefault(normpath(path), row)
            parts = getattr(line, part), getattr(lines[other], part)
            if parts[0] != parts[1]:
                raise BadInput(
                    f"{place(row)}: images[{camera!r}] = {path!r} of {part} {parts[0]!r} is also named by "
                    f"{place(other)}, of {part} {parts[1]!r}; name a picture in one {part}, or "
                    "what is scored has been trained on"
                )


def reuse(lines: Sequence[ManifestLine], rows: Iterable[int], place: Callable[[int], str]) -> str:
    """What is to be said of pictures that rows name more than once, of which nobody knows whether they mean it.

    "" where there are none; `place` names the line of a row.
    """
    first: dict[str, int] = {}
    again: dict[str, int] = {}
    for row in rows:
        for path in map(normpath, lines[row].images.values()):
            if path in first:
                again.setdefault(path, row)
            else:
                first[path] = row
    if not again:
        return ""
    path, row = next(iter(again.items()))
    several = f"{len(again):,} pictures are" if len(again) > 1 else "1 picture is"
    where = " and ".join(dict.fromkeys((place(first[path]), place(row))))
    return f"{several} named more than once, the first, {path!r}, by {where}"
