"""python -m roadcue.loaders.sensation describe --data_dir DIR, and convert --data_dir DIR --out OUT."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from roadcue.errors import exit_code
from roadcue.loaders.bad_records import Skipped
from roadcue.loaders.sensation.convert import convert
from roadcue.loaders.sensation.describe import describe, table
from roadcue.loaders.sensation.files import ANNOTATIONS, CAPTIONS
from roadcue.loaders.sensation.states import STATES
from roadcue.sentence_parser import SentenceParser
from roadcue.sentences import show
from roadcue.terminal_table import print_table

NAMED = 5
"""How many of a long list are named unless --all of them are asked for."""


def main() -> int:
    """Parse, do; returns the exit code."""
    given = _parser().parse_args()
    return exit_code(lambda: given.do(given))


def _parser() -> argparse.ArgumentParser:
    parser = SentenceParser(prog="python -m roadcue.loaders.sensation", description="Look at SENSATION's files.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    look = commands.add_parser("describe", help="count pictures, labels, faults and leaks of both splits")
    look.set_defaults(do=_describe)
    look.add_argument("--image_root", type=Path, help="folder with the pictures (default: --data_dir)")
    look.add_argument(
        "--val_fraction", type=float, default=0.2, help="share for validation, grouped (default: %(default)s)"
    )
    look.add_argument("--all", action="store_true", help=f"name all that is missing, not only {NAMED} of it")
    make = commands.add_parser("convert", help="write BVPI texts, pairs of texts and JSON annotations")
    make.set_defaults(do=_convert)
    make.add_argument("--out", type=Path, required=True, help="folder to make; it must not exist")
    make.add_argument(
        "--rejected",
        choices=("caption", "swapped"),
        default="caption",
        help="what the BVPI text is chosen over: the caption, or itself with left and right swapped "
        "(default: %(default)s)",
    )
    make.add_argument(
        "--on_bad_record",
        choices=("raise", "skip"),
        default="raise",
        help="a captioned picture without annotation stops, or is left out and listed (default: %(default)s)",
    )
    for command in (look, make):
        command.add_argument("--data_dir", type=Path, required=True, help=f"folder with {ANNOTATIONS} and {CAPTIONS}")
    return parser


def _describe(given: argparse.Namespace) -> None:
    report = describe(given.data_dir, given.image_root, given.val_fraction)
    files, limit = report.files, None if given.all else NAMED
    show(f"annotations: {len(files.annotations)} pictures")
    _list("rows and lines left out", files.skipped, limit)
    show(f"captions: {len(files.captions)} pictures")
    show(
        f"states: {len(report.states)} pictures, {len(report.unlabelled)} of them without labels, "
        f"{len(report.states_alone)} not found"
    )
    _list(f"lines of {STATES} left out", report.bad_states, limit)
    _list("captioned pictures without annotation or text", report.unused, limit)
    _list(f"picture files missing below {given.image_root or given.data_dir}", report.missing, limit)
    for line in report.texts:
        show(line)
    show("grouped is --split_by sequence: whole stretches of numbered pictures, and some between two left out")
    print_table(table(report))


def _convert(given: argparse.Namespace) -> None:
    lines, skipped = convert(given.data_dir, given.out, rejected=given.rejected, on_bad_record=given.on_bad_record)
    _list("rows and pictures left out", skipped, NAMED)
    for name, count in lines.items():
        show(f"{given.out / name}: {count} lines")


def _list(what: str, faults: Sequence[Skipped], limit: int | None) -> None:
    """How many there are, and the first of them by name."""
    show(f"{len(faults)} {what}{':' if faults else ''}")
    for fault in faults[:limit]:
        show(f"  {fault.where}: {fault.reason}")
    if limit and len(faults) > limit:
        show(f"  ... and {len(faults) - limit} more; describe --all names them")


if __name__ == "__main__":
    sys.exit(main())
