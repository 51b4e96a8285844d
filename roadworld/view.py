"""The projection of the world into a picture: which pixel a point is, and what cannot be in the picture."""

import numpy as np

from roadcue.roadworld.mesh import Mesh
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.schema import CameraCalibration

NEAR_M, FAR_M = 0.8, 170.0
"""What is nearer or farther is not painted; a camera that sees nearer ground paints nearer."""
SUBPIXEL_BITS = 4
"""Positions are whole numbers of 1/16 pixel."""
_LEAST_RAD = 0.003
"""Half the size, over the distance, of the smallest part that is painted: 1.5 pixels of the default front camera."""
_BIGGEST_OBJECT_M = 10.0
"""No part of an object is farther from its origin."""


def turned(roll: float, pitch: float, yaw: float) -> np.ndarray:
    """(3, 3) rotation by `roll` about x, then `pitch` about y, down positive, then `yaw` about z, left positive."""
    (cr, cp, cy), (sr, sp, sy) = np.cos([roll, pitch, yaw]), np.sin([roll, pitch, yaw])
    about_x = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    about_y = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


class View:
    """A pinhole camera at a pose in the world; camera frame x forward, y left, z up.

    `shake` is (roll, pitch, yaw) in radians by which it is turned away from its calibration.
    """

    def __init__(
        self, ego_to_world: np.ndarray, camera: CameraCalibration, shake: tuple[float, float, float] = (0, 0, 0)
    ) -> None:
        camera_to_world = ego_to_world @ camera.extrinsic
        camera_to_world[:3, :3] @= turned(*shake)
        self.camera = camera
        self.position = camera_to_world[:3, 3]
        self.forward = camera_to_world[:3, 0]
        self._to_camera = np.linalg.inv(camera_to_world)
        self._focal, self._centre = camera.intrinsic[:2], camera.intrinsic[2:4]
        self._half_angle = (camera.width / 2) / camera.intrinsic[0]
        self.near = min(NEAR_M, 0.9 * self._nearest_ground(camera_to_world[2]))

    @property
    def focal(self) -> float:
        """Pixels from one side to the other of what is a metre wide, a metre away."""
        return float(self._focal[0])

    @property
    def fineness(self) -> float:
        """The factor on the least angle that is worth painting, beside the default front camera, for a narrower view.

        1 for a wider one: what was too small stays so.
        """
        default = np.tan(np.radians(RoadWorldSpec.field_of_view) / 2)
        return min(1.0, float(self._half_angle / default))

    @property
    def horizon_row(self) -> float:
        """The row of the horizon in the middle of the picture."""
        rise = self.forward[2] / np.hypot(*self.forward[:2])
        return float(self._centre[1] + self._focal[1] * rise)

    def rotate_to_camera(self, vectors: np.ndarray) -> np.ndarray:
        """Directions (..., 3) of the world in the camera's frame."""
        return vectors @ self._to_camera[:3, :3].T

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """World points (..., 3) in the camera's frame."""
        return points @ self._to_camera[:3, :3].T + self._to_camera[:3, 3]

    def flat(self, points: np.ndarray) -> np.ndarray:
        """Ground points (..., 2) of the world in the camera's frame, (..., 3)."""
        return points @ self._to_camera[:3, :2].T + self._to_camera[:3, 3]

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Camera-frame points (..., 3) in front of the camera, as pixels (..., 2), u right and v down."""
        return self._centre - points[..., 1:] * (self._focal / points[..., :1])

    def rays(self) -> np.ndarray:
        """(3, 3) from pixels (column, row, 1) to where their middles lie, a metre ahead in the camera's frame."""
        (f_u, f_v), (c_u, c_v) = self._focal, self._centre
        return np.array([[0, 0, 1], [-1 / f_u, 0, (c_u - 0.5) / f_u], [0, -1 / f_v, (c_v - 0.5) / f_v]])

    def to_ground(self) -> np.ndarray:
        """(3, 3) from pixels (column, row, 1) to homogeneous metres of the world, from the point below the camera."""
        here = self.position[:2]
        begin, x, y = self.flat(np.array([here, *(here + np.eye(2))]))
        under: np.ndarray = np.linalg.inv(np.stack([x - begin, y - begin, begin], axis=1)) @ self.rays()
        return under

    def may_see(self, places: np.ndarray) -> np.ndarray:
        """True for each of the places (n, 2) whose object can touch the picture."""
        x, y, _ = self.flat(places).T
        reach = x + _BIGGEST_OBJECT_M
        return (reach > 0) & (x < FAR_M) & (np.abs(y) < reach * self._half_angle + _BIGGEST_OBJECT_M)

    def _nearest_ground(self, up: np.ndarray) -> float:
        """Metres along the line of sight to the ground at the lower edge; `up` (4,) gives a camera point's height."""
        falls = (self.camera.height - self._centre[1]) / self._focal[1] * up[2] - up[0]
        return float(up[3] / falls) if falls > 0 else np.inf

    def crop(self, mesh: Mesh) -> Mesh:
        """The faces of a mesh that can touch the picture and are big enough to be seen."""
        faces = np.flatnonzero(self.may_see(mesh.origins)[mesh.owner])
        n, middles, sizes = len(mesh.quads), mesh.middles[faces], np.concatenate([mesh.sizes, mesh.radii])[faces]
        where = self.to_camera(middles)
        ahead = where[:, 0] + 1.8 * sizes
        seen = (ahead > self.near) & (np.abs(where[:, 1]) < ahead * self._half_angle + 1.8 * sizes)
        seen &= sizes > _LEAST_RAD * self.fineness * where[:, 0]
        seen &= ((self.position - middles) * mesh.normals[faces]).sum(axis=1) >= 0
        seen &= (faces < n) | (where[:, 0] > 2 * self.near)
        return mesh.only(faces[seen])


def clip_near(points: np.ndarray, starts: np.ndarray, near: float) -> list[np.ndarray]:
    """What is beyond `near` metres of camera-frame polygons, from one start to the next of `points` (n, 3).

    The clipping of Sutherland and Hodgman, for one plane. An empty (0, 3) for a polygon that is all before it.
    """
    following = np.empty_like(points)
    following[:-1] = points[1:]
    following[np.append(starts[1:], len(points)) - 1] = points[starts]
    x, next_x = points[:, 0], following[:, 0]
    inside = x > near
    crosses = inside != (next_x > near)
    share = np.where(crosses, (near - x) / np.where(crosses, next_x - x, 1), 0)[:, None]
    both = np.stack([points, points + share * (following - points)], axis=1).reshape(-1, 3)
    kept = np.stack([inside, crosses], axis=1)
    counts = np.add.reduceat(kept.sum(axis=1), starts)
    return np.split(both[kept.ravel()], np.cumsum(counts[:-1]))


def fixed_point(pixels: np.ndarray) -> np.ndarray:
    """Pixel positions as OpenCV takes them: whole numbers of 1/16 pixel, pixel centres at whole pixels."""
    return np.rint((pixels - 0.5) * (1 << SUBPIXEL_BITS)).astype(np.int32)
