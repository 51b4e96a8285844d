"""Past states of single pictures and films, from a log of time and pose (`predict.py --states`)."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from roadcue.errors import BadInput, BadRecord
from roadcue.inference.asked import Asked, Questions
from roadcue.loaders.dataset import StateTable
from roadcue.loaders.pose_check import pose_warning
from roadcue.loaders.poses import PoseLog
from roadcue.loaders.state_check import warning_of
from roadcue.sentences import show


def with_states(asked: Questions, log: PoseLog) -> Questions:
    """The same questions, in which single pictures have the past states of their times, or `lacks` says why not.

    The time that the log says of a film is that of its first picture.

    Says on stderr what the log's units or frame look like, where they are likely wrong, and which pictures it names
    that are not there. BadInput when no single picture is asked about, or the log names none of them.
    """
    files = [one.file for one in asked.asked if one.file]
    if not files:
        raise BadInput(f"{log.file}: --states is for single pictures, and none is named; a manifest has its own")
    times = iter(log.times_of(files))
    stated = [_stated(one, next(times), log) if one.file else one for one in asked.asked]
    known = [one for one in stated if one.file and one.knows_past]
    about = pose_warning(log) or warning_of(_table(known), str(log.file), lambda row: known[row].id)
    for warning in filter(None, (about, _missing_said(log, files))):
        show(f"warning: {warning}", error=True)
    digest = hashlib.sha256(asked.identity.encode() + b"".join(one.past.tobytes() for one in stated))
    return replace(asked, asked=stated, identity=digest.hexdigest())


def _missing_said(log: PoseLog, files: Sequence[Path]) -> str:
    """Which pictures a log names that are not there; "" for none."""
    missing = log.missing(files)
    if not missing:
        return ""
    return (
        f"{log.file}: of the pictures that it names {len(missing):,} are not there, the first {missing[0]!r}; look "
        "how they are written"
    )


def _stated(one: Asked, time: float | None, log: PoseLog) -> Asked:
    if time is None:
        return replace(one, lacks=f"{log.file}: does not name this picture, so that nobody knows when it was taken")
    try:
        return replace(one, past=log.past(time + (one.time_s or 0.0)))
    except BadRecord as bad:
        return replace(one, lacks=str(bad))


def _table(known: list[Asked]) -> StateTable:
    ids = np.array([one.id for one in known])
    states = StateTable.of_pictures(ids, ids, np.arange(len(ids)))
    return replace(states, past=np.stack([one.past for one in known])) if known else states
