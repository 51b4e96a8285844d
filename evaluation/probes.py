"""What a linear probe tells of a labelled field from a split's frozen features, beside the most frequent class."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from roadcue.errors import BadInput
from roadcue.evaluation.linear_probe import fit_probe
from roadcue.loaders import jpeg
from roadcue.loaders.split import split_by_sequence
from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Interval
from roadcue.metrics.fields import balanced_accuracy_interval, majority, recalls
from roadcue.training.heads.batches import StoredSplit

_TINY = 16
"""Pixels per side of a thumbnail."""


@dataclass(frozen=True)
class FieldScores:
    """A field's scores on the validation rows, shares from 0 to 1; intervals are over sequences."""

    field: str
    probe: Interval
    """Balanced accuracy of the probe."""
    majority: Interval
    """Balanced accuracy of the most frequent class of the training rows: 1 / number of classes."""
    recalls: dict[str, float]
    """Class -> share of its rows that the probe told."""
    penalty: float
    rows: dict[str, int]
    """"train" / "val" -> rows."""


def stored_features(split: StoredSplit) -> np.ndarray:
    """(n, c, k, d) float16 in the split's order; BadInput when it has none."""
    if split.store is None:
        raise BadInput(f"{split.dataset.name} {split.dataset.split}: a probe needs an encoder, and --encoder is none")
    return np.asarray(split.store.features[split.store_rows])


def thumbnails(split: StoredSplit) -> np.ndarray:
    """(n, 16, 16, 3) float32 grey levels: the pictures made tiny, what a probe has without any encoder."""
    pictures = np.empty((len(split), _TINY, _TINY, 3), dtype=np.float32)
    for i, row in enumerate(split.rows.tolist()):
        encoded = split.dataset.image(row, split.dataset.cameras[0])
        if encoded is None:
            raise BadInput(f"{split.dataset.where(row)}: has no picture of {split.dataset.cameras[0]}")
        picture, _ = jpeg.decode_at_least(encoded, split.dataset.where(row), _TINY)
        pictures[i] = cv2.resize(picture, (_TINY, _TINY), interpolation=cv2.INTER_AREA)
    return pictures


def probe_field(
    field: str,
    train: StoredSplit,
    val: StoredSplit,
    *,
    features: Callable[[StoredSplit], np.ndarray] = stored_features,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> FieldScores:
    """Fit a probe on the `features` of the training rows and score it on the validation rows.

    Its penalty is chosen on a part of the training sequences. BadInput when a row lacks
    the field, a split lacks features, or there are fewer than two training sequences.
    """
    labels, true = _labels(field, train), _labels(field, val)
    chosen_on = split_by_sequence(train.dataset, "val").states.id
    probe = fit_probe(features(train), labels, np.isin(train.dataset.states.id[train.rows], chosen_on))
    sequence = val.dataset.states.sequence[val.rows]
    told, constant = probe.predict(features(val)), np.full(len(true), majority(labels))
    return FieldScores(
        field,
        probe=balanced_accuracy_interval(told, true, sequence, bootstrap),
        majority=balanced_accuracy_interval(constant, true, sequence, bootstrap),
        recalls=recalls(told, true),
        penalty=probe.penalty,
        rows={"train": len(labels), "val": len(true)},
    )


def _labels(field: str, split: StoredSplit) -> np.ndarray:
    """(n,) class names in the split's order."""
    rows = [int(row) for row in split.rows]
    labels = [split.dataset.targets(row).fields.get(field) for row in rows]
    if None in labels:
        raise BadInput(f"{split.dataset.where(rows[labels.index(None)])}: has no field {field!r} to probe for")
    return np.array(labels, dtype=str)
