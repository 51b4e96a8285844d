"""Draw any amount of the sidewalk view: python -m roadcue.roadworld.sidewalk --out DIR."""

import sys

from roadcue.roadworld.camera_options import add_camera, camera_given
from roadcue.roadworld.drawing_command import draw_or_check, drawing_parser
from roadcue.roadworld.pairs import ALL, asked_pairs, chosen_kinds
from roadcue.roadworld.sidewalk.spec import FRAMES, HIGHEST_CAMERA_M, KINDS, SidewalkSpec
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
        parser.add_argument(option, type=int, help=f"{says} (default: {value}, with --pairs none)")
    parser.add_argument("--pairs", type=int, help="draw so many pairs of pictures and nothing else")
    parser.add_argument("--kinds", help=f"of pairs, with commas: {', '.join(KINDS)} (default, with --pairs: {ALL})")
    add_camera(parser, default, HIGHEST_CAMERA_M)
    given = parser.parse_args()

    def spec() -> SidewalkSpec:
        amounts = {name: getattr(given, name) for name in ("train", "val") if getattr(given, name) is not None}
        pairs = asked_pairs(given.pairs, given.kinds)
        if pairs:
            amounts = {"train": 0, "val": 0, "pairs": pairs} | amounts
        kinds = chosen_kinds(given.kinds or ALL, KINDS, "the sidewalk view") if pairs else ()
        return SidewalkSpec(**amounts, seed=given.seed, masks=given.masks, kinds=kinds, **camera_given(given))

    return draw_or_check(given, spec, write_sidewalk, check_sidewalk)


if __name__ == "__main__":
    sys.exit(main())
