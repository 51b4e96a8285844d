"""Draw any amount of the sidewalk view: python -m roadcue.roadworld.sidewalk --out DIR."""

import sys
from pathlib import Path

from roadcue.roadworld.camera_options import add_camera, camera_given
from roadcue.roadworld.drawing_command import draw_or_check, drawing_parser
from roadcue.roadworld.pairs import ALL, add_pairs_split, asked_pairs, chosen_kinds, say_what_is_left_out
from roadcue.roadworld.sidewalk.spec import HIGHEST_CAMERA_M, KINDS, LONGEST_S, STEPS_PER_S, SidewalkSpec
from roadcue.roadworld.sidewalk.write import check_sidewalk, labelled_pictures, write_sidewalk
from roadcue.sentences import say, show


def main() -> int:
    """Parse, draw; returns the exit code."""
    default = SidewalkSpec()
    parser = drawing_parser(
        "roadcue.roadworld.sidewalk",
        "Draw RoadWorld as a walker's chest camera sees it, with labels and texts, as files in SENSATION's format.",
    )
    for option, value, says in (
        (
            "--train",
            default.train,
            "training pictures; a walk has seconds * rate of them, the last may be cut off",
        ),
        ("--val", default.val, "validation pictures, of other walks"),
    ):
        parser.add_argument(option, type=int, help=f"{says} (default: {value}, with --pairs none)")
    lasts = (
        f"of each walk, up to {LONGEST_S:g}; longer than 1: pictures without labels too; "
        "one of minutes is walked to its end before its first picture, in up to a minute (default: %(default)g)"
    )
    parser.add_argument("--seconds", type=float, default=default.seconds, help=lasts)
    often = f"pictures in a second, a divisor of {STEPS_PER_S} (default: %(default)g)"
    parser.add_argument("--rate", type=float, default=default.rate, help=often)
    parser.add_argument("--pairs", type=int, help="draw so many pairs of pictures and nothing else")
    parser.add_argument("--kinds", help=f"of pairs, in turn, with commas: {', '.join(KINDS)} (default: {ALL})")
    add_pairs_split(parser)
    add_camera(parser, default, HIGHEST_CAMERA_M)
    given = parser.parse_args()

    def spec() -> SidewalkSpec:
        amounts = {name: getattr(given, name) for name in ("train", "val") if getattr(given, name) is not None}
        pairs = asked_pairs(given.pairs, given.kinds)
        if pairs:
            amounts = {"train": 0, "val": 0, "pairs": pairs} | amounts
        kinds = chosen_kinds(given.kinds, KINDS, "the sidewalk view") if pairs else ()
        times = {"seconds": given.seconds, "rate": given.rate}
        chosen = {"seed": given.seed, "masks": given.masks, "pairs_split": given.pairs_split}
        return SidewalkSpec(**amounts, **chosen, kinds=kinds, **times, **camera_given(given))

    def write(spec: SidewalkSpec, folder: Path, workers: int | None) -> None:
        say_what_is_left_out(spec.pairs, spec.kinds)
        say(f"training: {spec.amount('train')}; validation: {spec.amount('val')}")
        write_sidewalk(spec, folder, workers)
        if not spec.all_clear:
            drawn = len(spec.pictures("train")) + len(spec.pictures("val"))
            show(f"{labelled_pictures(folder)} of {drawn} pictures are clear enough to be labelled")

    return draw_or_check(given, spec, write, check_sidewalk)


if __name__ == "__main__":
    sys.exit(main())
