"""The Waymo Open Dataset's end-to-end driving set (WOD-E2E), without TensorFlow."""

from google.protobuf.internal import api_implementation

from roadcue.errors import BadInput

if api_implementation.Type() != "upb":
    raise BadInput(
        f"protobuf runs on its slow {api_implementation.Type()!r} backend. Unset the environment variable "
        "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION, and install a protobuf wheel built for this system."
    )

from roadcue.loaders.waymo_e2e.dataset import WaymoE2E, open_waymo_e2e
from roadcue.loaders.waymo_e2e.frame import CAMERAS, encode_frame

__all__ = ["CAMERAS", "WaymoE2E", "encode_frame", "open_waymo_e2e"]
