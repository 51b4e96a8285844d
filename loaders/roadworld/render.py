"""From a drive to the picture of a moment: the painter's algorithm, from the sky to what is nearest."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from loaders.calibration import CameraCalibration
from loaders.roadworld.daylight import draw_daylight, draw_skyline
from loaders.roadworld.drive import Drive
from loaders.roadworld.ground import pave
from loaders.roadworld.mesh import Mesh, join, place
from loaders.roadworld.road import ROAD_HALF_WIDTH_M, STOP_LINE_M
from loaders.roadworld.scenery import furnish, strollers
from loaders.roadworld.shapes import STYLES, car, person, signal
from loaders.roadworld.traffic import DT_S
from loaders.roadworld.view import FAR_M, MOUNT_M, NEAR_M, SUBPIXEL_BITS, View, clip_near, fixed_point

_MARKS_TO_M = 80.0
"""Beyond it, markings are thinner than a pixel."""
_NOISE_SHIFTS = 64
"""Pixels by which the sheet of noise can be shifted."""
_AA = cv2.LINE_AA


@dataclass(frozen=True)
class _Mover:
    """What one thing that moves looks like in every frame, and where: `xy` (frames, 2), `heading` (frames,)."""

    looks: list[Mesh]
    xy: np.ndarray
    heading: np.ndarray


class Painter:
    """Paints the frames of one drive; what stands still is laid out once."""

    def __init__(self, drive: Drive, camera: CameraCalibration, rng: np.random.Generator) -> None:
        self.drive, self.camera = drive, camera
        steps = drive.steps
        self._track = drive.pose(steps)[0][::10]
        self._light = draw_daylight(rng)
        self._ground = pave(rng, drive.streets, self._track, FAR_M)
        self._grass = np.array([[92, 128, 62], [132, 130, 120], [138, 130, 88]])[rng.integers(3)]
        self._standing = furnish(rng, drive.streets, self._track, FAR_M)
        self._movers = [*self._cars(steps), *self._people(steps, rng), *self._signals(steps)]
        self._moving_xy = np.array([each.xy for each in self._movers]).reshape(-1, drive.frames, 2)
        self._moving_heading = np.array([each.heading for each in self._movers])
        self._skyline = draw_skyline(rng)
        self._sky = self._paint_sky()
        self._horizon_row = int(np.ceil(camera.intrinsic[3]))
        self._clearness, self._haze = self._make_haze()
        up = np.array([[0.0, 0, 1]])
        self._area_colours = self._light.shade(self._ground.area_colours, up).tolist()
        self._mark_colours = self._light.shade(self._ground.mark_colours, up)

    def paint(self, frame: int) -> np.ndarray:
        """The picture of a frame, (height, width, 3) uint8 RGB."""
        step = self.drive.steps[frame]
        xy, heading = self.drive.pose(step)
        ego_to_world = np.eye(4)
        c, s = np.cos(heading), np.sin(heading)
        ego_to_world[:2, :2], ego_to_world[:2, 3] = [[c, -s], [s, c]], xy
        view = View(ego_to_world, self.camera)
        picture = self._sky.copy()
        self._paint_skyline(picture, view)
        self._paint_ground(picture, view)
        seen = [view.crop(self._standing)]
        moving = np.flatnonzero(view.may_see(self._moving_xy[:, frame]))
        if len(moving):
            looks = [self._movers[i].looks[frame] for i in moving]
            seen.append(view.crop(place(looks, self._moving_xy[moving, frame], self._moving_heading[moving, frame])))
        self._paint_objects(picture, view, join(seen))
        self._add_noise(picture, frame)
        return picture

    def _cars(self, steps: np.ndarray) -> Iterator[_Mover]:
        for other in self.drive.traffic.others:
            s, speed, accel = np.array(other.track)[steps].T
            path = other.route.path
            looks = [car(other.style, braking=bool(on)) for on in (accel < -0.5) | (speed < 0.3)]
            yield _Mover(looks, path.along(path.xy, s), path.along(path.heading, s))

    def _people(self, steps: np.ndarray, rng: np.random.Generator) -> Iterator[_Mover]:
        """Those at the zebra crossings and those on the sidewalks."""
        main, swing = self.drive.streets.main, steps * DT_S * 5.5
        for someone in self.drive.traffic.people:
            offset, walking = np.array(someone.track)[steps].T
            s, style = np.full(len(steps), someone.s), int(rng.integers(STYLES))
            strides = np.rint(4 * np.sin(swing) * walking).astype(int).tolist()
            heading = main.along(main.heading, s) - someone.side * np.pi / 2
            yield _Mover([person(style, stride) for stride in strides], main.beside(s, offset), heading)
        for walker in strollers(rng, self.drive.streets, self._track, FAR_M):
            s = walker.s + walker.speed * steps * DT_S
            strides = np.rint(4 * np.sin(swing + walker.style)).astype(int).tolist()
            looks = [person(walker.style, stride) for stride in strides]
            heading = main.along(main.heading, s) + np.pi * (walker.speed < 0)
            yield _Mover(looks, main.beside(s, walker.offset), heading)

    def _signals(self, steps: np.ndarray) -> Iterator[_Mover]:
        """The traffic lights that the main road's drivers see, behind the junction on the right."""
        main = self.drive.streets.main
        for junction, light in self.drive.lights:
            s = np.full(len(steps), junction.s)
            pole = main.beside(s + STOP_LINE_M, -ROAD_HALF_WIDTH_M - 0.6)
            yield _Mover([signal(light.colour(step * DT_S)) for step in steps], pole, main.along(main.heading, s))

    def _paint_sky(self) -> np.ndarray:
        height, width = self.camera.height, self.camera.width
        horizon_row = round(self.camera.intrinsic[3])
        up = np.clip(1 - np.arange(height) / horizon_row, 0, 1)[:, None] ** 0.8
        rows = self._light.horizon * (1 - up) + self._light.zenith * up
        rows[horizon_row:] = self._light.shade(self._grass[None].astype(float), np.array([[0.0, 0, 1]]))
        return np.repeat(np.clip(rows, 0, 255).astype(np.uint8)[:, None], width, axis=1)

    def _paint_skyline(self, picture: np.ndarray, view: "View") -> None:
        """Hills far away, which turn with the car and never come nearer."""
        focal, _, centre, horizon_row = self.camera.intrinsic[:4]
        u = np.linspace(0, self.camera.width, 60)
        bearing = view.heading - np.arctan((u - centre) / focal)
        heights = np.interp(bearing, np.linspace(0, 2 * np.pi, len(self._skyline)), self._skyline, period=2 * np.pi)
        top = np.stack([u, horizon_row - focal * heights], axis=1)
        outline = np.concatenate([top, [[self.camera.width, horizon_row + 2], [0, horizon_row + 2]]])
        colour = 0.72 * self._light.horizon + 0.28 * self._light.ambient * [70, 90, 80]
        cv2.fillPoly(picture, [fixed_point(outline)], colour.tolist(), _AA, SUBPIXEL_BITS)

    def _paint_ground(self, picture: np.ndarray, view: "View") -> None:
        ground = self._ground
        points = view.flat(ground.area_points)
        for area, colour in zip(clip_near(points, ground.area_starts), self._area_colours, strict=True):
            if len(area):
                cv2.fillPoly(picture, [fixed_point(view.pixels(area))], colour, _AA, SUBPIXEL_BITS)
        marks = view.flat(ground.marks)
        ahead = marks[..., 0]
        seen = (ahead.min(axis=1) > NEAR_M) & (ahead.max(axis=1) < _MARKS_TO_M)
        seen &= np.abs(marks[..., 1]).min(axis=1) < ahead.max(axis=1)
        colours = self._mark_colours[seen].tolist()
        for quad, colour in zip(fixed_point(view.pixels(marks[seen])), colours, strict=True):
            cv2.fillConvexPoly(picture, quad, colour, _AA, SUBPIXEL_BITS)
        first = self._horizon_row
        rows = picture[first : first + len(self._haze)]
        cv2.multiply(rows, self._clearness, rows, scale=1 / 255)
        cv2.add(rows, self._haze, rows)

    def _make_haze(self) -> tuple[np.ndarray, np.ndarray]:
        """What to multiply the ground by, of 255, and then to add to it, (rows, width, 3) uint8.

        On flat ground the distance, and so the haze, is the same along a row of a level camera.
        """
        below = self.camera.intrinsic[1] * MOUNT_M[2]  # pixels below the horizon, times metres
        count = min(int(below / self._light.clear_m), self.camera.height - self._horizon_row)
        distance = below / (np.arange(count) + 0.5)
        black, white = (self._light.through_haze(np.full((count, 3), c), distance) for c in (0.0, 255.0))
        factor, haze = (np.repeat(rows[:, None], self.camera.width, axis=1) for rows in (white - black, black))
        return factor.astype(np.uint8), haze.astype(np.uint8)

    def _paint_objects(self, picture: np.ndarray, view: "View", mesh: Mesh) -> None:
        """Every object from far to near, its parts in the order in which they were drawn."""
        n = len(mesh.quads)
        where = view.to_camera(mesh.middles)
        facing = np.concatenate([mesh.normals, np.zeros_like(mesh.centres)])
        colours = np.where(mesh.shines[:, None], mesh.colours, self._light.shade(mesh.colours, facing))
        colours = np.clip(self._light.through_haze(colours, where[:, 0]), 0, 255).tolist()
        corners = view.to_camera(mesh.quads)
        whole = corners[..., 0].min(axis=1) > NEAR_M
        pixels = fixed_point(view.pixels(np.where(whole[:, None, None], corners, 1.0)))
        centres = fixed_point(view.pixels(where[n:])).tolist()
        radii = (mesh.radii * view.focal / where[n:, 0] * (1 << SUBPIXEL_BITS)).astype(int).tolist()
        distance = np.hypot(*(mesh.origins - view.position[:2]).T) + mesh.recess
        for i in np.lexsort((np.arange(len(where)), -distance[mesh.owner])).tolist():
            if i >= n:
                cv2.circle(picture, centres[i - n], radii[i - n], colours[i], -1, _AA, SUBPIXEL_BITS)
            elif whole[i]:
                cv2.fillConvexPoly(picture, pixels[i], colours[i], _AA, SUBPIXEL_BITS)
            else:
                (rest,) = clip_near(corners[i], np.array([0]))
                if len(rest):
                    cv2.fillConvexPoly(picture, fixed_point(view.pixels(rest)), colours[i], _AA, SUBPIXEL_BITS)

    def _add_noise(self, picture: np.ndarray, frame: int) -> None:
        """Another part of the sheet for every frame."""
        y, x = frame * 29 % _NOISE_SHIFTS, frame * 37 % _NOISE_SHIFTS
        height, width = picture.shape[:2]
        brighter, darker = _noise_sheet(height, width, self._light.noise)[:, y : y + height, x : x + width]
        cv2.add(picture, brighter, picture)
        cv2.subtract(picture, darker, picture)


@lru_cache(maxsize=8)
def _noise_sheet(height: int, width: int, sigma: float) -> np.ndarray:
    """Gaussian noise, what makes brighter and what makes darker, (2, height + shifts, width + shifts, 3) uint8."""
    shape = (height + _NOISE_SHIFTS, width + _NOISE_SHIFTS, 3)
    noise = np.rint(np.random.default_rng(0).standard_normal(shape, np.float32) * sigma)
    return np.stack([noise.clip(0), (-noise).clip(0)]).astype(np.uint8)
