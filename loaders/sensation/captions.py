"""The captions CSV: which pictures there are, in which split, and one caption for each."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from roadcue.errors import BadInput
from roadcue.loaders.csv_rows import read_rows, whole, write_rows

SPLITS = ("train", "val", "test")
IMAGE_FOLDERS = {"train": "training/images", "val": "validation/images", "test": "testing/images"}
"""Where the published captions place a split's pictures, below the image root."""
HEADER = ("image_path", "target", "split")


@dataclass(frozen=True)
class Caption:
    """A picture by its path below the image root, what is to be said of it, and its split."""

    image_path: str
    target: str
    split: str

    @property
    def image(self) -> str:
        """The picture's file name, by which it is annotated."""
        return self.image_path.rpartition("/")[2]


def read_captions(file: Path) -> list[Caption]:
    """All captions in the file's order; BadInput, with the line, for one with a cell too many or too
    few, an unknown split, or a picture that comes twice.
    """
    captions: dict[str, Caption] = {}  # by file name: what annotations and ids go by
    for line, row in read_rows(file, HEADER):
        caption = Caption(*(whole(row)[column] for column in HEADER))
        if caption.split not in SPLITS:
            raise BadInput(f"{file}, line {line}: split {caption.split!r} is none of {', '.join(SPLITS)}")
        if not caption.image or caption.image in captions:
            raise BadInput(
                f"{file}, line {line}: {caption.image_path!r} names no picture or one that is there already; "
                "remove the line"
            )
        captions[caption.image] = caption
    return list(captions.values())


def write_captions(file: Path, captions: Iterable[Caption]) -> None:
    """Write a captions CSV with the published file's columns."""
    write_rows(file, HEADER, ({"image_path": c.image_path, "target": c.target, "split": c.split} for c in captions))
