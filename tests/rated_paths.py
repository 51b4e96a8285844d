"""Rated trajectories for the tests of what is scored against them."""

import numpy as np

from roadcue.metrics.raters import Raters


def straight(speed, points=20, left=0.0):
    """(points, 2) metres at t = 0.25 s on, straight ahead at `speed` m/s, `left` metres to the left."""
    return np.stack([speed * 0.25 * np.arange(1, points + 1), np.full(points, left)], axis=1)


def arrays_of(*frames):
    """xy (n, 3, 21, 2), length and score (n, 3) of frames, each a list of (path, score); NaN and -1 elsewhere."""
    xy, length, score = (
        np.full((len(frames), 3, 21, 2), np.nan),
        np.zeros((len(frames), 3), int),
        np.full((len(frames), 3), -1.0),
    )
    for i, frame in enumerate(frames):
        for j, (path, given) in enumerate(frame):
            xy[i, j, : len(path)], length[i, j], score[i, j] = path, len(path), given
    return xy, length, score


def raters_of(*frames):
    return Raters.of(*arrays_of(*frames))


def random_scene(seed, frames=6):
    """Predictions (n, 20, 2) near and far, what `Raters.of` takes, and speeds (n,): curved drives."""
    random = np.random.default_rng(seed)
    speed = random.uniform(0.5, 15, frames)
    heading = np.cumsum(random.normal(0, 0.05, (frames, 3, 21)), axis=2)
    step = 0.25 * speed[:, None, None] * random.uniform(0.5, 1.5, (frames, 3, 1))
    xy = np.cumsum(step[..., None] * np.stack([np.cos(heading), np.sin(heading)], axis=-1), axis=2)
    length, score = random.choice([7, 11, 20, 21], (frames, 3)), random.integers(0, 11, (frames, 3)).astype(float)
    offset = random.normal(size=(frames, 1, 2)) * random.choice([0.1, 1, 5, 30], (frames, 1, 1))
    predicted = xy[np.arange(frames), random.integers(0, 3, frames), :20] + offset * np.linspace(0, 1, 20)[:, None]
    return predicted, (xy, length, score), speed
