"""Which samples are read and what their pictures become: the options that training, extraction and evaluation share.

Imported by `--help`, so nothing heavy is imported here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from roadcue.loaders.bad_records import OnBadRecord
from roadcue.loaders.registry import DATASETS
from roadcue.models.registry import ENCODERS
from roadcue.option_values import at_least, at_most, check_device, known_name, part_of_whole

_FINEST_GRID = 64
"""Regions per side: the patches of 16 pixels of a picture 1,024 wide, more than any encoder here has."""
_LONGEST_STRIDE = 1_000_000
_MOST_PICTURES = 4096
_MOST_WORKERS = 1024


@dataclass(frozen=True)
class DataOptions:
    """Which samples: shared by training, extraction and evaluation."""

    data: str = "roadworld"
    """Data set: roadworld (drawn, made on first use), waymo_e2e (shards), manifest (your own JSONL or Parquet),
    sidewalk (drawn, a pedestrian's view), sensation (its annotations and pictures), bdd100k (its detection labels and
    pictures, clear days only); the last three have no paths."""
    data_dir: str | None = None
    """Folder with the shards or the annotations, or the manifest file. roadworld and sidewalk need none."""
    image_root: str | None = None
    """For manifest, sensation and bdd100k: folder with the pictures. Default: where they belong below --data_dir."""
    split_by: Literal["official", "sequence"] = "official"
    """official: the data set's own train and val parts. sequence: part the sequences yourself by --val_fraction, so
    that its own parts do not count; in sensation, whose own parts share films, these are stretches of a film."""
    val_fraction: float = 0.2
    """Share of the sequences kept for validation with --split_by sequence, 0 to 1."""
    frame_stride: int = 1
    """Use every n-th frame of a sequence, of those that are there: 0.1 s apart in waymo_e2e, 2 s in the default
    roadworld."""
    limit: int | None = None
    """For a first try: only so many samples of each split, evenly spread over its sequences. Their features have a
    store of their own. Default: all."""
    on_bad_record: OnBadRecord = "raise"
    """A record that cannot be read: raise stops with its place, skip leaves it out and counts it."""

    def __post_init__(self) -> None:
        known_name("data", self.data, DATASETS)
        at_least(1, self, "frame_stride", *(["limit"] if self.limit is not None else []))
        at_most(_LONGEST_STRIDE, self, "frame_stride", "no sequence has so many frames")
        if not 0 < self.val_fraction < 1:
            raise ValueError(f"--val_fraction {self.val_fraction}: must lie between 0 and 1")


@dataclass(frozen=True)
class EncoderOptions:
    """Which frozen encoder, with which weights: all that decides it, and no more."""

    encoder: str = "smol"
    """Frozen encoder: smol (the vision tower of SmolVLM2, or of SmolVLM), flamingo (OpenFlamingo's, CLIP) or none (no
    picture at all). Of captions alone also auto: any image-text-to-text model of transformers, which --checkpoint
    names."""
    encoder_features: Literal["patches", "perceiver"] = "patches"
    """Of flamingo: the patches of CLIP, or what the Perceiver makes of them. Its latents have no place in a picture:
    --grid 8 keeps each of the published 64, --grid 4 each of the miniature's 16, --pooling mean averages them."""
    checkpoint: str = "mini"
    """Weights: mini (shipped with RoadCue), full (the published SmolVLM2-2.2B-Instruct, OpenFlamingo-3B-vitl-mpt1b),
    a hub id, or a folder."""
    dtype: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Number format in which the encoder computes: bf16, or fp16 on a GPU that has no bf16, such as a T4. Features
    are stored as fp16 in any case."""
    aspect: Literal["squash", "letterbox", "crop", "tiles"] = "squash"
    """How a picture becomes square: squash as SmolVLM2 was published, letterbox (keeps angles), crop as CLIP was
    published (cuts off the sides), or tiles: the left, centre and right squares of a wide picture, side by side; for
    captions of smol its published splitting, 3 rows of 4 tiles and the whole."""
    compile: bool = False
    """Let torch.compile make code of the encoder, which pays for many pictures: each start takes a while, and says
    how long. Its features differ in rounding, so they have a store of their own."""


@dataclass(frozen=True)
class ExtractionOptions(EncoderOptions, DataOptions):
    """Which samples, and what their pictures become: shared by training and extraction."""

    plugin: list[str] = field(default_factory=list)
    """A Python file that registers heads, encoders, captioners or data sets of your own; may be given several times.
    It runs with your rights. A plugin that a run folder names is never loaded by itself."""
    pooling: str = "grid"
    """How patches become features: mean, grid (means of g x g regions), attention (learnt, over the grid), cls."""
    grid: int = 4
    """Regions per side for grid and attention pooling."""
    cameras: str | None = None
    """Cameras whose features are concatenated, in this order, with commas: FRONT_LEFT,FRONT,FRONT_RIGHT. Default:
    FRONT, or CHEST for sidewalk and sensation. A captioner is shown one."""
    encode_batch: int = 16
    """Pictures that the encoder has at once; on a CPU its threads share them."""
    workers: int = 2
    """Processes that read and decode pictures ahead of a GPU, or that each train a run of a sweep."""
    store_dir: str | None = None
    """Folder of the feature stores. Default: features/ in RoadCue's cache ($ROADCUE_CACHE or the system's own)."""
    device: str = "auto"
    """Where the encoder and the heads run: auto, cpu, cuda, or one of several GPUs, such as cuda:1."""

    dry_run: bool = False
    """Measure and stop: say how many samples there are, how large their feature store is, and how long 64 pictures
    take and all of them would. No feature and no run is written."""

    def __post_init__(self) -> None:
        super().__post_init__()
        known_name("encoder", self.encoder, self._encoders)
        at_least(1, self, "grid", "encode_batch")
        at_least(0, self, "workers")
        check_device(self.device)
        at_most(_FINEST_GRID, self, "grid", f"that is {_FINEST_GRID**2} vectors of each picture to be stored")
        at_most(_MOST_PICTURES, self, "encode_batch", "all of them lie in memory at once")
        at_most(_MOST_WORKERS, self, "workers", "each is a process of its own")

    @property
    def _encoders(self) -> Iterable[str]:
        """What `--encoder` may name."""
        return ENCODERS

    @property
    def camera_names(self) -> tuple[str, ...]:
        """The cameras, in order."""
        named = DATASETS.find(self.data).camera if self.cameras is None else self.cameras
        return tuple(named.split(","))


@dataclass(frozen=True)
class ExtractConfig(ExtractionOptions):
    """Encode one split of a data set into its feature store, or one part of it."""

    split: Literal["train", "val", "test"] = "train"
    """Which split to encode."""
    part: str = "1/1"
    """I/N: this process encodes the I-th of N equal row ranges (a Slurm array job runs them side by side)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        part_of_whole("part", self.part)
