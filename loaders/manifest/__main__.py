"""python -m roadcue.loaders.manifest convert TABLE.csv --pictures DIR --out OUT."""

import argparse
import sys
from pathlib import Path

from roadcue.errors import exit_code
from roadcue.loaders.bad_records import faults_by_kind
from roadcue.loaders.manifest.convert import Converted, convert
from roadcue.sentence_parser import SentenceParser
from roadcue.sentences import counted, say, show


def main() -> int:
    """Parse, do; returns the exit code."""
    given = _parser().parse_args()
    return exit_code(lambda: given.do(given))


def _parser() -> argparse.ArgumentParser:
    parser = SentenceParser(
        prog="python -m roadcue.loaders.manifest", description="Make a manifest of your own labels."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    make = commands.add_parser("convert", help="write the manifest of a table with a line for each picture")
    make.set_defaults(do=_convert)
    make.add_argument("table", type=Path, help="CSV file with the columns picture, sidewalk, road and objects")
    make.add_argument(
        "--pictures",
        type=Path,
        required=True,
        help="folder that the pictures lie below; none is copied",
    )
    make.add_argument("--out", type=Path, required=True, help="folder to make; it must not exist")
    make.add_argument(
        "--on_bad_record",
        choices=("raise", "skip"),
        default="raise",
        help="lines that cannot be used stop, or are left out and counted (default: %(default)s)",
    )
    return parser


def _convert(given: argparse.Namespace) -> None:
    made = convert(given.table, given.pictures, given.out, on_bad_record=given.on_bad_record)
    if made.skipped:
        show(
            f"{counted(len(made.skipped), 'line')} left out:", *(f"  {said}" for said in faults_by_kind(made.skipped))
        )
    sequences = len({row.keys["sequence"] for row in made.rows})
    show(f"{made.manifest}: {counted(len(made.rows), 'line')}, {counted(sequences, 'sequence')}")
    show("labels: " + ", ".join(f"{column} in {counted(count, 'line')}" for column, count in made.labelled.items()))
    if bare := made.unlabelled:
        show(f"no label at all: {counted(len(bare), 'line')}, the first {bare[0].where}; no head learns from them")
    if made.unnamed:
        show(f"not labelled, as no line names them: {', '.join(made.unnamed)}")
    if sequences == 1 and not made.parted:
        say(
            "all lines are of one sequence, so nothing would be left to validate on: name in a column `sequence` "
            "which walk or drive each picture is of"
        )
    show(*_how_to_train(made, given))


def _how_to_train(made: Converted, given: argparse.Namespace) -> list[str]:
    """The command, and before it what has to be known of the table's splits, if it names some."""
    command = f"python train.py --data manifest --data_dir {given.out} --image_root {given.pictures}"
    named = ", ".join(f"{split or 'no split'} in {counted(count, 'line')}" for split, count in made.splits.items())
    if made.parted:
        return [f"splits: {named}", f"{command} --head field,cue"]
    parting = f"{command} --split_by sequence --head field,cue"
    if made.splits.keys() == {None}:
        return [parting]
    why = "training needs train and val, named in each line; --split_by sequence parts the data itself instead:"
    return [f"splits: {named}; {why}", parting]


if __name__ == "__main__":
    sys.exit(main())
