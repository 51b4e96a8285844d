"""What the columns of an index have to be: whoever wrote the file, nothing is read at a place that is not there."""

from collections.abc import Mapping

import numpy as np

from roadcue.loaders.tfrecord import FOOTER_BYTES, HEADER_BYTES
from roadcue.loaders.waymo_e2e.frame import CAMERAS
from roadcue.plausible import MOST_MOTION, beyond
from roadcue.schema import PAST_STATES, STATE_NUMBERS, WAYPOINTS, Intent

_TEXT, _WHOLE, _NUMBER = "U", "int64", "float32"
_FORM: Mapping[str, tuple[str, str, tuple[int, ...]]] = {
    "id": (_TEXT, "rows", ()),
    "sequence": (_TEXT, "rows", ()),
    "frame": (_WHOLE, "rows", ()),
    "intent": (_WHOLE, "rows", ()),
    "past": (_NUMBER, "rows", (PAST_STATES, STATE_NUMBERS)),
    "future": (_NUMBER, "rows", (WAYPOINTS, 2)),
    "shard": (_WHOLE, "rows", ()),
    "offset": (_WHOLE, "rows", ()),
    "length": (_WHOLE, "rows", ()),
    "image_span": (_WHOLE, "rows", (len(CAMERAS), 2)),
    "calibration_span": (_WHOLE, "rows", (len(CAMERAS), 2)),
    "preference_row": (_WHOLE, "scores", ()),
    "preference_score": (_NUMBER, "scores", ()),
    "preference_points": (_WHOLE, "scores", ()),
    "preference_xy": (_NUMBER, "points", (2,)),
    "skipped_shard": (_WHOLE, "skipped", ()),
    "skipped_reason": (_TEXT, "skipped", ()),
    "content": (_TEXT, "shards", ()),
}
"""Column -> the kind of its values, what its rows are counted in, and the shape of one."""


def check_columns(columns: Mapping[str, np.ndarray], shard_bytes: int) -> None:
    """ValueError unless the columns of a shard's index are of their form, and all that they point at is there."""
    counts: dict[str, int] = {}
    for name, (kind, counted, shape) in _FORM.items():
        column = columns[name]
        of_kind = column.dtype.kind == kind if kind == _TEXT else column.dtype == np.dtype(kind)
        if not of_kind or column.ndim != 1 + len(shape) or column.shape[1:] != shape:
            raise ValueError(f"{name} is {column.dtype} {column.shape}")
        if counts.setdefault(counted, len(column)) != len(column):
            raise ValueError(f"{name} has {len(column)} {counted} where others have {counts[counted]}")
    start, length = columns["offset"] + HEADER_BYTES, columns["length"]
    spans = np.concatenate([columns["image_span"], columns["calibration_span"]], axis=1)
    begin, size = spans[..., 0], spans[..., 1]
    inside = (begin >= start[:, None]) & (size <= (start + length)[:, None] - begin)
    row, points = columns["preference_row"], columns["preference_points"]
    sound = {
        "intent": np.isin(columns["intent"], list(Intent)),
        "past": np.abs(columns["past"]) <= MOST_MOTION,
        "future": ~beyond(columns["future"]),
        "preference_xy": np.abs(columns["preference_xy"]) <= MOST_MOTION,
        "shard": columns["shard"] == 0,
        "content": np.array(counts["shards"] == 1),
        "offset": (columns["offset"] >= 0) & (columns["offset"] < shard_bytes),
        "length": (length >= 0) & (length <= shard_bytes - start - FOOTER_BYTES),
        "spans": (size >= 0) & (inside | (size == 0)),
        "preference_row": (row >= 0) & (row < counts["rows"]),
        "preference_points": (points >= 0) & (points <= counts["points"]),
        "skipped_shard": columns["skipped_shard"] == 0,
    }
    for name, ones in sound.items():
        if not ones.all():
            raise ValueError(f"{name} is out of its bounds")
    if points.sum() != counts["points"]:
        raise ValueError("preference_points are not as many as preference_xy has")
