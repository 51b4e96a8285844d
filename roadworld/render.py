"""From a drive to the picture of a moment: everything that a drive has, gathered and handed to the painter."""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass

import cv2
import numpy as np

from roadcue.loaders.waymo_e2e.clusters import Cluster
from roadcue.roadworld.camera import scaled
from roadcue.roadworld.daylight import Daylight, draw_daylight, draw_grass, draw_skyline
from roadcue.roadworld.drive import Drive
from roadcue.roadworld.ground import pave
from roadcue.roadworld.holds import Light
from roadcue.roadworld.instances import Instances
from roadcue.roadworld.lens import draw_lens
from roadcue.roadworld.mesh import Mesh, place
from roadcue.roadworld.paint import Canvas, paint_classes, sun_at
from roadcue.roadworld.people import cyclist, person
from roadcue.roadworld.road import LANE_CENTRE_M, ROAD_HALF_WIDTH_M, STOP_LINE_M, Junction, Path
from roadcue.roadworld.roll import levelled, rolled
from roadcue.roadworld.scenery import draw_season, furnish, strollers
from roadcue.roadworld.shapes import signal
from roadcue.roadworld.texture import draw_texture
from roadcue.roadworld.traffic import DT_S, Car, Pedestrian
from roadcue.roadworld.vehicles import car, special, truck
from roadcue.roadworld.view import FAR_M, View
from roadcue.schema import CameraCalibration, Intent

_SIGNAL_M = ROAD_HALF_WIDTH_M + 0.6
"""From the centreline to the poles of traffic lights."""
_FLASH_S = 0.35
"""Of indicators and flashing lights, on or off."""
_INDICATED_M = 30.0
"""How far before a turn, or a change of lanes, cars indicate."""
_SPOTLIGHT_HOURS = ("low sun", "dusk", "night")


@dataclass(frozen=True)
class Mover:
    """What one thing that moves looks like in every frame, and where: `xy` (frames, 2), `heading` (frames,)."""

    looks: list[Mesh]
    xy: np.ndarray
    heading: np.ndarray


class Painter:
    """Paints the frames of one drive, as each of its cameras sees them; what stands still is laid out once.

    `exposure` is a factor on the light.
    """

    def __init__(self, drive: Drive, cameras: Mapping[str, CameraCalibration], exposure: float = 1.0) -> None:
        self.drive, self.cameras, streams = drive, dict(cameras), drive.streams
        hour = str(streams.of("hour").choice(_SPOTLIGHT_HOURS)) if drive.cluster == Cluster.SPOTLIGHT else None
        self.light = draw_daylight(streams.of("light"), hour).exposed(exposure)
        self._lens = draw_lens(streams.of("lens"))
        self._lenses = {name: self._lens.on(name) for name in self.cameras}
        steps = drive.steps
        track = drive.pose(np.arange(steps[0], steps[-1] + 1, 20))[0]
        self._ground = pave(streams, drive.streets, track, FAR_M)
        season = draw_season(streams.of("season"), self.light.weather)
        self.standing = furnish(streams, drive.streets, track, FAR_M, season)
        main = drive.streets.main
        self._move(
            [
                *(car_mover(other, steps, self.light.dark) for other in drive.traffic.others),
                *(pedestrian_mover(each, steps, main) for each in drive.traffic.people),
                *self._strollers(steps, track),
                *(mover for junction, light in drive.lights for mover in signal_movers(junction, light, steps, main)),
            ]
        )
        self._skyline, self._grass = draw_skyline(streams.of("skyline")), draw_grass(streams.of("grass"), self.light)
        self._texture = draw_texture(streams.of("texture"))
        self._canvases = self._prepare()

    def altered(
        self,
        *,
        movers: Sequence[Mover] | None = None,
        standing: Mesh | None = None,
        light: Daylight | None = None,
    ) -> "Painter":
        """The painter of the same frames with other `movers`, `standing` objects or another `light`, and else alike.

        An object keeps its number as long as it keeps its place: in `standing`, and after those in `movers`.
        """
        other = copy(self)
        if movers is not None:
            other._move(movers)
        if standing is not None:
            other.standing = standing
        if light is not None:
            other.light = light
            other._canvases = other._prepare()
        return other

    def _move(self, movers: Sequence[Mover]) -> None:
        self.movers = tuple(movers)
        self._moving_xy = np.array([each.xy for each in movers]).reshape(-1, self.drive.frames, 2)
        self._moving_heading = np.array([each.heading for each in movers])

    def _prepare(self) -> dict[str, Canvas]:
        return {
            name: Canvas(levelled(each), self.light, self._skyline, self._grass, self._texture)
            for name, each in self.cameras.items()
        }

    def paint(self, frame: int, camera: str) -> np.ndarray:
        """The picture that a camera takes of the drive's n-th drawn frame, (height, width, 3) uint8 RGB."""
        picture = self.paint_scene(frame, camera)
        lens, moment = self._lenses[camera], self.drive.frame_indices[frame]
        lens.fall(picture, self.light, moment)
        picture = rolled(picture, self.cameras[camera], cv2.INTER_LINEAR)
        sun = sun_at(self._view(frame, self.cameras[camera]), self.light) if self.light.sun_shines else None
        return lens.expose(picture, self.light, moment, sun)

    def paint_scene(self, frame: int, camera: str) -> np.ndarray:
        """That picture before anything falls, as the levelled camera sees it through a perfect lens."""
        canvas = self._canvases[camera]
        view = self._view(frame, canvas.camera)
        return canvas.paint(view, self._ground, self._seen(view, frame))

    def paint_classes(self, frame: int, camera: str, scale: float) -> np.ndarray:
        """What is where in that picture, (height * scale, width * scale) uint8 of `SemanticClass`."""
        small = scaled(self.cameras[camera], scale)
        view = self._view(frame, levelled(small))
        return rolled(paint_classes(view, self._ground, self._seen(view, frame)), small, cv2.INTER_NEAREST)

    def instances(self, frame: int, camera: str) -> Instances:
        """Which objects are seen where in that picture: what stands still is numbered before what moves."""
        view = self._view(frame, self._canvases[camera].camera)
        standing = len(self.standing.origins)
        numbers = np.concatenate([np.arange(standing), standing + self._moving_in(view, frame)]) + 1
        return Instances.of(view, self._seen(view, frame), numbers, self.cameras[camera])

    def _view(self, frame: int, camera: CameraCalibration) -> View:
        xy, heading = self.drive.pose(self.drive.steps[frame])
        ego_to_world = np.eye(4)
        c, s = np.cos(heading), np.sin(heading)
        ego_to_world[:2, :2], ego_to_world[:2, 3] = [[c, -s], [s, c]], xy
        return View(ego_to_world, camera, self._lens.shake(self.drive.frame_indices[frame]))

    def _seen(self, view: View, frame: int) -> list[Mesh]:
        moving = self._moving_in(view, frame)
        if not len(moving):
            return [self.standing]
        looks = [self.movers[i].looks[frame] for i in moving]
        return [self.standing, place(looks, self._moving_xy[moving, frame], self._moving_heading[moving, frame])]

    def _moving_in(self, view: View, frame: int) -> np.ndarray:
        """(m,) the movers that can touch the picture."""
        return np.flatnonzero(view.may_see(self._moving_xy[:, frame]))

    def _strollers(self, steps: np.ndarray, track: np.ndarray) -> Iterator[Mover]:
        main = self.drive.streets.main
        for walker in strollers(self.drive.streams, self.drive.streets, track, FAR_M):
            s = walker.s + walker.speed * steps * DT_S
            strides = np.rint(4 * np.sin(_swing(steps) + walker.style)).astype(int).tolist()
            looks = [person(walker.style, stride) for stride in strides]
            heading = main.along(main.heading, s) + np.pi * (walker.speed < 0)
            yield Mover(looks, main.beside(s, walker.offset), heading)


def car_mover(other: Car, steps: np.ndarray, night: bool) -> Mover:
    """A car that has settled, with its lights, at time steps (frames,)."""
    s, speed, accel = np.array(other.track)[steps].T
    path = other.route.path
    parked = _parked(other, s, speed)
    braking = (((accel < -0.5) | (speed < 0.3)) & ~parked).tolist()
    flashes = (steps * DT_S // _FLASH_S % 2).astype(int).tolist()
    if other.kind == "special":
        looks = [special(other.style, *each) for each in zip(braking, flashes, strict=True)]
    else:
        look = truck if other.kind == "truck" else car
        sides = [_indicated(other, at) if on else () for at, on in zip(s.tolist(), flashes, strict=True)]
        looks = [look(other.style, on, night, both) for on, both in zip(braking, sides, strict=True)]
    return Mover(looks, path.along(path.xy, s), path.along(path.heading, s))


def pedestrian_mover(someone: Pedestrian, steps: np.ndarray, main: Path) -> Mover:
    """Someone who crosses the main road, on foot or on a bicycle, at time steps (frames,)."""
    offset, walking = np.array(someone.track)[steps].T
    s = np.full(len(steps), someone.s)
    strides = np.rint(4 * np.sin(_swing(steps)) * walking).astype(int).tolist()
    heading = main.along(main.heading, s) - someone.side * np.pi / 2
    look = cyclist if someone.cycling else person
    return Mover([look(someone.style, stride) for stride in strides], main.beside(s, offset), heading)


def signal_movers(junction: Junction, light: Light, steps: np.ndarray, main: Path) -> Iterator[Mover]:
    """The main road's two at a junction: a pole at the stop line, and a pole with an arm behind the junction."""
    colours = [light.colour(step * DT_S) for step in steps]
    for ahead, reach in ((-STOP_LINE_M + 1, 0.0), (STOP_LINE_M, _SIGNAL_M - LANE_CENTRE_M)):
        s = np.full(len(steps), junction.s + ahead)
        looks = [signal(colour, reach) for colour in colours]
        yield Mover(looks, main.beside(s, -_SIGNAL_M), main.along(main.heading, s))


def _swing(steps: np.ndarray) -> np.ndarray:
    return steps * DT_S * 5.5


def _parked(other: Car, s: np.ndarray, speed: np.ndarray) -> np.ndarray:
    """Whether nobody stands on the brake of a car that stands: for good, or until it pulls out from the kerb."""
    at_kerb = np.abs(s - other.merging[0]) < 0.5 if other.merging else np.zeros(len(s), bool)
    return (at_kerb & (speed < 0.05)) | other.parked


def _indicated(other: Car, s: float) -> tuple[int, ...]:
    """The sides to which a car indicates at arc length `s`: both where it stands in the way."""
    if other.parked:
        return (1, -1)
    if other.merging and other.merging[0] - _INDICATED_M < s < other.merging[1]:
        return (-1,) if other.aside > 0 else (1,)
    begin, end = other.route.turn
    if begin - _INDICATED_M < s < end:
        return (1,) if other.route.intent == Intent.GO_LEFT else (-1,)
    return ()
