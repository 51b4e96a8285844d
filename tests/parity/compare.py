"""Our TFRecords, Waymo schema and submissions against the official package's, fresh random ones, in both directions.

`make parity` builds the official environment and runs this; exit code 1 and the first differences if there are any.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import ours
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import DescriptorProto
from google.protobuf.message import Message
from messages import plain
from rich.console import Console
from rich.table import Table

from roadcue.errors import BadInput
from roadcue.loaders.waymo_e2e import schema_pb2 as schema

OFFICIAL_PYTHON = Path(__file__).parents[2] / ".venv-parity" / "bin" / "python"
SHOWN = 10


@dataclass(frozen=True)
class Comparison:
    """How many values were compared, and each that differs, by its path."""

    what: str
    records: int
    values: int
    differences: list[str]


def compare(what: str, expected: Any, actual: Any) -> Comparison:
    """Compare two structures of plain values, each of their values exactly; a part that only one has differs too."""
    left, right = flat(expected), flat(actual)
    paths = [*left, *(right.keys() - left.keys())]
    missing = "missing"
    differences = [
        f"{what}: {path}: official or written {left.get(path, missing)}, found {right.get(path, missing)}"
        for path in paths
        if path not in left or path not in right or left[path] != right[path]
    ]
    return Comparison(what, len(expected), len(paths), differences)


def flat(value: Any) -> dict[str, Any]:
    """Every value of nested dicts and lists by its path; an empty dict or list is a value."""
    return dict(_flat(value, ""))


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, (dict, list)) or not value:
        yield path, value
        return
    for key, part in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _flat(part, f"{path}.{key}" if path else str(key))


def declared(message: Descriptor, like: Descriptor) -> dict[str, Any]:
    """A message's fields and enumerations, those alone that `like` has: number, type, label, options, values."""
    proto = DescriptorProto()
    message.CopyToProto(proto)
    numbered = {field.name: plain(field) for field in proto.field if field.name in like.fields_by_name}
    enums = {enum.name: plain(enum) for enum in proto.enum_type if enum.name in like.enum_types_by_name}
    text = json.dumps({"fields": numbered, "enums": enums})
    result: dict[str, Any] = json.loads(text.replace(f".{message.file.package}.", "."))
    return result


def known(value: Any, message: Descriptor | None) -> Any:
    """The part of a plain official message that a message of ours has fields for."""
    if isinstance(value, list):
        return [known(part, message) for part in value]
    if not isinstance(value, dict) or message is None:
        return value
    ours_of = message.fields_by_name
    return {name: known(part, ours_of[name].message_type) for name, part in value.items() if name in ours_of}


def fields(message: Descriptor, path: str = "") -> Iterator[str]:
    """Every field of a message and of its messages that has a value of its own."""
    for field in message.fields:
        if field.message_type:
            yield from fields(field.message_type, f"{path}{field.name}.")
        else:
            yield f"{path}{field.name}"


def coverage(what: str, messages: list[dict[str, Any]], of: type[Message] = schema.E2EDFrame) -> Comparison:
    """Whether "every field" is true of these plain messages: each field that our schema has for them occurs."""
    occur = {re.sub(r"\.\d+", "", path) for message in messages for path in flat(message)}
    every = dict.fromkeys(fields(of.DESCRIPTOR), "occurs")
    occurring = {field: "occurs" for field in every if field in occur}
    return replace(compare(what, every, occurring), records=len(messages))


def official(*arguments: object) -> None:
    """Run the official side."""
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    command = [str(OFFICIAL_PYTHON), str(Path(__file__).with_name("official.py")), *map(str, arguments)]
    subprocess.run(command, check=True, env=quiet)


def they_write_we_read(folder: Path, seed: int) -> Iterator[Comparison]:
    """Shards of the official side, by the schemas and by the data set that training reads."""
    official("write", folder, seed)
    written = json.loads((folder / "written.json").read_text())
    print(f"official side: {written['software']}")
    records = written["records"]
    official_message = ours.load_official(folder / "descriptors.binpb")

    names = schema.DESCRIPTOR.message_types_by_name
    pool, package = official_message.DESCRIPTOR.file.pool, official_message.DESCRIPTOR.file.package
    theirs = {name: pool.FindMessageTypeByName(f"{package}.{name}") for name in names}
    yield compare(
        "our schema is declared as the official one",
        {name: declared(theirs[name], like) for name, like in names.items()},
        {name: declared(like, like) for name, like in names.items()},
    )

    yield coverage("they write every field of our schema", [record["message"] for record in records])
    messages = {f"{r['place']['shard']} at {r['place']['offset']}": r["message"] for r in records}
    yield compare(
        "they write, the official schema beside ours reads", messages, ours.read_messages(folder, official_message)
    )
    yield compare(
        "they write, our schema reads",
        {where: known(message, schema.E2EDFrame.DESCRIPTOR) for where, message in messages.items()},
        ours.read_messages(folder, schema.E2EDFrame),
    )
    yield compare(
        "they write, our data set reads", {r["sample"]["id"]: r["sample"] for r in records}, ours.read_samples(folder)
    )
    yield compare(
        "they write, our index finds", {r["sample"]["id"]: r["place"] for r in records}, ours.read_places(folder)
    )

    submission = written["submission"]
    yield coverage("they submit every field", list(submission.values()), schema.E2EDChallengeSubmission)
    yield compare("they submit, we read", submission, ours.read_submission(folder))


def we_write_they_read(folder: Path, seed: int) -> Iterator[Comparison]:
    """Our shards, by the official side."""
    written, submission = ours.write(folder, seed), ours.write_submission(folder, seed)
    official("read", folder)
    yield coverage("we write every field of our schema", [record["message"] for record in written])
    theirs = json.loads((folder / "read.json").read_text())
    read = theirs["records"]
    for what, key in (
        ("we write, the official schema reads", "message"),
        ("we write samples, they find in the frames", "sample"),
        ("our bytes, written again without unknown fields", "sha256"),
    ):
        yield compare(what, *({str(n): r[key] for n, r in enumerate(side) if key in r} for side in (written, read)))
    messages = [shard["message"] for shard in submission.values()]
    yield coverage("we submit every field", messages, schema.E2EDChallengeSubmission)
    yield compare("we submit, the official messages read, and write the same bytes", submission, theirs["submission"])


def seed_of(description: str, what: str, official_python: Path) -> int:
    """The seed of `what`, asked for or new, printed; ends the process where the official side is not built."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument(
        "--seed", type=int, default=random.randrange(2**32), help=f"of the {what}; default: a new one"
    )
    seed: int = parser.parse_args().seed
    if not official_python.exists():
        parser.exit(2, f"{official_python}: is missing. Run `make parity`, which builds it.\n")
    print(f"seed {seed}")
    return seed


def main() -> int:
    """Both directions, and a table of them; 1 when anything differs."""
    seed = seed_of(__doc__, "shards", OFFICIAL_PYTHON)
    print(f"our side: {ours.SOFTWARE}")
    with tempfile.TemporaryDirectory() as name:
        theirs, own, cache = (Path(name) / part for part in ("theirs", "ours", "cache"))
        theirs.mkdir()
        own.mkdir()
        os.environ["ROADCUE_CACHE"] = str(cache)
        comparisons, failed = [], False
        try:
            for one in chain(they_write_we_read(theirs, seed), we_write_they_read(own, seed)):
                comparisons.append(one)  # noqa: PERF402 - what was compared before a failure is shown
        except (BadInput, subprocess.CalledProcessError) as error:
            print(f"One side does not read what the other wrote: {error}", file=sys.stderr)
            failed = True
    return int(not report(comparisons) or failed)


def report(comparisons: list[Comparison]) -> bool:
    """Print the table and the first differences; whether there are none, and something was compared everywhere."""
    table = Table("comparison", "records", "values", "differences")
    for one in comparisons:
        table.add_row(one.what, str(one.records), str(one.values), str(len(one.differences)))
    Console(width=100).print(table)
    for one in comparisons:
        print("\n".join(one.differences[:SHOWN]), end="\n" if one.differences else "")
    return all(one.records and not one.differences for one in comparisons)


if __name__ == "__main__":
    sys.exit(main())
