"""Texts that say the same of every picture, made of what was to be learnt: what a text gets that sees nothing."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from roadcue.evaluation.text_scores import FIELDS, label_arrays
from roadcue.metrics.classification import majority
from roadcue.prompts import path_text
from roadcue.prompts.annotation import SIDES, Annotation
from roadcue.prompts.claims import MENTIONED_KINDS, Claims, parse_claims


def constant_claims(labels: Sequence[Annotation], texts: Iterable[str]) -> dict[str, Claims]:
    """Method -> what it claims of each picture, from the labels and the BVPI texts of the training pictures."""
    blind = majority_claims(labels)
    everything: Mapping[str, tuple[str, ...]] = dict.fromkeys(MENTIONED_KINDS, SIDES)
    return {
        "majority": blind,
        "list everything": Claims(blind.sidewalk, blind.road, blind.relation, everything, everything),
        "constant text": parse_claims(commonest(texts)),
    }


def commonest(texts: Iterable[str]) -> str:
    """The commonest text without its context, which is hardly ever the same twice and claims nothing."""
    heads = Counter(text.partition("Context:")[0].strip() for text in texts)
    return heads.most_common(1)[0][0]


def mean_path(future: np.ndarray) -> str:
    """The text of the mean of the known paths among (n, 20, 2) metres, ego frame; "" where none is known.

    The constant of paths: hardly any text of a path is there twice.
    """
    known = future[np.isfinite(future).all(axis=(1, 2))]
    return path_text.compose(known.mean(axis=0, dtype=np.float64)) if len(known) else ""


def majority_claims(labels: Sequence[Annotation]) -> Claims:
    """What is most often true: each field's commonest word, and each place of a kind that is mostly taken."""
    target = label_arrays(labels)
    sidewalk, road, relation = (majority(target.fields[name]) for name in FIELDS)
    taken = 2 * target.places.sum(axis=0) > target.known.sum(axis=0)[:, None]
    near = {
        kind: tuple(place for place, often in zip(SIDES, row, strict=True) if often)
        for kind, row in zip(target.kinds, taken, strict=True)
        if row.any()
    }
    return Claims(sidewalk, road, relation, near)
