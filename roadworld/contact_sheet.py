"""A contact sheet of RoadWorld: small pictures that show what there is, one of every scenario cluster and more.

python -m roadcue.roadworld.contact_sheet --out FILE.jpg
"""

import sys
from collections import Counter
from collections.abc import Iterator
from itertools import count, cycle, islice
from pathlib import Path

import cv2
import numpy as np

from roadcue.errors import BadInput, exit_code
from roadcue.files import write_atomic
from roadcue.loaders import jpeg
from roadcue.loaders.waymo_e2e.clusters import Cluster
from roadcue.prompts.annotation import ROAD_POSITIONS, SIDEWALK_POSITIONS
from roadcue.roadworld.camera import camera
from roadcue.roadworld.daylight import HOURS
from roadcue.roadworld.drawing_command import add_seed
from roadcue.roadworld.drive import cluster_of, drive
from roadcue.roadworld.render import Painter
from roadcue.roadworld.road_ahead import road_ahead
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.walk import paint_walk
from roadcue.roadworld.spec import FIRST_NUMBER, RoadWorldSpec
from roadcue.roadworld.weather import WEATHERS
from roadcue.sentence_parser import SentenceParser
from roadcue.sentences import show

_ROWS, _COLUMNS = 5, 4
_WIDTH, _ROW_HEIGHT = 960, 188
_CHOICES = 4
"""Sequences among which each picture is chosen."""
_QUALITY = 82
_NOTHING = 1e-5
_THEMES = {
    Cluster.INTERSECTION: ((SemanticClass.LIGHT_RED, SemanticClass.LIGHT_YELLOW), 0.001),
    Cluster.PEDESTRIAN: ((SemanticClass.PERSON,), 0.015),
    Cluster.CYCLIST: ((SemanticClass.CYCLIST, SemanticClass.BICYCLE), 0.01),
    Cluster.SPECIAL_VEHICLE: ((SemanticClass.FLASHING_LIGHT,), 0.006),
}
_VEHICLES = ((SemanticClass.VEHICLE, SemanticClass.BRAKE_LIGHT), 0.03)
"""What a picture of a cluster should show, and of how much of the picture; of the others, vehicles."""
_AHEAD_M = {Cluster.CONSTRUCTION: ("works_m", 14.0), Cluster.DEBRIS: ("debris_m", 12.0)}
"""What should lie ahead instead, a field of `RoadAhead`, and how far."""


def contact_sheet(spec: RoadWorldSpec) -> np.ndarray:
    """(height, width, 3) uint8 RGB: rows of front pictures, one of all three cameras, two of sidewalks."""
    shown: Counter[str] = Counter()
    cells = []
    for at, cluster in enumerate(islice(cycle(Cluster), _ROWS * _COLUMNS)):
        painter, frame = _choose(spec, cluster, at // len(Cluster), shown)
        shown.update((painter.light.hour, painter.light.weather))
        cells.append(_cell(painter.paint(frame, "FRONT"), _WIDTH // _COLUMNS, _title(painter, frame)))
    rows = [np.hstack(cells[row * _COLUMNS : (row + 1) * _COLUMNS]) for row in range(_ROWS)]
    painter, frame = _choose(spec, Cluster.INTERSECTION, 2, shown)
    three = [_cell(painter.paint(frame, name), _WIDTH // 3, name) for name in painter.cameras]
    walks = list(_walks(spec.seed))
    sidewalks = [np.hstack(walks[:_COLUMNS]), np.hstack(walks[_COLUMNS:])]
    return np.vstack([*rows, np.hstack(three), *sidewalks])


def _walks(seed: int) -> Iterator[np.ndarray]:
    """Pictures of the sidewalk view: every position of the sidewalk twice, with two different ones of the road."""
    spec = SidewalkSpec(seed=seed)
    wanted = [(each, ROAD_POSITIONS[(i + k) % 4]) for k in (0, 3) for i, each in enumerate(SIDEWALK_POSITIONS)]
    pictures: dict[tuple[str, str], np.ndarray] = {}
    for number in count(FIRST_NUMBER["pretrain"]):
        walk = paint_walk(spec, number, 0)
        pictures.setdefault((walk.annotation.sidewalk, walk.annotation.road), walk.picture)
        if pictures.keys() >= set(wanted):
            break
    for sidewalk, road in wanted:
        title = f"sidewalk {sidewalk}, road {road}".lower()
        yield _cell(pictures[sidewalk, road], _WIDTH // _COLUMNS, title)


def _choose(spec: RoadWorldSpec, cluster: Cluster, skip: int, shown: Counter[str]) -> tuple[Painter, int]:
    """A painter of the cluster in a light that was shown less than it is drawn, and a frame that shows its theme.

    `skip`: how many pictures of this cluster there are already; each has its own sequences to choose from.
    """
    numbers = (n for n in count(FIRST_NUMBER["pretrain"]) if cluster_of(spec, n) == cluster)
    cameras = {name: camera(spec, name) for name in spec.cameras}
    best: tuple[float, Painter, int] | None = None
    for number in islice(numbers, skip * _CHOICES, (skip + 1) * _CHOICES):
        painter = Painter(drive(spec, number), cameras, spec.exposure)
        off = [_off_theme(painter, cluster, i) for i in range(painter.drive.frames)]
        frame = int(np.argmin(off))
        light = painter.light
        seen = shown[light.hour] / HOURS[light.hour] + shown[light.weather] / WEATHERS[light.weather].share
        score = -seen - 10 * off[frame]
        if best is None or score > best[0]:
            best = score, painter, frame
    assert best is not None
    return best[1], best[2]


def _off_theme(painter: Painter, cluster: Cluster, frame: int) -> float:
    """By what factor too little or too much of its theme a frame shows, as a logarithm."""
    if cluster in _AHEAD_M:
        field, wanted = _AHEAD_M[cluster]
        ahead = getattr(road_ahead(painter.drive, frame), field)
        shown = _NOTHING if ahead is None else max(ahead, 1.0)
    else:
        classes, wanted = _THEMES.get(cluster, _VEHICLES)
        shown = max(float(np.isin(painter.paint_classes(frame, "FRONT", 0.25), classes).mean()), _NOTHING)
    return float(np.abs(np.log(shown / wanted)))


def _title(painter: Painter, frame: int) -> str:
    intent = painter.drive.intent(frame).name.removeprefix("GO_").lower()
    return f"{painter.drive.cluster}, {intent}"


def _cell(picture: np.ndarray, width: int, title: str) -> np.ndarray:
    """The middle rows of a picture, `width` pixels wide, with a line of type along the upper edge."""
    scale = width / picture.shape[1]
    small = cv2.resize(picture, (width, round(picture.shape[0] * scale)), interpolation=cv2.INTER_AREA)
    height = min(_ROW_HEIGHT, len(small))
    first = round(0.42 * (len(small) - height))
    cell = np.ascontiguousarray(small[first : first + height])
    cell[:19] //= 3
    return cv2.putText(cell, title, (6, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1, cv2.LINE_AA)


def main() -> int:
    """Parse, draw; returns the exit code."""
    parser = SentenceParser(
        prog="python -m roadcue.roadworld.contact_sheet",
        description="Draw a contact sheet of RoadWorld: small pictures, one of every scenario cluster and more.",
    )
    parser.add_argument("--out", type=Path, required=True, help="JPEG file to write")
    add_seed(parser)
    given = parser.parse_args()

    def draw() -> None:
        sheet = jpeg.encode(contact_sheet(RoadWorldSpec(seed=given.seed, stride=10)), _QUALITY)
        try:
            write_atomic(given.out, sheet)
        except OSError as error:
            raise BadInput(f"{given.out}: cannot be written ({error.strerror}). Name another file.") from error
        show(given.out)

    return exit_code(draw)


if __name__ == "__main__":
    sys.exit(main())
