"""The shuffled-picture control: a split in which every row has the picture of another drive.

What a head gains over its blind twin must come from the picture of the very moment. Here the pictures are as many,
as good and as alike as before, only the wrong ones. A gain that is still there came from somewhere else: a target
that reaches the head beside the stored features, a feature made of the row's place when it is read, a twin that was
trained worse, more weights or noise that act as regularisation.

What it cannot catch sits in the picture, or was stored with it, and moves along: a frame number painted into a
corner, a feature that names the row of the store, a drive that is in both splits.
"""

from dataclasses import replace

import numpy as np

from roadcue.training.heads.batches import StoredSplit


def with_shuffled_pictures(split: StoredSplit, seed: int) -> StoredSplit:
    """The split with its stored features dealt out anew: each row's come from a row of another sequence.

    Past states, intent and future stay where they are; a picture's earlier frames go with it. Not merely another
    row: frames of one drive look alike, and a shuffle among them would leave the picture half right. ValueError when
    one sequence holds more than half of the rows, since then its rows cannot all get others' pictures.
    """
    if split.store is None:
        raise ValueError("this split has no features that could be shuffled")
    taken = permutation_across_sequences(split.dataset.states.sequence[split.rows], seed)
    return replace(split, store_rows=split.store_rows[taken])


def permutation_across_sequences(sequence: np.ndarray, seed: int) -> np.ndarray:
    """(n,) names -> (n,) permutation that takes no row to one of its own sequence; the seed decides it.

    Rows are laid in a circle, sequence by sequence, both in random order, and each takes the picture of the row some
    way ahead: at least as far as the longest sequence is long, at most as far as leaves that much behind.
    """
    _, index, counts = np.unique(sequence, return_inverse=True, return_counts=True)
    n, longest = len(sequence), int(counts.max(initial=0))
    if 2 * longest > n:
        raise ValueError(f"one sequence holds {longest} of {n} rows: too many to give each another one's picture")
    random = np.random.default_rng(seed)
    circle = np.lexsort([random.random(n), random.permutation(len(counts))[index]])
    taken = np.empty(n, dtype=np.int64)
    taken[circle] = np.roll(circle, random.integers(longest, n - longest + 1))
    return taken
