"""Draw any amount of RoadWorld: python -m roadcue.roadworld --out DIR."""

import sys

from roadcue.roadworld.camera_options import add_camera, camera_given
from roadcue.roadworld.drawing_command import draw_or_check, drawing_parser
from roadcue.roadworld.spec import HIGHEST_CAMERA_M, RoadWorldSpec
from roadcue.roadworld.write import check_roadworld, write_roadworld


def main() -> int:
    """Parse, draw; returns the exit code."""
    default = RoadWorldSpec()
    parser = drawing_parser(
        "roadcue.roadworld",
        "Draw RoadWorld as a car's front cameras see it, with its states, as shards in the Waymo end-to-end format.",
    )
    for option, value, says in (
        ("--train", default.train_sequences, "training sequences"),
        ("--val", default.val_sequences, "validation sequences"),
        ("--seconds", default.seconds, "length of a sequence in seconds, at 10 frames per second"),
        ("--stride", default.stride, "draw every n-th frame of a sequence; 1: all of them"),
        ("--cameras", ",".join(default.cameras), "those that see each frame, with commas"),
    ):
        parser.add_argument(option, type=type(value), default=value, help=f"{says} (default: %(default)s)")
    add_camera(parser, default, HIGHEST_CAMERA_M)
    given = parser.parse_args()

    def spec() -> RoadWorldSpec:
        cameras = tuple(given.cameras.split(","))
        return RoadWorldSpec(
            given.train,
            given.val,
            given.seconds,
            given.stride,
            given.seed,
            cameras=cameras,
            masks=given.masks,
            **camera_given(given),
        )

    return draw_or_check(given, spec, write_roadworld, check_roadworld)


if __name__ == "__main__":
    sys.exit(main())
