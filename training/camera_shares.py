"""In how many rows of a split the cameras that a run reads are there: heads learn zeros for the rest.

It is said at the head of every training and scoring, since no score tells it.
"""

from roadcue.loaders.dataset import RoadDataset
from roadcue.training.config import TrainConfig


def camera_shares(dataset: RoadDataset, options: TrainConfig) -> dict[str, float]:
    """Camera that a run reads -> the share of a split's rows that have its picture; none without an encoder."""
    cameras = () if options.encoder == "none" else options.camera_names
    counts = dict.fromkeys(cameras, 0)
    for row in range(len(dataset) if counts else 0):
        for camera in counts.keys() & dataset.cameras_of(row):
            counts[camera] += 1
    return {camera: count / len(dataset) for camera, count in counts.items()}


def cameras_said(dataset: RoadDataset, options: TrainConfig) -> str:
    """The shares in words, such as "cameras of val: FRONT in 100%, REAR in 49.8% of 240 rows; ..."; "" for none."""
    shares = camera_shares(dataset, options)
    if not shares:
        return ""
    words = ", ".join(f"{camera} in {_percent(share)}" for camera, share in shares.items())
    lacking = ""
    if min(shares.values()) < 1:
        stand_in = f"{options.missing_camera} vectors stand in for the others (--missing_camera)"
        lacking = "; the others are left out" if options.captions else f"; {stand_in}"
    return f"cameras of {dataset.split}: {words} of {len(dataset):,} rows{lacking}"


def _percent(share: float) -> str:
    """Whole only where it is: 99.96 % is not all of them."""
    return f"{100 * (min(max(share, 0.001), 0.999) if 0 < share < 1 else share):.3g}%"
