"""What is scored and has been seen in training, though no file name and no path shows it."""

from collections.abc import Iterator

import numpy as np

from roadcue.loaders.sensation.film import NO_FILM
from roadcue.training.heads.batches import StoredSplit


def same_pictures(train: StoredSplit, val: StoredSplit) -> str:
    """What is to be said of pictures that both splits hold; "" where there are none, or nothing is seen.

    Told by what is stored of them: equal pictures give equal numbers, and different ones never all of them.
    """
    if train.store is None or val.store is None:
        return ""
    first = {contrast: (row, features) for row, contrast, features in _pictures(train)}
    both = [
        (row, seen[0])
        for row, contrast, features in _pictures(val)
        if (seen := first.get(contrast)) and np.array_equal(seen[1], features)
    ]
    if not both:
        return ""
    several = f"{len(both):,} pictures are" if len(both) > 1 else "1 picture is"
    row, trained = both[0]
    return (
        f"of {val.dataset.split}, {several} also among those that are trained on, "
        f"the first in {val.dataset.where(row)}, the same as in {train.dataset.where(trained)}; "
        "what is scored there has been seen before"
    )


def lone_rows(train: StoredSplit) -> str:
    """What is to be said where each row is a sequence of its own; "" where not, or where the loader has said it."""
    if not 1 < len(train) == len(np.unique(train.sequence)) or NO_FILM in train.dataset.description:
        return ""
    return (
        f"each of the {len(train):,} training rows is a sequence of its own: frames of one film belong into one, "
        "or what is kept for calibration and scored has neighbours among what is trained on"
    )


def _pictures(split: StoredSplit) -> Iterator[tuple[int, bytes, np.ndarray]]:
    """Row of the data set, contrast and features (k, d) of each picture."""
    store = split.store
    assert store is not None
    for row, place in zip(split.rows.tolist(), split.store_rows.tolist(), strict=True):
        for camera in np.flatnonzero(store.present[place]):
            yield row, store.contrast[place, camera].tobytes(), store.features[place][camera]
