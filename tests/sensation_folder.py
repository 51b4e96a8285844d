"""Folders of SENSATION's files, as small as a test needs them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from drawn import moving

from roadcue.loaders import jpeg
from roadcue.loaders.sensation.annotation_files import write_annotations
from roadcue.loaders.sensation.captions import IMAGE_FOLDERS, Caption, write_captions
from roadcue.loaders.sensation.files import ANNOTATIONS, BVPI, CAPTIONS
from roadcue.loaders.sensation.states import WalkerStates
from roadcue.prompts.annotation import OBJECT_KINDS, Annotation
from roadcue.prompts.bvpi import sft_record, to_line
from roadcue.schema import Intent

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


def walker(image: str, speed=1.4, acceleration=(0.0, 0.0), intent=Intent.GO_STRAIGHT) -> WalkerStates:
    """Somebody who goes straight ahead at t = 0, with an acceleration along and across, m/s^2, that lasts."""
    way = moving(np.array([speed]), np.array([acceleration]), np.arange(-15, 21) / 4)[0].astype(np.float32)
    return WalkerStates(image, 0.0, way[:16], intent, way[16:, :2])
