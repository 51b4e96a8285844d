"""Which pictures belong together: a walk of the drawn view, a stretch of a numbered film, or one picture alone."""

import re

_WALK = re.compile(r"(walk-\d+)-(\d+)")
_NUMBERED = re.compile(r"(image_)?(\d+)")
STRETCH = 50
"""Numbered pictures are frames of films whose ends nobody has marked; so many in a row are taken for one stretch."""


def place_in_film(image: str) -> tuple[str, int]:
    """The sequence of a picture, by its file name, and its frame in that sequence."""
    stem = image.rpartition(".")[0] or image
    if walk := _WALK.fullmatch(stem):
        return walk[1], int(walk[2])
    if numbered := _NUMBERED.fullmatch(stem):
        number = int(numbered[2])
        return f"{numbered[1] or ''}{number - number % STRETCH:04d}", number
    return stem, 0
