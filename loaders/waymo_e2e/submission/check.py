"""What the challenge's server would refuse in a submission, in its own words where they are known.

Known from the issues of waymo-open-dataset: "No shards found" when no file has the name of a shard (936), "Missing N
sequence names from the submission. Some examples: [...]" (987), "Unknown error" for what cannot be parsed and for
frame names in another form (950), and, in the challenges beside this one, "Missing ... field from submission" (881).
The rules behind the other sentences are those of end_to_end_driving_submission.proto.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from google.protobuf.message import DecodeError

from roadcue.loaders.waymo_e2e import schema_pb2 as schema
from roadcue.loaders.waymo_e2e.frame import parse_name
from roadcue.loaders.waymo_e2e.submission.archive import unpack
from roadcue.loaders.waymo_e2e.submission.frames import FrameKey
from roadcue.schema import WAYPOINTS

Submission = schema.E2EDChallengeSubmission
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PARAMETERS = re.compile(r"[0-9]+[KMBT]", re.ASCII | re.IGNORECASE)  # the official tutorial writes 200k
_EXAMPLES = 5
_MOST_FRAMES = 1_000_000  # five times the test split; a small file can hold many more, which would take minutes


@dataclass(frozen=True)
class Verdict:
    """How much there is in a submission, and a sentence for everything that the server would refuse."""

    frames: int
    shards: int
    problems: tuple[str, ...]

    @property
    def summary(self) -> str:
        """One line about a submission without problems."""
        shards = "1 shard" if self.shards == 1 else f"{self.shards} shards"
        return f"{self.frames} frames in {shards}; nothing that the server is known to refuse"


def check_submission(archive: bytes, wanted: Mapping[FrameKey, str]) -> Verdict:
    """Look through the bytes of a .tar.gz that needs the `wanted` frames (see `read_frames`). Never raises."""
    contents, problems = unpack(archive)
    shards = {}
    for name, content in contents.items():
        try:
            shards[name] = Submission.FromString(content)
        except DecodeError:
            problems.append(f"Unknown error: {name!r} is no E2EDChallengeSubmission message, so it cannot be parsed")
    frames = sum(len(shard.predictions) for shard in shards.values())
    if frames > _MOST_FRAMES:
        problems.append(f"it has {frames} frames, which no test split has")
    elif len(shards) == len(contents) > 0:  # else nothing is known of what could not be read
        problems += _entries_problems(shards)
        problems += _frame_problems(_predictions(shards), wanted)
        problems += _path_problems(_predictions(shards))
    return Verdict(frames, len(shards), tuple(problems))


def _predictions(shards: Mapping[str, Submission]) -> Iterator[schema.FrameTrajectoryPredictions]:
    """Those of all shards, never all at once: one may be two bytes in the file and a hundred in memory."""
    for shard in shards.values():
        yield from shard.predictions


def entry_problems(entry: Submission) -> Iterator[str]:
    """What would be refused of all that a shard says besides its predictions."""
    if entry.submission_type != Submission.E2ED_SUBMISSION:
        yield "Missing submission_type field from submission: it must be E2ED_SUBMISSION"
    account = _text(entry.account_name)
    if not _ADDRESS.fullmatch(account):
        yield _field("account_name", account, "the full e-mail address that you registered with at waymo.com/open")
    if not _text(entry.unique_method_name).strip():
        yield _field("unique_method_name", "", "a short name of your method")
    if not entry.HasField("uses_public_model_pretraining"):
        yield _field("uses_public_model_pretraining", "", "whether public models were used for pretraining")
    parameters = _text(entry.num_model_parameters)
    if not _PARAMETERS.fullmatch(parameters):
        yield _field("num_model_parameters", parameters, "an integer and one of K, M, B, T, such as 200K")


def _field(name: str, value: str, wanted: str) -> str:
    if not value:
        return f"Missing {name} field from submission: {wanted}"
    return f"{name} is {value[:80]!r}, not {wanted}"


def _entries_problems(shards: Mapping[str, Submission]) -> Iterator[str]:
    """Those of the first shard, and where others say something else."""
    (first_name, first), *others = shards.items()
    yield from entry_problems(first)
    fields = [field for field in Submission.DESCRIPTOR.fields_by_name if field != "predictions"]
    for name, other in others:
        differing = [field for field in fields if getattr(first, field) != getattr(other, field)]
        if differing:
            yield f"{', '.join(differing)} must be the same in every shard, and differ in {first_name!r} and {name!r}"


def _frame_problems(
    predictions: Iterable[schema.FrameTrajectoryPredictions], wanted: Mapping[FrameKey, str]
) -> Iterator[str]:
    """Frames that are missing, that nobody asked for, that are there twice or whose names are written otherwise."""
    counts = Counter(prediction.frame_name for prediction in predictions)
    keys = {name: parse_name(name) or ("", -1) for name in counts}
    there = set(keys.values())
    missing = [key for key in wanted if key not in there]
    if missing:
        sequences = list(dict.fromkeys(sequence for sequence, _ in missing))
        yield (
            f"Missing {len(sequences)} sequence names from the submission. Some examples: {sequences[:_EXAMPLES]}. "
            f"Of {len(wanted)} listed frames {len(missing)} are not there, first {wanted[missing[0]]!r}"
        )
    otherwise = [(name, wanted[key]) for name, key in keys.items() if key in wanted and name != wanted[key]]
    if otherwise:
        name, right = otherwise[0]
        yield f"Unknown error: frame names in another form: {len(otherwise)}, first {name!r}, which must be {right!r}"
    for what, names in (
        ("frames that the list does not have", [name for name, key in keys.items() if key not in wanted]),
        ("frames that are there more than once", [name for name, count in counts.items() if count > 1]),
    ):
        if names:
            yield f"{what}: {len(names)}, first {names[0][:80]!r}"


def _path_problems(predictions: Iterable[schema.FrameTrajectoryPredictions]) -> Iterator[str]:
    """Paths of another number of points, and points that are not finite."""
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for prediction in predictions:
        if fault := _path_fault(prediction.trajectory):
            counts[fault] += 1
            first.setdefault(fault, f"{prediction.frame_name[:80]!r}")
    for fault, count in counts.most_common(_EXAMPLES):
        yield f"paths that {fault}: {count}, first that of {first[fault]}"


def _path_fault(path: schema.TrajectoryPrediction) -> str | None:
    if not len(path.pos_x) == len(path.pos_y) == WAYPOINTS:
        return f"have {len(path.pos_x)} x and {len(path.pos_y)} y, not {WAYPOINTS} each"
    return None if np.isfinite([*path.pos_x, *path.pos_y]).all() else "have a point that is not finite"


def _text(value: str | bytes) -> str:
    """proto2 hands over bytes where a string is not UTF-8."""
    return value if isinstance(value, str) else repr(value)
