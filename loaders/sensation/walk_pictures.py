"""Pictures of walks by their file names: which ones states may speak of, and which of those nobody has captioned.

Of a long walk many pictures have no labels: something in them is not clear. A path needs no label, so they are rows
too where they have states.
"""

import os
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from pathlib import Path

from roadcue.loaders.sensation.captions import IMAGE_FOLDERS
from roadcue.loaders.sensation.files import SensationFiles, is_in
from roadcue.loaders.sensation.film import place_in_film


class WalkPictures(Container[str]):
    """The names of the pictures that a folder knows.

    Known are annotated and captioned pictures, what lies in a folder of pictures, and other pictures of a sequence
    that has one of these: whether its picture is there or not, a line of states of it is no slip of the pen.
    """

    def __init__(self, files: SensationFiles, image_root: Path) -> None:
        """Look once into the folders of captioned pictures, and into those of the published splits."""
        self._captioned = {path.rpartition("/")[2]: split for path, split in files.splits.items()}
        folders = [*IMAGE_FOLDERS.values(), *sorted({path.rpartition("/")[0] for path in files.splits})]
        self._lying_there = _lying_in(image_root, folders)
        self._names = {*files.annotations, *self._captioned, *self._lying_there}
        self._splits: defaultdict[str, set[str]] = defaultdict(set)
        for image, split in self._captioned.items():
            self._splits[place_in_film(image)[0]].add(split)
        self._sequences = {place_in_film(image)[0] for image in self._names}

    def __contains__(self, image: object) -> bool:
        return image in self._names or (isinstance(image, str) and place_in_film(image)[0] in self._sequences)

    def not_there(self, images: Iterable[str]) -> list[str]:
        """Those that lie in no folder of pictures."""
        return [image for image in images if image not in self._lying_there]

    def without_caption(self, images: Iterable[str], split: str) -> list[str]:
        """Paths below the image root of those that lie there and have no caption, of a split as `read_files` has it.

        A picture is of the split of its sequence's captioned pictures; where these are of none or of several, of the
        split whose published folder it lies in; elsewhere it is of "all" and "grouped" alone.
        """
        paths = {
            image: self._lying_there[image]
            for image in images
            if image in self._lying_there and image not in self._captioned
        }
        return [path for image, path in paths.items() if is_in(image, self._split(image, path), split)]

    def _split(self, image: str, path: str) -> str:
        splits = self._splits.get(place_in_film(image)[0], set())
        if len(splits) == 1:
            return next(iter(splits))
        folder = path.rpartition("/")[0]
        return next((split for split, published in IMAGE_FOLDERS.items() if published == folder), "")


def _lying_in(root: Path, folders: Iterable[str]) -> Mapping[str, str]:
    """File name -> path below `root` of what the folders hold; of two with one name that of the first folder."""
    paths: dict[str, str] = {}
    for folder in dict.fromkeys(folders):
        if (root / folder).is_dir():
            for name in os.listdir(root / folder):
                paths.setdefault(name, f"{folder}/{name}".removeprefix("/"))
    return paths
