"""The camera in the world: where a point is in its frame, which pixel that is, and what cannot be in the picture."""

import numpy as np

from loaders.calibration import CameraCalibration
from loaders.roadworld.mesh import Mesh
from loaders.roadworld.spec import RoadWorldSpec

_FIELD_OF_VIEW = np.radians(50)
MOUNT_M = (1.6, 0.0, 1.9)
"""The front camera above the ground, ahead of the rear axle."""
NEAR_M, FAR_M = 0.8, 170.0
"""What is nearer or farther is not painted."""
SUBPIXEL_BITS = 4
"""Positions are whole numbers of 1/16 pixel."""
_LEAST_PX = 1.5
"""Half the size of the smallest part that is painted."""
_BIGGEST_OBJECT_M = 10.0
"""No part of an object is farther from its origin."""


def front_camera(spec: RoadWorldSpec) -> CameraCalibration:
    """The pinhole that all pictures are drawn with: level, without distortion, the horizon above the middle."""
    focal = spec.width / 2 / np.tan(_FIELD_OF_VIEW / 2)
    intrinsic = np.array([focal, focal, spec.width / 2, 0.45 * spec.height, 0, 0, 0, 0, 0])
    extrinsic = np.eye(4)
    extrinsic[:3, 3] = MOUNT_M
    return CameraCalibration(intrinsic, extrinsic, spec.width, spec.height)


class View:
    """A pinhole camera at a pose in the world; camera frame x forward, y left, z up."""

    def __init__(self, ego_to_world: np.ndarray, camera: CameraCalibration) -> None:
        camera_to_world = ego_to_world @ camera.extrinsic
        self.position = camera_to_world[:3, 3]
        self.heading = float(np.arctan2(camera_to_world[1, 0], camera_to_world[0, 0]))
        self._to_camera = np.linalg.inv(camera_to_world)
        self.focal, self._centre = camera.intrinsic[0], camera.intrinsic[2:4]
        self._half_angle = (camera.width / 2) / self.focal

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """World points (..., 3) in the camera's frame."""
        return points @ self._to_camera[:3, :3].T + self._to_camera[:3, 3]

    def flat(self, points: np.ndarray) -> np.ndarray:
        """Ground points (..., 2) of the world in the camera's frame, (..., 3)."""
        return points @ self._to_camera[:3, :2].T + self._to_camera[:3, 3]

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Camera-frame points (..., 3) in front of the camera, as pixels (..., 2), u right and v down."""
        return self._centre - points[..., 1:] * (self.focal / points[..., :1])

    def may_see(self, places: np.ndarray) -> np.ndarray:
        """True for each of the places (n, 2) whose object can touch the picture."""
        x, y, _ = self.flat(places).T
        reach = x + _BIGGEST_OBJECT_M
        return (reach > 0) & (x < FAR_M) & (np.abs(y) < reach * self._half_angle + _BIGGEST_OBJECT_M)

    def crop(self, mesh: Mesh) -> Mesh:
        """The parts of a mesh that can touch the picture and are big enough to be seen."""
        parts = np.flatnonzero(self.may_see(mesh.origins)[mesh.owner])
        n, middles, sizes = len(mesh.quads), mesh.middles[parts], np.concatenate([mesh.sizes, mesh.radii])[parts]
        where = self.to_camera(middles)
        ahead = where[:, 0] + 1.8 * sizes
        seen = (ahead > NEAR_M) & (np.abs(where[:, 1]) < ahead * self._half_angle + 1.8 * sizes)
        seen &= sizes * self.focal > _LEAST_PX * where[:, 0]
        quads = parts < n
        seen[quads] &= ((self.position - middles[quads]) * mesh.normals[parts[quads]]).sum(axis=1) >= 0
        seen[~quads] &= where[~quads, 0] > 2 * NEAR_M
        return mesh.only(parts[seen])


def clip_near(points: np.ndarray, starts: np.ndarray) -> list[np.ndarray]:
    """What is beyond the near plane of camera-frame polygons, from one start to the next of `points` (n, 3).

    The clipping of Sutherland and Hodgman, for one plane. An empty (0, 3) for a polygon that is all before it.
    """
    following = np.empty_like(points)
    following[:-1] = points[1:]
    following[np.append(starts[1:], len(points)) - 1] = points[starts]
    x, next_x = points[:, 0], following[:, 0]
    inside = x > NEAR_M
    crosses = inside != (next_x > NEAR_M)
    share = np.where(crosses, (NEAR_M - x) / np.where(crosses, next_x - x, 1), 0)[:, None]
    both = np.stack([points, points + share * (following - points)], axis=1).reshape(-1, 3)
    kept = np.stack([inside, crosses], axis=1)
    counts = np.add.reduceat(kept.sum(axis=1), starts)
    return np.split(both[kept.ravel()], np.cumsum(counts[:-1]))


def fixed_point(pixels: np.ndarray) -> np.ndarray:
    """Pixel positions as OpenCV takes them: whole numbers of 1/16 pixel, pixel centres at whole pixels."""
    return np.rint((pixels - 0.5) * (1 << SUBPIXEL_BITS)).astype(np.int32)
