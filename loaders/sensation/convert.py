"""From annotations and captions to what a language model learns from: BVPI texts, pairs of them, JSON annotations."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from roadcue.files import resumable_folder
from roadcue.loaders.bad_records import BadRecords, OnBadRecord, Skipped, named_first
from roadcue.loaders.sensation.captions import SPLITS
from roadcue.loaders.sensation.files import BVPI, JSON_LINES, PAIRS, SCHEMA_FILE, SensationFiles, read_files
from roadcue.progress import ProgressLine
from roadcue.prompts import bvpi
from roadcue.prompts.annotation_json import SCHEMA, to_json

PAIR_SPLITS = ("train", "val")
"""The splits of which pairs are made: nobody trains a preference on the test pictures."""


def convert(
    data_dir: Path,
    out: Path,
    *,
    rejected: Literal["caption", "swapped"] = "caption",
    on_bad_record: OnBadRecord = "raise",
) -> tuple[dict[str, int], list[Skipped]]:
    """Write what a SENSATION folder's CSVs give into the new folder `out`; returns its files' lengths, and faults.

    It writes `bvpi_sft_*.jsonl` and `bvpi_dpo_*.jsonl` in the order of the captions, and `annotations.jsonl` with the
    schema; the lengths are in lines, by file name. The faults are the rows and pictures left out. `out` appears when
    all of it is there. BadInput when it exists or cannot be written, a file cannot be read, or, with "raise", a
    captioned picture is not annotated. No picture is read.
    """
    files = read_files(data_dir, "all", on_bad_record)
    files = replace(files, texts={})  # composed, not copied
    faults = [Skipped(caption.image_path, fault) for caption in files.captions if (fault := files.fault(caption))]
    if faults:
        message = (
            f"{data_dir}: {len(faults)} of {len(files.captions)} captioned pictures cannot be converted; "
            f"{named_first(faults)}. Annotate them, or leave them out with --on_bad_record skip."
        )
        BadRecords(on_bad_record).reject_all(faults, message)
    contents = dict(_contents(files, rejected))
    with (
        resumable_folder(out, "converted") as partial,
        ProgressLine("converting", sum(map(len, contents.values())), "records") as advance,
    ):
        for left_over in partial.iterdir():  # of a run that was killed, and may have had other data
            left_over.unlink()
        for name, lines in contents.items():
            (partial / name).write_text("".join(lines), encoding="utf-8", newline="\n")
            advance(len(lines))
        (partial / SCHEMA_FILE).write_text(json.dumps(SCHEMA, indent=1) + "\n", encoding="utf-8")
    return {name: len(lines) for name, lines in contents.items()}, [*files.skipped, *faults]


def _contents(files: SensationFiles, rejected: Literal["caption", "swapped"]) -> Iterator[tuple[str, list[str]]]:
    """The name and the lines of every JSON lines file."""
    for split in SPLITS:
        usable = [
            (caption.image_path, files.annotations[caption.image], caption.target)
            for caption in files.captions
            if caption.split == split and not files.fault(caption)
        ]
        if usable:
            yield BVPI.format(split=split), [bvpi.to_line(bvpi.sft_record(*one)) for one in usable]
        if usable and split in PAIR_SPLITS:
            pairs = (bvpi.dpo_record(*one, rejected) for one in usable)
            yield PAIRS.format(split=split), [bvpi.to_line(pair) for pair in pairs if pair]
    yield JSON_LINES, [json.dumps(to_json(one), ensure_ascii=False) + "\n" for one in files.annotations.values()]
