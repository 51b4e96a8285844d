"""A folder of drawn pictures says what they are, so that others, or other texts and labels, never come among them."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path

from roadcue.cache import cache_root
from roadcue.errors import BadInput
from roadcue.files import read_text, user_path, write_atomic, writing_into
from roadcue.roadworld.pairs import PAIRS_VERSION
from roadcue.roadworld.sidewalk.spec import VIEW_VERSION
from roadcue.roadworld.spec import WORLD_VERSION
from roadcue.training.miniatures.config import DrawOptions, PretrainConfig
from roadcue.training.miniatures.drawing import sample_labels, samples
from roadcue.training.miniatures.knowledge import FLAGS, NUMBERS
from roadcue.training.miniatures.texts import KINDS

Identity = Mapping[str, str]
"""What decides the pictures and what is told of them, by name."""
_IDENTITY = "identity.json"
_ROOM = "make room on the disk, or name another --drawn"


def identity_of(options: DrawOptions) -> Identity:
    """The options but for how much is drawn, the versions, and hashes of what is drawn and told of a few numbers.

    The hashes change with all that no version counts: captions, words of the cues, defaults of the cue head, the form
    of the annotation, the miniatures' preprocessing. Some four seconds.
    """
    drawn, told = list(samples(options)), list(sample_labels(options))
    known = [numbers_and_flags for numbers_and_flags, _ in told] + [each.known for each in drawn]
    return {
        "stride": str(options.stride),
        "world seed": str(options.world_seed),
        "RoadWorld": WORLD_VERSION,
        "sidewalk view": VIEW_VERSION,
        "pairs": PAIRS_VERSION,
        "names": _hash(name.encode() for name in (*NUMBERS, *FLAGS, *KINDS)),
        "texts": _hash(json.dumps(dict(texts)).encode() for _, texts in told),
        "labels": _hash(array.tobytes() for array in (*chain.from_iterable(known), *(each.kinds for each in drawn))),
        "pixels": _hash(each.pixels.numpy().tobytes() for each in drawn),
    }


def drawn_folder(config: PretrainConfig, identity: Identity) -> Path:
    """The one of `--drawn`, or one in the cache that no other pictures share."""
    if config.drawn:
        return user_path(config.drawn)
    return cache_root() / "pretrain_mini" / digest_of(identity)


def claim(folder: Path, identity: Identity) -> None:
    """Say in the folder what its pictures are; BadInput when it holds others, or some and does not say which."""
    file = folder / _IDENTITY
    if file.exists():
        if others := differences(read_words(file), identity):
            raise BadInput(
                f"{folder}: holds pictures that were drawn otherwise than now ({others} differ); name another "
                "--drawn, or delete this folder"
            )
    elif any(folder.glob("*.safetensors")):
        raise BadInput(
            f"{folder}: holds drawn pictures and no {_IDENTITY} that says which; name another --drawn, or delete "
            "this folder"
        )
    else:
        with writing_into(folder, _ROOM):
            write_atomic(file, json.dumps(identity, indent=1) + "\n")


def digest_of(identity: Identity) -> str:
    """A short name that is another when anything of it is."""
    return _hash([json.dumps(identity, sort_keys=True).encode()])[:12]


def differences(before: Identity, now: Identity) -> str:
    """The names under which the two do not say the same, with commas."""
    return ", ".join(name for name in {**now, **before} if before.get(name) != now.get(name))


def read_words(file: Path) -> dict[str, str]:
    """Names and words from a JSON file; none when it is damaged or missing, so that it is like no other."""
    try:
        return {str(name): str(word) for name, word in dict(json.loads(read_text(file))).items()}
    except (OSError, ValueError, TypeError, RecursionError):
        return {}


def _hash(parts: Iterable[bytes]) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()
