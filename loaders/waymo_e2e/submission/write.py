"""A submission's bytes: what it says of itself, and a path for each frame."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from roadcue.loaders.waymo_e2e import schema_pb2 as schema
from roadcue.loaders.waymo_e2e.submission.archive import pack, shard_name

FRAMES_PER_SHARD = 10_000
"""2 MB a shard: the frames that count are one shard."""


@dataclass(frozen=True)
class Entry:
    """What a submission says of itself (end_to_end_driving_submission.proto, `E2EDChallengeSubmission`).

    `account_name` is the e-mail address registered at waymo.com/open, `num_model_parameters` is in the form of
    `parameter_count`. Those without a default are required.
    """

    account_name: str
    unique_method_name: str
    uses_public_model_pretraining: bool
    num_model_parameters: str
    authors: Sequence[str] = ()
    affiliation: str = ""
    description: str = ""
    method_link: str = ""
    public_model_names: Sequence[str] = ()

    def message(self) -> schema.E2EDChallengeSubmission:
        """A shard without predictions; what is empty is not set."""
        given = {name: value for name, value in vars(self).items() if value not in ("", ())}
        return schema.E2EDChallengeSubmission(submission_type="E2ED_SUBMISSION", **given)


def encode_submission(
    entry: Entry, names: Sequence[str], waypoints: np.ndarray, *, frames_per_shard: int = FRAMES_PER_SHARD
) -> bytes:
    """The .tar.gz of a submission: the same bytes for the same arguments.

    `names` are those of the n frames as their records have them (`E2EDFrame.frame.context.name`), `waypoints`
    (n, 20, 2) metres, ego frame, t = 0.25 ... 5 s. `submission.check` says whether the server would take it.
    """
    firsts = range(0, max(len(names), 1), frames_per_shard)
    shards = {}
    for number, first in enumerate(firsts):
        shard = entry.message()
        frames = slice(first, first + frames_per_shard)
        for name, path in zip(names[frames], waypoints[frames], strict=True):
            prediction = shard.predictions.add(frame_name=name)
            prediction.trajectory.pos_x.extend(path[:, 0].tolist())
            prediction.trajectory.pos_y.extend(path[:, 1].tolist())
        shards[shard_name(number, len(firsts))] = shard.SerializeToString()
    return pack(shards)


def parameter_count(parameters: int) -> str:
    """A number of parameters as the challenge wants it: an integer of at least two digits, if possible, and a suffix.

    413,913,496 becomes 414M, 3,344,000 becomes 3344K, and what is less than a thousand is rounded up to 1K.
    """
    for suffix, unit in (("T", 10**12), ("B", 10**9), ("M", 10**6)):
        if parameters >= 10 * unit:
            return f"{round(parameters / unit)}{suffix}"
    return f"{-(-parameters // 1000)}K"
