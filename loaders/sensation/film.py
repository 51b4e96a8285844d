"""Which pictures belong together: a walk of the drawn view, a stretch of a numbered film, or one picture alone.

Of the published pictures 2,232 are numbered, from `0000.jpg` and `image_0.jpg` on, with hardly a number missing: two
films. Their published split draws pictures at random, so that nearly every numbered test picture has its neighbour in
training. A grouped split parts whole stretches of the films instead, and leaves out a few pictures between two
stretches, so that the last of one and the first of the next are not neighbours either.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

_WALK = re.compile(r"(walk-\d+)-(\d{1,9})", re.ASCII)
_NUMBERED = re.compile(r"(image_)?(\d{1,9})", re.ASCII)
_ENDS_IN_NUMBER = re.compile(r"(.*\D)\d{1,9}", re.ASCII)
NO_FILM = "tell no film"
"""What is said of such names."""
STRETCH = 50
"""Numbered pictures are frames of films whose ends nobody has marked; so many in a row are taken for one stretch."""
BETWEEN = 5
"""The last pictures of a stretch, which a grouped split leaves out: as many steps lie between two stretches."""


class Leakage(NamedTuple):
    """Of a part's numbered pictures, how many have a neighbour in training."""

    numbered: int
    leaking: int


def film_of(image: str) -> tuple[str, int] | None:
    """The film that a picture is from, by its file name, and its number in it; None when the name has no number."""
    stem = _stem(image)
    if walk := _WALK.fullmatch(stem):
        return walk[1], int(walk[2])
    if numbered := _NUMBERED.fullmatch(stem):
        return numbered[1] or "", int(numbered[2])
    return None


def place_in_film(image: str) -> tuple[str, int]:
    """The sequence of a picture, by its file name, and its frame in that sequence."""
    if not (place := film_of(image)):
        return _stem(image), 0
    film, number = place
    return (film if _is_walk(film) else f"{film}{number - number % STRETCH:04d}"), number


def is_between(image: str) -> bool:
    """Whether a picture lies between two stretches of a film; a drawn walk is whole and has no such picture."""
    place = film_of(image)
    return place is not None and not _is_walk(place[0]) and place[1] % STRETCH >= STRETCH - BETWEEN


def leakage(images: Iterable[str], train: Iterable[str], steps: int = 1) -> Leakage:
    """How many of `images` lie at most `steps` numbers from a training picture of the same film."""
    seen = {place for image in train if (place := film_of(image))}
    asked = [place for image in images if (place := film_of(image))]
    near = [step for step in range(-steps, steps + 1) if step]
    leaking = sum(any((film, number + step) in seen for step in near) for film, number in asked)
    return Leakage(len(asked), leaking)


def untold_films(images: Iterable[str]) -> str:
    """What is to be said of pictures that look numbered in another form than is known here; "" where none do.

    Of the published pictures that have no number the names are random: no two differ in their last digits alone.
    """
    alike: dict[str, list[str]] = {}
    for image in images:
        if film_of(image) is None and (numbered := _ENDS_IN_NUMBER.fullmatch(_stem(image))):
            alike.setdefault(numbered[1], []).append(image)
    untold = [image for several in alike.values() if len(several) > 1 for image in several]
    if not untold:
        return ""
    return (
        f"the names of {len(untold):,} pictures, such as {untold[0]} and {untold[1]}, {NO_FILM}: each is a sequence "
        "of its own, so that neighbours may be trained on and scored; call the pictures of each film walk-1-0.jpg, "
        "walk-1-1.jpg and so on, or 0000.jpg, 0001.jpg where there is only one"
    )


def _stem(image: str) -> str:
    return image.rpartition(".")[0] or image


def _is_walk(film: str) -> bool:
    return film.startswith("walk-")
