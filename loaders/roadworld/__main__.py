"""Draw any amount of RoadWorld: python -m loaders.roadworld --out DIR."""

import argparse
import sys
from pathlib import Path

from loaders.errors import BadInput
from loaders.roadworld.spec import RoadWorldSpec


def main() -> int:
    """Parse, draw; returns the exit code."""
    default = RoadWorldSpec()
    parser = argparse.ArgumentParser(
        prog="python -m loaders.roadworld",
        description="Draw RoadWorld, a simulated road scene, as shards in the format of the Waymo end-to-end set.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to make; it must not exist")
    parser.add_argument("--train", type=int, default=default.train_sequences, help="training sequences")
    parser.add_argument("--val", type=int, default=default.val_sequences, help="validation sequences")
    parser.add_argument("--seconds", type=float, default=default.seconds, help="length of each in seconds, at 10 Hz")
    parser.add_argument("--seed", type=int, default=default.seed, help="another seed is another world")
    parser.add_argument("--workers", type=int, default=None, help="processes; None is one per processor")
    parser.add_argument(
        "--check", action="store_true", help="draw nothing: compare DIR with its manifest, hashes too"
    )
    given = parser.parse_args()
    from loaders.roadworld.write import check_roadworld, write_roadworld

    try:
        if given.check:
            print(f"{given.out}: as written; {check_roadworld(given.out, hashes=True)}")
        else:
            spec = RoadWorldSpec(given.train, given.val, given.seconds, given.seed)
            write_roadworld(spec, given.out, given.workers)
            print(given.out)
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
