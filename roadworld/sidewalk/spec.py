"""How much of the sidewalk view, and which: everything that decides its bytes."""

from dataclasses import dataclass
from typing import Literal

from roadcue.errors import BadInput
from roadcue.roadworld.camera_options import check_camera
from roadcue.roadworld.pairs import APART, PAIRS_SPLITS, PAIRS_VERSION, check_pairs, check_pairs_split
from roadcue.roadworld.spec import FIRST_NUMBER, folder_name
from roadcue.sentences import counted

VIEW_VERSION = "2"
"""Raised with every change of what is drawn or labelled, so that no cache of an older view is taken for this one.

A test compares with the hashes in golden.json, which `python -m roadcue.roadworld.golden` writes.
"""
_LONG_VERSION = "2"
"""Raised with every change of walks longer than a second alone."""
STEPS_PER_S = 20
"""Time steps of the simulation (traffic.DT_S): pictures fall on them."""
LONGEST_S = 600.0
_ALL_CLEAR_S = 1.0
"""A walk no longer than this is drawn again until all its pictures are clear; of a longer one the first must be."""
REASONS = ("obstacle", "gap", "person")
"""The kinds of pairs whose halves have different cues: what the half with it has in the walker's way."""
KINDS = (*REASONS, "parked_car", "house_colour", "sign", "sun")
"""All of them; the others are null pairs, which differ in what must not matter."""
HIGHEST_CAMERA_M = 2.0
"""What hides something is known to labels as far as 2 m up (`Thing.half`): a higher camera would see over it."""


@dataclass(frozen=True)
class SidewalkSpec:
    """The amount and the form of a sidewalk view: pictures of each split, pixels, JPEG quality, with `masks` or not.

    A walk has a number and lasts `seconds`, with `rate` pictures in each; the number with the seed decides all of it.
    The splits' ranges of numbers are RoadWorld's and never meet; those from FIRST_NUMBER["pretrain"] on are never
    written. All pictures of a walk of one second are clear enough to be labelled; of a longer one at least the first
    is, and its others are drawn without labels where they are not. The chest camera
    has a field of view and a roll in degrees, right side down positive, a height in metres, and an exposure, a factor
    on the light. With `pairs` there is no other picture: so many moments are drawn twice, each with and without one
    thing of one of the `kinds`, in turn; they are a val split whose walks have numbers of their own or, by
    `pairs_split`, a train split of others.
    """

    train: int = 8000
    val: int = 1600
    seed: int = 0
    width: int = 512
    height: int = 384
    jpeg_quality: int = 88
    masks: bool = False
    field_of_view: float = 75.0
    camera_height: float = 1.25
    roll: float = 0.0
    exposure: float = 1.0
    pairs: int = 0
    kinds: tuple[str, ...] = ()
    seconds: float = 1.0
    rate: float = 4.0
    pairs_split: Literal["val", "train"] = "val"

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", tuple(self.kinds))  # a list, when read from JSON
        _check_times(self.seconds, self.rate)
        limit = self.frames * (FIRST_NUMBER["val"] - FIRST_NUMBER["train"])
        for option, pictures in (("--train", self.train), ("--val", self.val)):
            if not 0 <= pictures <= limit:
                raise BadInput(
                    f"sidewalk view: {pictures} pictures cannot be drawn. Choose 0 to {limit} for {option}."
                )
        most = FIRST_NUMBER["val"] - FIRST_NUMBER["train"]
        others = f"{self.train} training and {self.val} validation pictures" if self.train + self.val else ""
        check_pairs("sidewalk view", self.pairs, self.kinds, KINDS, most, others)
        check_pairs_split("sidewalk view", self.pairs, self.pairs_split)
        if self.pairs and (self.seconds, self.rate) != (SidewalkSpec.seconds, SidewalkSpec.rate):
            raise BadInput("sidewalk view: a pair is one moment drawn twice. Leave out seconds and rate, or pairs.")
        if self.train + self.val + self.pairs == 0:
            raise BadInput(
                "sidewalk view: no picture is asked for. Ask for at least one, for training or validation."
            )
        if self.seed < 0:
            raise BadInput(f"sidewalk view: seed {self.seed} is negative. Choose 0 or more.")
        check_camera("sidewalk view", self, HIGHEST_CAMERA_M)

    @property
    def frames(self) -> int:
        """Pictures of one walk."""
        return round(self.seconds * self.rate)

    @property
    def frame_steps(self) -> int:
        """Time steps from one picture to the next."""
        return round(STEPS_PER_S / self.rate)

    @property
    def all_clear(self) -> bool:
        """Whether every picture of a walk is clear enough to be labelled, not only the first."""
        return self.seconds <= _ALL_CLEAR_S

    @property
    def key(self) -> str:
        """A folder name that differs whenever any byte of the data may differ."""
        return folder_name(self.version, self)

    @property
    def version(self) -> str:
        """Of what is drawn: the view's, and behind it that of pairs, or of long walks."""
        if self.pairs:
            return f"{VIEW_VERSION}-pairs{PAIRS_VERSION}"
        return VIEW_VERSION if self.all_clear else f"{VIEW_VERSION}-long{_LONG_VERSION}"

    @property
    def first_pair(self) -> int:
        """The number of the first pair's walk."""
        return FIRST_NUMBER[PAIRS_SPLITS[self.pairs_split]]

    def pictures(self, split: str) -> list[tuple[int, int]]:
        """(number of the walk, frame) of every picture of a split, in order; of pairs frames 0 and `APART`."""
        if self.pairs and split == self.pairs_split:
            return [(self.first_pair + pair, frame) for pair in range(self.pairs) for frame in (0, APART)]
        count = self.train if split == "train" else self.val
        return [(FIRST_NUMBER[split] + k // self.frames, k % self.frames) for k in range(count)]

    def amount(self, split: str) -> str:
        """How many pictures of how many walks a split has, in words; the last walk may be cut off."""
        pictures = self.pictures(split)
        if not pictures:
            return "none"
        walks = len({number for number, _ in pictures})
        return f"{counted(len(pictures), 'picture')} of {counted(walks, 'pair' if self.pairs else 'walk')}"


def image_name(number: int, frame: int) -> str:
    """The file name of a picture: the walk it belongs to, and its frame."""
    return f"walk-{number:07d}-{frame}.jpg"


def _check_times(seconds: float, rate: float) -> None:
    """BadInput when a walk cannot last so long, or its pictures do not fall on steps of the simulation."""
    if not 0 < seconds <= LONGEST_S:
        raise BadInput(
            f"sidewalk view: a walk of {seconds:g} s cannot be drawn. Choose more than 0 and at most {LONGEST_S:g} s."
        )
    if not 0 < rate <= STEPS_PER_S or STEPS_PER_S / rate % 1:
        raise BadInput(
            f"sidewalk view: with a rate of {rate:g} pictures a second they do not fall on the simulation's "
            f"{STEPS_PER_S} steps a second. Choose a rate that divides {STEPS_PER_S}, such as 1, 2, 4, 5 or 10."
        )
    if not seconds * rate >= 1 or abs(seconds * rate - round(seconds * rate)) > 1e-9:
        raise BadInput(
            f"sidewalk view: {seconds:g} s with {rate:g} pictures a second are {seconds * rate:g} pictures. Choose "
            "seconds and a rate that make a whole number of pictures, at least 1."
        )
