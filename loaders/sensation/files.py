"""The files of a SENSATION folder under their published names, and what is read of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from roadcue.errors import BadInput, BadRecord
from roadcue.json_lines import lines_of
from roadcue.loaders.bad_records import BadRecords, OnBadRecord, Skipped
from roadcue.loaders.sensation.annotation_files import read_annotations, read_json_annotations
from roadcue.loaders.sensation.captions import SPLITS, Caption, read_captions
from roadcue.loaders.sensation.film import is_between
from roadcue.prompts import bvpi
from roadcue.prompts.annotation import Annotation

ANNOTATIONS, CAPTIONS = "annotations_with_obj_pos.csv", "complete_captions_sensation.csv"
BVPI, PAIRS = "bvpi_sft_{split}.jsonl", "bvpi_dpo_{split}.jsonl"
"""Texts to learn, and pairs of texts of which one is chosen."""
JSON_LINES, SCHEMA_FILE = "annotations.jsonl", "annotation.schema.json"
"""One annotation per line, and its schema, in a folder that was drawn or converted."""


@dataclass(frozen=True)
class SensationFiles:
    """What the files say of a split's pictures.

    `annotations` go by file name, `captions` are in their file's order, `texts` are split -> image path -> BVPI text,
    without a split that has no file. `skipped` are the rows and lines left out, `splits` the split of every caption
    of the file, whatever split is read, by its image path.
    """

    annotations: Mapping[str, Annotation]
    captions: list[Caption]
    texts: Mapping[str, Mapping[str, str]]
    skipped: list[Skipped]
    splits: Mapping[str, str]

    def fault(self, caption: Caption) -> str:
        """Why a captioned picture cannot be used, or nothing."""
        if caption.image not in self.annotations:
            damaged = next((one for one in self.skipped if one.reason.startswith(f"({caption.image})")), None)
            return f"{caption.image} has no usable row in {damaged or ANNOTATIONS}"
        if caption.image_path not in self.texts.get(caption.split, {caption.image_path: ""}):
            return f"{caption.image_path} has no line in {BVPI.format(split=caption.split)}"
        return ""

    def text(self, caption: Caption) -> str:
        """The BVPI text of an annotated picture: as its file has it, or composed where none has."""
        written = self.texts.get(caption.split, {}).get(caption.image_path)
        return bvpi.compose(self.annotations[caption.image], caption.target) if written is None else written


def read_files(data_dir: Path, split: str, on_bad_record: OnBadRecord = "raise") -> SensationFiles:
    """The files of "train", "val", "test", "all", or "grouped": all but the pictures between two stretches of a film.

    The annotations come from the CSV, or where there is none from the JSON lines; what is damaged or repeated in them
    is always left out and listed. BadInput when another file is damaged or an annotation or caption file is missing.
    """
    if split not in (*SPLITS, "all", "grouped"):
        raise BadInput(f"split {split!r} is unknown; SENSATION has {', '.join(SPLITS)}, or all of them")
    from_json = not (data_dir / ANNOTATIONS).exists() and (data_dir / JSON_LINES).exists()
    annotations, skipped = (
        read_json_annotations(data_dir / JSON_LINES) if from_json else read_annotations(data_dir / ANNOTATIONS)
    )
    of_all_splits = read_captions(data_dir / CAPTIONS)
    captions = [caption for caption in of_all_splits if is_in(caption.image, caption.split, split)]
    if not captions:
        raise BadInput(f"{data_dir / CAPTIONS}: has no picture of split {split}")
    texts = {}
    for split_name in sorted({caption.split for caption in captions}):
        if (file := data_dir / BVPI.format(split=split_name)).exists():
            texts[split_name], left_out = _read_texts(file, on_bad_record)
            skipped += left_out
    splits = {caption.image_path: caption.split for caption in of_all_splits}
    return SensationFiles(annotations, captions, texts, skipped, splits)


def is_in(image: str, own: str, split: str) -> bool:
    """Whether a picture whose own split is `own` is one of a split as `read_files` takes it."""
    return not is_between(image) if split == "grouped" else split in ("all", own)


def _read_texts(file: Path, on_bad_record: OnBadRecord) -> tuple[dict[str, str], list[Skipped]]:
    """The BVPI texts of a file by image path, and the lines left out; of two for one picture the first counts."""
    texts: dict[str, str] = {}
    bad_records = BadRecords(on_bad_record)
    for where, line in lines_of(file):
        try:
            record = bvpi.parse_line(line, where)
            if record["image"] in texts:
                raise BadRecord(f"{where}: {record['image']} has a text before; its first line counts")
        except BadRecord as bad:
            bad_records.reject(where, bad)
        else:
            texts[record["image"]] = record["response"]
    return texts, bad_records.skipped
