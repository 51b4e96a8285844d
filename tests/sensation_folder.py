"""Folders of SENSATION's files, as small as a test needs them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from roadcue.loaders import jpeg
from roadcue.loaders.sensation.annotation_files import write_annotations
from roadcue.loaders.sensation.captions import IMAGE_FOLDERS, Caption, write_captions
from roadcue.loaders.sensation.files import ANNOTATIONS, BVPI, CAPTIONS
from roadcue.prompts.annotation import OBJECT_KINDS, Annotation
from roadcue.prompts.bvpi import sft_record, to_line

PICTURE = jpeg.encode(np.full((16, 16, 3), 90, np.uint8), 90)
_NONE: Mapping[str, tuple[str, ...]] = dict.fromkeys(OBJECT_KINDS, ())


def labelled(image: str, sidewalk="Center", road="Left", near=(), far=()) -> Annotation:
    """A picture's labels, of which all kinds that are not given are not present."""
    return Annotation(image, sidewalk, road, {**_NONE, **dict(near)}, {**_NONE, **dict(far)})


def write_folder(
    folder: Path, images: dict[str, Sequence[str]], *, texts: bool = True, pictures: Path | None = None
) -> list[Caption]:
    """Split -> file names as the published files, with the pictures below `pictures`, or none of them."""
    captions = [
        Caption(f"{IMAGE_FOLDERS[split]}/{image}", f"The way of {image} is clear.", split)
        for split, some in images.items()
        for image in some
    ]
    folder.mkdir(parents=True, exist_ok=True)
    write_captions(folder / CAPTIONS, captions)
    write_annotations(folder / ANNOTATIONS, [labelled(caption.image) for caption in captions])
    for split in images if texts else ():
        records = [sft_record(one.image_path, labelled(one.image), "Told.") for one in captions if one.split == split]
        (folder / BVPI.format(split=split)).write_text("".join(map(to_line, records)))
    for caption in captions if pictures else ():
        file = pictures / caption.image_path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(PICTURE)
    return captions
