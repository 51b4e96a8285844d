"""Earlier frames as callers give them: so many frames back -> what `images` takes."""

from collections.abc import Mapping, Sequence
from typing import Any

from roadcue.errors import BadInput


def given_earlier(past_images: Mapping[int, Any] | None, known: Sequence[int], read: Sequence[int]) -> list[Any]:
    """What was given of each frame that is `read`, in this order.

    BadInput when one of them is not there, or one that is not among the `known` is.
    """
    given = past_images or {}
    if not isinstance(given, Mapping):
        raise BadInput("past_images: expected a mapping from how many frames back to what images takes")
    unknown = [back for back in given if back not in known]
    if unknown:
        reads = ", ".join(map(str, known)) or "none"
        raise BadInput(f"past_images[{unknown[0]!r}]: this run reads these earlier frames, as frames back: {reads}")
    missing = [back for back in read if back not in given]
    if missing:
        example = ", ".join(f"{back}: ..." for back in read)
        raise BadInput(
            f"this run also reads its cameras {' and '.join(map(str, missing))} frames before: give "
            f"past_images={{{example}}}, each in the form of images, or None for a frame that is not there"
        )
    return [given[back] for back in read]
