"""What a SENSATION folder holds: counts and labels of both splits, what is missing, and what leaks into training."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from roadcue.errors import BadRecord, printable
from roadcue.loaders.bad_records import Skipped
from roadcue.loaders.picture_folder import PictureFolder
from roadcue.loaders.sensation.captions import SPLITS
from roadcue.loaders.sensation.files import BVPI, SensationFiles, read_files
from roadcue.loaders.sensation.film import Leakage, is_between, leakage, place_in_film
from roadcue.loaders.sensation.states import STATES, WalkerStates, read_states
from roadcue.loaders.sensation.walk_pictures import WalkPictures
from roadcue.loaders.split import in_validation
from roadcue.prompts.annotation import OBJECT_KINDS, ROAD_POSITIONS, SIDEWALK_POSITIONS, Annotation


@dataclass(frozen=True)
class Part:
    """A part of a split: its pictures, and how many of the numbered ones have a neighbour in the part to train on."""

    name: str
    images: Sequence[str]
    leakage: Leakage | None


@dataclass(frozen=True)
class Description:
    """A folder's files, the parts of its two splits, and the pictures that are missing below the image root.

    `states` are by image name, `bad_states` the lines of their file that cannot be used. `unlabelled` are the paths
    of pictures with states and without labels, `states_alone` the names of those whose picture is not there.
    """

    files: SensationFiles
    parts: Sequence[Part]
    unused: Sequence[Skipped]
    missing: Sequence[Skipped]
    texts: Sequence[str]
    states: Mapping[str, WalkerStates]
    bad_states: Sequence[Skipped]
    unlabelled: Sequence[str]
    states_alone: Sequence[str]


def describe(data_dir: Path, image_root: Path | None = None, val_fraction: float = 0.2) -> Description:
    """Read the files and look for the pictures; BadInput when there are no annotations or captions to read."""
    files = read_files(data_dir, "all", "skip")
    folder, paths = PictureFolder(image_root or data_dir), [caption.image_path for caption in files.captions]
    known = WalkPictures(files, folder.root)
    states, bad_states = read_states(data_dir / STATES, known, "skip")
    stamps = folder.stamps(paths)
    missing = [(path, str(bad)) for path, bad in zip(paths, stamps, strict=True) if isinstance(bad, BadRecord)]
    return Description(
        files=files,
        parts=[*published_parts(files), *grouped_parts(files, val_fraction)],
        unused=[Skipped(one.image_path, fault) for one in files.captions if (fault := files.fault(one))],
        missing=[Skipped(path, bad.removeprefix(f"{path!r}: ")) for path, bad in missing],
        texts=[_texts(files, split) for split in SPLITS if any(one.split == split for one in files.captions)],
        states=states,
        bad_states=bad_states,
        unlabelled=[
            path for path in known.without_caption(states, "all") if path.rpartition("/")[2] not in files.annotations
        ],
        states_alone=known.not_there(states),
    )


def published_parts(files: SensationFiles) -> list[Part]:
    """The parts that the captions file names."""
    images = {split: [caption.image for caption in files.captions if caption.split == split] for split in SPLITS}
    return _parts("published", {split: some for split, some in images.items() if some})


def grouped_parts(files: SensationFiles, val_fraction: float) -> list[Part]:
    """The parts that `--split_by sequence` makes, over all captioned pictures; none of fewer than 2 sequences."""
    images = [caption.image for caption in files.captions if not is_between(caption.image)]
    sequences, sequence_of = np.unique([place_in_film(image)[0] for image in images], return_inverse=True)
    if len(sequences) < 2:
        return []
    in_val = in_validation(sequences, val_fraction)[sequence_of]
    parts = {name: [images[row] for row in np.flatnonzero(in_val == (name == "val"))] for name in ("train", "val")}
    return _parts("grouped", parts)


def table(description: Description) -> Table:
    """Counts and labels, one column for each part."""
    shown = Table(box=SIMPLE, padding=(0, 0, 0, 1), pad_edge=False)
    shown.add_column("", no_wrap=True)
    for part in description.parts:
        shown.add_column(Text(part.name.replace(" ", "\n")), justify="right")
    for name, cells in _rows(description):
        shown.add_row(*(Text(printable(cell)) for cell in (name, *cells)))
    return shown


def _rows(description: Description) -> Iterable[tuple[str, list[str]]]:
    parts = description.parts
    yield "pictures", [f"{len(part.images)}" for part in parts]
    yield "sequences", [f"{len({place_in_film(image)[0] for image in part.images})}" for part in parts]
    yield "numbered", [f"{part.leakage.numbered}" if part.leakage else "" for part in parts]
    yield "with a train neighbour", [_share(part.leakage) for part in parts]
    labels = [[one for image in part.images if (one := description.files.annotations.get(image))] for part in parts]
    yield "annotated", [f"{len(some)}" for some in labels]
    yield "with states", [f"{sum(image in description.states for image in part.images)}" for part in parts]
    for position in SIDEWALK_POSITIONS:
        yield f"sidewalk {position}", [f"{_count(some, 'sidewalk')[position]}" for some in labels]
    for position in ROAD_POSITIONS:
        yield f"road {position}", [f"{_count(some, 'road')[position]}" for some in labels]
    for kind in OBJECT_KINDS:
        yield f"{kind.replace('_', ' ')} near/far", [_near_and_far(some, kind) for some in labels]


def _parts(split: str, images: dict[str, list[str]]) -> list[Part]:
    train = images.get("train", [])
    return [
        Part(f"{split} {name}", some, None if name == "train" else leakage(some, train))
        for name, some in images.items()
    ]


def _texts(files: SensationFiles, split: str) -> str:
    """How a split's BVPI file compares with what its annotations and captions give."""
    name = BVPI.format(split=split)
    if split not in files.texts:
        return f"{name}: there is none; convert makes it"
    composed = replace(files, texts={})
    usable = [caption for caption in files.captions if caption.split == split and not files.fault(caption)]
    other = [caption.image_path for caption in usable if files.text(caption) != composed.text(caption)]
    differing = f"{len(other)} of them otherwise than composed, such as {other[0]}" if other else "all as composed"
    return f"{name}: {len(files.texts[split])} texts, {differing}"


def _share(leaking: Leakage | None) -> str:
    if not leaking:
        return ""
    share = f" ({leaking.leaking / leaking.numbered:.0%})" if leaking.numbered else ""
    return f"{leaking.leaking}{share}"


def _count(annotations: Sequence[Annotation], field: str) -> Counter[str]:
    return Counter(getattr(annotation, field) for annotation in annotations)


def _near_and_far(annotations: Sequence[Annotation], kind: str) -> str:
    near, far = (
        sum(bool(objects.get(kind)) for objects in some)
        for some in ([one.near for one in annotations], [one.far for one in annotations])
    )
    return f"{near}/{far}"
