"""A drive made of formulas: a bending road seen by a pinhole camera, and methods that err on it by known amounts."""

from collections.abc import Callable
from io import StringIO

import numpy as np
import pytest
from rich.console import Console
from rich.table import Table

from roadcue.metrics.bootstrap import Bootstrap, Interval
from roadcue.metrics.comparison import Comparison, compare
from roadcue.metrics.confusion import Confusion
from roadcue.metrics.objects import Counts, ObjectScores
from roadcue.metrics.uncertainty import ReliabilityBin
from roadcue.reports.answer_details import Answer, AnswerDetails, AnsweredFrame
from roadcue.reports.frame import ReportFrame
from roadcue.schema import CameraCalibration

T = 0.25 * np.arange(1, 21)


def bend(speed: float, curvature: float, t: np.ndarray = T) -> np.ndarray:
    """(len(t), 2) metres along an arc."""
    angle = speed * t * curvature
    return np.stack([np.sin(angle), 1 - np.cos(angle)], axis=1) / curvature


@pytest.fixture(scope="session")
def calibration() -> CameraCalibration:
    """1.6 m ahead of the rear axle, 1.5 m up, level; 972 x 1079 pixels as in the Waymo end-to-end set."""
    extrinsic = np.eye(4)
    extrinsic[:3, 3] = 1.6, 0.0, 1.5
    intrinsic = np.array([900.0, 900.0, 486.0, 540.0, 0, 0, 0, 0, 0])
    return CameraCalibration(intrinsic, extrinsic, width=972, height=1079)


def road(calibration: CameraCalibration, curvature: float) -> np.ndarray:
    """The picture of a road 7 m wide that bends: every pixel asks the ground it looks at."""
    f_u, f_v, c_u, c_v = calibration.intrinsic[:4]
    u, v = np.meshgrid(np.arange(calibration.width), np.arange(calibration.height))
    slope = np.maximum((v - c_v) / f_v, 1e-6)
    x = calibration.extrinsic[2, 3] / slope
    y = -(u - c_u) / f_u * x
    off = y - curvature * (x + calibration.extrinsic[0, 3]) ** 2 / 2
    paint = (abs(abs(off - 1.75) - 3.4) < 0.08) | ((abs(off - 1.75) < 0.08) & (x % 9 < 4))
    picture = np.where(abs(off - 1.75)[..., None] < 3.6, (96, 98, 102), (98, 128, 74))
    picture = np.where(paint[..., None], (235, 235, 228), picture)
    sky = np.array([150, 190, 232]) + (np.clip(v / c_v, 0, 1)[..., None] * (90, 55, 20))
    return np.where((v > c_v + 8)[..., None], picture, sky).astype(np.uint8)


@pytest.fixture(scope="session")
def comparison() -> Comparison:
    """200 samples of 12 drives; "waypoint" is the best and the only one that sees an image."""
    random = np.random.default_rng(0)
    sequence = np.repeat([f"drive-{n}" for n in range(12)], [10, 20, 24] * 3 + [10, 14, 14])
    speed = random.gamma(4, 2.2, len(sequence)) * (random.random(len(sequence)) > 0.1)
    logged = np.stack(
        [bend(v + 1e-3, c) for v, c in zip(speed, random.normal(0, 0.01, len(speed)) + 1e-4, strict=True)]
    )
    drift = random.normal(0, 1, (len(sequence), 1, 2)) * (T**1.6)[:, None]
    errors = {"waypoint": 0.16, "waypoint without features": 0.2, "ridge": 0.19, "constant turn rate": 0.32}
    predictions = {name: logged + error * drift for name, error in errors.items()}
    predictions["constant velocity"] = np.stack([speed[:, None] * T, 0 * speed[:, None] * T], axis=-1)
    predictions["stand still"] = np.zeros_like(logged)
    intent = random.choice([0, 1, 1, 1, 2, 3], len(sequence))
    return compare(
        predictions,
        logged,
        sequence=sequence,
        intent=intent,
        speed=speed,
        reference="waypoint without features",
        bootstrap=Bootstrap(500, seed=7),
    )


@pytest.fixture(scope="session")
def frame(calibration: CameraCalibration) -> ReportFrame:
    """A bend to the left at 9 m/s, which the prediction takes a little too wide."""
    speed, curvature = 9.0, 0.012
    past = np.zeros((16, 6), np.float32)
    past[:, :2] = bend(speed, curvature, 0.25 * np.arange(-15, 1))
    past[:, 2] = speed
    paths = {
        "waypoint": bend(speed * 0.97, curvature * 0.8),
        "logged": bend(speed, curvature),
        "constant velocity": bend(speed, 1e-6),
    }
    return ReportFrame("median", "drive-3-042", 1.34, road(calibration, curvature), "FRONT", calibration, past, paths)


SHARE = Interval(0.25, 0.2, 0.3)


def object_scores(f1: float) -> ObjectScores:
    """Of two kinds, one of which is nowhere."""
    by_kind = {"traffic_light": Interval(f1, f1, f1), "car": Interval(float("nan"), float("nan"), float("nan"))}
    return ObjectScores(SHARE, by_kind, {"traffic_light": Counts(41, 17, 7), "car": Counts(0, 0, 3)})


@pytest.fixture
def details() -> AnswerDetails:
    """A field head that is asked two questions, beside two rows without an image."""
    matrix = Confusion(("Left", "Right"), ((1234, 5), (6, 0)), 1245, 30, SHARE)
    answers = [
        Answer("sidewalk", "Left", 0.876, "Right", 0.0),
        Answer("far objects", "traffic_light Left", 0.5, "", np.nan),
    ]
    frame = AnsweredFrame("worst", "walk-7", np.zeros((600, 1500, 3), np.uint8), "CHEST", True, answers)
    objects = {
        name: {"near": (object_scores(f1), object_scores(f1 / 2))}
        for name, f1 in (("field", 0.9), ("a", 0.2), ("b", 0.4))
    }
    return AnswerDetails("field", {"sidewalk": matrix}, {"sidewalk": [ReliabilityBin(0.8, 0.7, 9)]}, objects, [frame])


HEADING = {
    "data": "roadworld val: drawn, not real; 200 samples of 12 sequences",
    "encoder": "SmolVLM2 vision tower, miniature with random weights, shipped with RoadCue",
    "head": "waypoint",
    "date": "2031-05-04 12:30 UTC",
    "seed": "0",
    "command": "python train.py --encoder smol --head waypoint",
    "versions": "roadcue 0.1.0, torch 2.11.0",
}


@pytest.fixture
def heading() -> dict[str, str]:
    return dict(HEADING)


@pytest.fixture
def text() -> Callable[..., str]:
    """Tables as a terminal of `width` columns shows them."""

    def shown(*tables: Table, width: int = 80) -> str:
        console = Console(width=width, record=True, file=StringIO())
        for table in tables:
            console.print(table)
        return console.export_text()

    return shown


@pytest.fixture
def lines(text: Callable[..., str]) -> Callable[[Table], list[str]]:
    """A table as the lines of a terminal of 80 columns, with single spaces."""
    return lambda table: [" ".join(line.split()) for line in text(table).splitlines()]
