"""Films of numbered pictures: which are neighbours, and that a grouped split has none across its parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadcue.loaders.sensation.captions import Caption
from roadcue.loaders.sensation.describe import grouped_parts
from roadcue.loaders.sensation.files import SensationFiles
from roadcue.loaders.sensation.film import (
    BETWEEN,
    NO_FILM,
    STRETCH,
    film_of,
    is_between,
    leakage,
    place_in_film,
    untold_films,
)

numbered = st.builds(
    lambda prefix, number: f"{prefix}{number:04d}.jpg" if not prefix else f"{prefix}{number}.jpg",
    st.sampled_from(["", "image_"]),
    st.integers(0, 4 * STRETCH),
)
alone = st.from_regex(r"[A-Z-]{22}\.jpg", fullmatch=True)
pictures = st.lists(st.one_of(numbered, numbered, alone), unique=True, max_size=120)


def files_of(images: list[str]) -> SensationFiles:
    captions = [Caption(f"training/images/{image}", "", "train") for image in images]
    return SensationFiles({}, captions, {}, [], set())


@pytest.mark.parametrize(
    ("part", "train", "leaking"),
    [
        (["0005.jpg"], ["0004.jpg"], (1, 1)),
        (["0005.jpg"], ["0006.jpg"], (1, 1)),
        (["0005.jpg"], ["0003.jpg", "0007.jpg", "0005.jpg"], (1, 0)),
        (["0005.jpg"], ["image_4.jpg", "walk-0000000-4.jpg"], (1, 0)),
        (["image_5.jpg", "image_9.jpg"], ["image_4.jpg"], (2, 1)),
        (["walk-0000012-3.jpg"], ["walk-0000012-2.jpg"], (1, 1)),
        (["walk-0000012-3.jpg"], ["walk-0000013-2.jpg"], (1, 0)),
        (["-4jzRzGfKmQg8RBNlNqnGQ.jpg"], ["-4jzRzGfKmQg8RBNlNqnGR.jpg"], (0, 0)),
        ([], ["0001.jpg"], (0, 0)),
    ],
)
def test_a_picture_leaks_when_training_has_its_neighbour(part, train, leaking):
    assert leakage(part, train) == leaking


def test_neighbours_of_several_steps():
    assert leakage(["0005.jpg"], ["0008.jpg"], steps=2) == (1, 0)
    assert leakage(["0005.jpg"], ["0008.jpg"], steps=3) == (1, 1)


@given(pictures, st.floats(0.01, 0.99))
def test_no_part_of_a_grouped_split_has_its_neighbour_in_the_other(images, val_fraction):
    parts = grouped_parts(files_of(images), val_fraction)
    for part in parts:
        for other in parts:
            if part is not other:
                assert leakage(part.images, other.images, steps=BETWEEN).leaking == 0
    if parts:
        assert sorted(image for part in parts for image in part.images) == sorted(
            image for image in images if not is_between(image)
        )


@given(numbered)
def test_a_stretch_loses_its_last_pictures_and_a_walk_none(image):
    film, number = film_of(image)
    assert is_between(image) == (number % STRETCH in range(STRETCH - BETWEEN, STRETCH))
    assert place_in_film(image) == (f"{film}{number // STRETCH * STRETCH:04d}", number)
    assert not is_between(f"walk-0000000-{number}.jpg")


@given(st.text(max_size=30))
def test_any_name_has_a_place(name):
    sequence, frame = place_in_film(name)
    assert isinstance(sequence, str)
    assert 0 <= frame < 10**9


@pytest.mark.parametrize("form", ["IMG_{:04d}.jpg", "frame-{}.jpg", "2024-05-01_{:06d}.jpg", "GOPR{:04d}.JPG"])
def test_pictures_that_are_numbered_in_another_form_are_said(form):
    images = ["-4jzRzGfKmQg8RBNlNqnGQ.jpg", *(form.format(number) for number in range(1, 4)), "0001.jpg"]
    said = untold_films(images)
    assert said.startswith(f"the names of 3 pictures, such as {images[1]} and {images[2]}, {NO_FILM}: each is")
    assert "call the pictures of each film walk-1-0.jpg, walk-1-1.jpg" in said
    assert [place_in_film(f"walk-1-{number}.jpg") for number in (0, 1)] == [("walk-1", 0), ("walk-1", 1)]


def test_names_of_known_films_and_random_ones_are_not_said():
    random = ["-4jzRzGfKmQg8RBNlNqnGQ.jpg", "zBqbwUhlnz_y7yZtNi7ye1.jpg", "w5fQbT0mUYt2mCXxdgyq72.jpg"]
    assert not untold_films([*random, "0001.jpg", "0002.jpg", "image_1.jpg", "image_2.jpg", "walk-0000012-3.jpg"])
