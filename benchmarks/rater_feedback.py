"""Frames per second of the rater feedback score, against a plain numpy loop that scores one frame after the other.

    python benchmarks/rater_feedback.py --frames 100000

Both score the same random frames in the same run, the loop only the first of them (--looped), and must agree. The
rate of the score includes bringing the rated trajectories into form (`Raters.of`), as the loop does.
"""

import argparse
import time

import numpy as np
from ratio_lines import print_ratios

from roadcue.metrics.rater_feedback import rater_feedback
from roadcue.metrics.raters import Raters

Frames = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def random_frames(n: int) -> Frames:
    """Predictions (n, 20, 2), rated xy (n, 3, 21, 2), length and score (n, 3), and speed (n,): curved drives."""
    random = np.random.default_rng(0)
    speed = random.uniform(0, 15, n)
    heading = np.cumsum(random.normal(0, 0.05, (n, 3, 21)), axis=2)
    step = 0.25 * speed[:, None, None] * random.uniform(0.7, 1.3, (n, 3, 1))
    xy = np.cumsum(step[..., None] * np.stack([np.cos(heading), np.sin(heading)], axis=-1), axis=2)
    length, score = random.choice([7, 11, 20, 21], (n, 3)), random.uniform(0, 10, (n, 3))
    predicted = xy[:, 0, :20] + random.normal(0, 0.1, (n, 20, 2)).cumsum(axis=1)
    return predicted, xy, length, score, speed


def together(predicted: np.ndarray, xy: np.ndarray, length: np.ndarray, score: np.ndarray, speed: np.ndarray):
    return rater_feedback(predicted, Raters.of(xy, length, score), speed).score


def one_by_one(predicted: np.ndarray, xy: np.ndarray, length: np.ndarray, score: np.ndarray, speed: np.ndarray):
    return np.array([one_frame(*frame) for frame in zip(predicted, xy, length, score, speed, strict=True)])


def one_frame(predicted: np.ndarray, xy: np.ndarray, length: np.ndarray, score: np.ndarray, speed: float) -> float:
    """The algorithm as one would write it down for one frame."""
    side = np.clip(0.5 + 0.5 * (speed - 1.4) / 9.6, 0.5, 1.0) * np.array([1.0, 1.8])
    rated, inside = [], False
    for path, points, label in zip(xy, length, score, strict=True):
        path = path[np.minimum(np.arange(20), points - 1)]
        step = np.diff(path, axis=0, prepend=[[0.0, 0.0]])
        distance = []
        for i, at in enumerate((11, 19)):
            moved = np.flatnonzero(step[: at + 1].any(axis=1))
            forward = step[moved[-1]] / np.linalg.norm(step[moved[-1]]) if len(moved) else np.array([1.0, 0.0])
            gap = predicted[at] - path[at]
            along, beside = abs(forward @ gap), abs(forward[0] * gap[1] - forward[1] * gap[0])
            distance.append(max(along / (4 * side[i]), beside / side[i]))
        inside |= max(distance) <= 1
        rated.append(label * 0.1 ** np.maximum(np.array(distance) - 1, 0))
    total = np.max(rated, axis=0).mean()
    return float(total if inside else max(4.0, total))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--looped", type=int, default=2_000, help="frames that the loop scores")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="small sizes: the numbers then mean nothing")
    options = parser.parse_args()
    if options.quick:
        options.frames, options.looped, options.repeats = 2_000, 100, 1
    frames = random_frames(options.frames)
    few = tuple(column[: options.looped] for column in frames)
    ours, loop = [], []
    for _ in range(options.repeats):  # turn by turn, so that what slows the machine slows both
        start = time.perf_counter()
        scores = together(*frames)
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        plain = one_by_one(*few)
        loop.append(time.perf_counter() - start)
    apart = np.abs(scores[: len(plain)] - plain).max()
    if apart > 1e-9:
        raise SystemExit(f"the two disagree by up to {apart}")
    rate, plain_rate = len(scores) / min(ours), len(plain) / min(loop)
    print(f"{len(scores):,} frames in {min(ours):.2f} s, best of {options.repeats}; agree to {apart:.0e}")
    print(f"rater feedback score {rate:,.0f} frames/s, plain loop {plain_rate:,.0f} frames/s")
    print_ratios("the plain loop", {"rater_feedback": rate / plain_rate})


if __name__ == "__main__":
    main()
