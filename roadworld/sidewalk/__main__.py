"""Draw any amount of the sidewalk view: python -m roadcue.roadworld.sidewalk --out DIR."""

import sys

from roadcue.roadworld.camera_options import add_camera, camera_given
from roadcue.roadworld.drawing_command import draw_or_check, drawing_parser
from roadcue.roadworld.sidewalk.spec import FRAMES, HIGHEST_CAMERA_M, SidewalkSpec
from roadcue.roadworld.sidewalk.write import check_sidewalk, write_sidewalk


def main() -> int:
    """Parse, draw; returns the exit code."""
    default = SidewalkSpec()
    parser = drawing_parser(
        "roadcue.roadworld.sidewalk",
        "Draw RoadWorld as a walker's chest camera sees it, with labels and texts, as files in SENSATION's format.",
    )
    for option, value, says in (
        ("--train", default.train, f"training pictures, {FRAMES} of each walk"),
        ("--val", default.val, f"validation pictures, {FRAMES} of each walk, of other walks"),
    ):
        parser.add_argument(option, type=int, default=value, help=f"{says} (default: %(default)s)")
    add_camera(parser, default, HIGHEST_CAMERA_M)
    given = parser.parse_args()

    def spec() -> SidewalkSpec:
        return SidewalkSpec(given.train, given.val, given.seed, masks=given.masks, **camera_given(given))

    return draw_or_check(given, spec, write_sidewalk, check_sidewalk)


if __name__ == "__main__":
    sys.exit(main())
