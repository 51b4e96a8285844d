"""Draw any amount of RoadWorld: python -m roadcue.roadworld --out DIR."""

import sys
from pathlib import Path

from roadcue.roadworld.camera_options import add_camera, camera_given
from roadcue.roadworld.dataset import DEFAULT
from roadcue.roadworld.drawing_command import draw_or_check, drawing_parser, options_said
from roadcue.roadworld.pairs import ALL, add_pairs_split, asked_pairs, chosen_kinds, say_what_is_left_out
from roadcue.roadworld.spec import HIGHEST_CAMERA_M, KINDS, RoadWorldSpec
from roadcue.roadworld.write import check_roadworld, write_roadworld
from roadcue.sentences import say


def main() -> int:
    """Parse, draw; returns the exit code."""
    default = RoadWorldSpec()
    parser = drawing_parser(
        "roadcue.roadworld",
        "Draw RoadWorld as a car's front cameras see it, with its states, as shards in the Waymo end-to-end format. "
        f"The defaults are not what train.py draws by itself: that is {options_said(DEFAULT)}.",
    )
    for option, value, says in (
        ("--seconds", default.seconds, "length of a sequence in seconds, at 10 frames per second"),
        ("--stride", default.stride, "draw every n-th frame of a sequence, from its first; 1: all of them"),
        ("--cameras", ",".join(default.cameras), "those that see each frame, with commas"),
    ):
        parser.add_argument(option, type=type(value), default=value, help=f"{says} (default: %(default)s)")
    for option, value, says in (
        (
            "--train",
            default.train_sequences,
            "training sequences, of many pictures each",
        ),
        ("--val", default.val_sequences, "validation sequences"),
    ):
        parser.add_argument(option, type=int, help=f"{says} (default: {value}, with --pairs none)")
    parser.add_argument("--pairs", type=int, help="draw so many moments twice instead, with and without one thing")
    parser.add_argument(
        "--kinds", help=f"what the things are, in turn, with commas (default: {ALL}, which is {', '.join(KINDS)})"
    )
    add_pairs_split(parser)
    add_camera(parser, default, HIGHEST_CAMERA_M)
    given = parser.parse_args()

    def spec() -> RoadWorldSpec:
        cameras = tuple(given.cameras.split(","))
        pairs = asked_pairs(given.pairs, given.kinds)
        kinds = chosen_kinds(given.kinds, KINDS, "RoadWorld's drive") if pairs else ()
        return RoadWorldSpec(
            _sequences(given.train, default.train_sequences, pairs),
            _sequences(given.val, default.val_sequences, pairs),
            given.seconds,
            given.stride,
            given.seed,
            cameras=cameras,
            masks=given.masks,
            pairs=pairs,
            kinds=kinds,
            pairs_split=given.pairs_split,
            **camera_given(given),
        )

    def write(spec: RoadWorldSpec, folder: Path, workers: int | None) -> None:
        say_what_is_left_out(spec.pairs, spec.kinds)
        say(f"training: {spec.amount('train')}; validation: {spec.amount('val')}")
        if not spec.pairs and spec.stride >= spec.length > 1:
            say(
                f"--stride {spec.stride} is no shorter than a sequence of {spec.length} frames: the first of each is "
                f"drawn, and no other. --stride 1 draws all {spec.length}."
            )
        write_roadworld(spec, folder, workers)

    return draw_or_check(given, spec, write, check_roadworld)


def _sequences(asked: int | None, default: int, pairs: int) -> int:
    """How many of a split are drawn; without a word about it none beside pairs."""
    return (0 if pairs else default) if asked is None else asked


if __name__ == "__main__":
    sys.exit(main())
