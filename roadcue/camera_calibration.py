"""The camera model of the Waymo Open Dataset: from metres in the ego frame to pixels."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CameraCalibration:
    """Intrinsic and extrinsic parameters of one camera (dataset.proto, `CameraCalibration`).

    `intrinsic` is (9,): f_u, f_v, c_u, c_v in pixels, then k1, k2, p1, p2, k3. `extrinsic` is (4, 4), camera to ego;
    the camera frame has x forward, y left, z up. `width` and `height` are in pixels.
    """

    intrinsic: np.ndarray
    extrinsic: np.ndarray
    width: int
    height: int

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Project (n, 3) metres, ego frame, to (n, 2) pixels (u right, v down) and (n,) True where in front.

        Radial and tangential distortion as in OpenCV, on the normalised coordinates u = -y/x, v = -z/x
        (waymo_open_dataset `camera_model.cc`). A point may be in front of the camera and outside the picture.
        """
        ego_to_camera = np.linalg.inv(self.extrinsic)
        camera = points @ ego_to_camera[:3, :3].T + ego_to_camera[:3, 3]
        in_front = camera[:, 0] > 0.1
        depth = np.where(in_front, camera[:, 0], 1.0)
        u, v = -camera[:, 1] / depth, -camera[:, 2] / depth
        f_u, f_v, c_u, c_v, k1, k2, p1, p2, k3 = self.intrinsic
        r2 = u * u + v * v
        radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
        u_distorted = u * radial + 2 * p1 * u * v + p2 * (r2 + 2 * u * u)
        v_distorted = v * radial + p1 * (r2 + 2 * v * v) + 2 * p2 * u * v
        return np.stack([u_distorted * f_u + c_u, v_distorted * f_v + c_v], axis=1), in_front
