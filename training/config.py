"""The run configuration: one typed dataclass that is the command line, its help, and `config.yaml` in the run folder.

Imported by `--help`, so nothing heavy is imported here.
"""

import dataclasses
from dataclasses import dataclass, fields
from typing import Literal

from roadcue.heads.waypoint.config import CueConfig, FieldConfig, WaypointConfig
from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap


@dataclass(frozen=True)
class HeadOptions(WaypointConfig):
    """The heads, and the waypoint head's options; `--head waypoint,cue` is short for `--head.name waypoint,cue`."""

    name: str = "waypoint"
    """Which heads to train in one pass over the features, with commas: waypoint, field, cue."""

    def settings(self) -> WaypointConfig:
        """The options without the name: what the waypoint head itself is built from."""
        return WaypointConfig(**{option.name: getattr(self, option.name) for option in fields(WaypointConfig)})


@dataclass(frozen=True)
class DataOptions:
    """Which samples: shared by training, extraction and evaluation."""

    data: Literal["roadworld", "waymo_e2e", "manifest", "sidewalk", "sensation", "bdd100k"] = "roadworld"
    """Data set: roadworld (drawn, made on first use), waymo_e2e (shards), manifest (your own JSONL or Parquet),
    sidewalk (drawn, a pedestrian's view), sensation (its annotations and pictures), bdd100k (its detection labels and
    pictures, clear days only); the last three have no paths."""
    data_dir: str | None = None
    """Folder with the shards or the annotations, or the manifest file. roadworld and sidewalk need none."""
    image_root: str | None = None
    """For sensation and bdd100k: folder with the pictures. Default: where they belong below --data_dir."""
    split_by: Literal["official", "sequence"] = "official"
    """official: the data set's own train and val parts. sequence: part the sequences yourself by --val_fraction; in
    sensation, whose own parts share films, these are stretches of a film."""
    val_fraction: float = 0.2
    """Share of the sequences kept for validation with --split_by sequence, 0 to 1."""
    frame_stride: int = 1
    """Use every n-th frame of a sequence (frames are 0.1 s apart in waymo_e2e and roadworld)."""
    on_bad_record: Literal["raise", "skip"] = "raise"
    """A record that cannot be read: raise stops with its place, skip leaves it out and counts it."""

    def __post_init__(self) -> None:
        _at_least(1, self, "frame_stride")
        if not 0 < self.val_fraction < 1:
            raise ValueError(f"--val_fraction {self.val_fraction}: must lie between 0 and 1")


@dataclass(frozen=True)
class EncoderOptions(DataOptions):
    """Which samples, and what their pictures become: shared by training and extraction."""

    encoder: Literal["smol", "flamingo", "none"] = "smol"
    """Frozen encoder: smol (SmolVLM2's vision tower), flamingo (OpenFlamingo's, CLIP) or none (no picture at all)."""
    encoder_features: Literal["patches", "perceiver"] = "patches"
    """Of flamingo: the patches of CLIP, or what the Perceiver makes of them. Its latents have no place in a picture:
    --grid 8 keeps each of the published 64, --grid 4 each of the miniature's 16, --pooling mean averages them."""
    checkpoint: str = "mini"
    """Weights: mini (shipped with RoadCue), full (the published SmolVLM2-2.2B-Instruct, OpenFlamingo-3B-vitl-mpt1b),
    a hub id, or a folder."""
    dtype: Literal["fp32", "bf16"] = "fp32"
    """Number format in which the encoder computes. Features are stored as fp16 either way."""
    aspect: Literal["squash", "letterbox", "crop", "tiles"] = "squash"
    """How a picture becomes square: squash as SmolVLM2 was published, letterbox (keeps angles), crop as CLIP was
    published (cuts off the sides), or tiles: the left, centre and right squares of a wide picture, side by side."""
    pooling: Literal["mean", "grid", "attention", "cls"] = "grid"
    """How patches become features: mean, grid (means of g x g regions), attention (learnt, over the grid), cls."""
    grid: int = 4
    """Regions per side for grid and attention pooling."""
    cameras: str | None = None
    """Cameras whose features are concatenated, in this order, with commas: FRONT_LEFT,FRONT,FRONT_RIGHT. Default:
    FRONT, or CHEST for sidewalk and sensation."""
    encode_batch: int = 16
    """Pictures per encoder call."""
    workers: int = 2
    """Processes that read and decode pictures ahead of the encoder, or that each train a run of a sweep."""
    store_dir: str | None = None
    """Folder of the feature stores. Default: features/ in RoadCue's cache ($ROADCUE_CACHE or the system's own)."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the encoder and the heads run."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _at_least(1, self, "grid", "encode_batch")
        _at_least(0, self, "workers")

    @property
    def camera_names(self) -> tuple[str, ...]:
        """The cameras, in order."""
        default = "CHEST" if self.data in ("sidewalk", "sensation") else "FRONT"
        return tuple((default if self.cameras is None else self.cameras).split(","))


@dataclass(frozen=True)
class TrainConfig(EncoderOptions):
    """Train heads on frozen features. Every option has a default; `--config FILE` reads a dumped config.yaml."""

    head: HeadOptions = dataclasses.field(default_factory=HeadOptions)
    """The heads, and the options of the waypoint head."""
    field: FieldConfig = dataclasses.field(default_factory=FieldConfig)
    """The options of the field head."""
    cue: CueConfig = dataclasses.field(default_factory=CueConfig)
    """The options of the cue head."""
    calibration: float = 0.2
    """Share of the training sequences that are kept from training for the probabilities of the field and cue heads
    and the sets of cues, 0 to below 1. 0: they stay as they are, and no cue is ruled out."""
    past_frames: str | None = None
    """Earlier frames of the same cameras that are read beside the current one: how many frames back, with commas.
    10,20 is 1 s and 2 s back in waymo_e2e and roadworld. Their features come from the store; none is made anew."""
    missing_camera: Literal["zero", "learned"] = "zero"
    """What stands in for the features of a camera that a frame lacks, or of an earlier frame that is not there."""
    epochs: int = 20
    """Passes over the training rows."""
    batch_size: int = 256
    """Rows per optimizer step."""
    lr: float = 1e-3
    """Peak learning rate of AdamW; falls to zero along a cosine."""
    weight_decay: float = 1e-4
    """Decoupled weight decay of AdamW."""
    ema: float = 0.0
    """Decay of an exponential moving average of the weights, such as 0.999, which is then what is validated and
    saved. 0: the weights themselves."""
    seed: int = 0
    """Seed of initial weights, row order and dropout."""
    run_dir: str | None = None
    """Run folder. Default: runs/<data>-<encoder>-<head>-<time>."""
    resume: Literal["no", "auto"] = "no"
    """auto: go on from the last checkpoint in --run_dir if there is one. no: refuse a run folder that has one."""
    checkpoint_every: int = 100
    """Optimizer steps between two checkpoints."""
    sweep: list[str] = dataclasses.field(default_factory=list)
    """Train every combination: --sweep lr=1e-3,3e-3 --sweep head.dropout=0,0.1 (a; between values that hold commas).
    --run_dir is then the folder of all runs."""
    seeds: int = 1
    """Train every setting with so many seeds, from --seed on."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _at_least(1, self, "epochs", "batch_size", "checkpoint_every", "seeds")
        words = self.past_frames.split(",") if self.past_frames else []
        if not all(word.isdecimal() and int(word) for word in words) or len(set(self.frames_back)) < len(words):
            raise ValueError(
                f"--past_frames {self.past_frames}: expected how many frames back, each above 0 and once, with "
                "commas, such as 10,20"
            )
        if self.lr <= 0 or self.weight_decay < 0:
            raise ValueError(f"--lr {self.lr} must be above 0 and --weight_decay {self.weight_decay} not below it")
        if not 0 <= self.ema < 1:
            raise ValueError(f"--ema {self.ema}: a decay from 0 (no average) to below 1")
        if len(set(self.head_names)) < len(self.head_names):
            raise ValueError(f"--head {self.head.name}: names a head twice")
        if not 0 <= self.calibration < 1:
            raise ValueError(f"--calibration {self.calibration}: a share of the sequences from 0 to below 1")

    @property
    def head_names(self) -> tuple[str, ...]:
        """The heads, in order."""
        return tuple(self.head.name.split(","))

    def settings_of(self, head: str) -> object:
        """What a head is built from; None when there is no such head."""
        return self.head.settings() if head == "waypoint" else getattr(self, head, None)

    @property
    def frames_back(self) -> tuple[int, ...]:
        """The earlier frames, in order, each as how many frames it lies back."""
        return tuple(map(int, self.past_frames.split(","))) if self.past_frames else ()

    @property
    def picture_names(self) -> tuple[str, ...]:
        """What the pool reads, in order: the cameras, then the same cameras of each earlier frame."""
        earlier = (f"{camera} {back} frames before" for back in self.frames_back for camera in self.camera_names)
        return (*self.camera_names, *earlier)


@dataclass(frozen=True)
class ExtractConfig(EncoderOptions):
    """Encode one split of a data set into its feature store, or one part of it."""

    split: Literal["train", "val", "test"] = "train"
    """Which split to encode."""
    part: str = "1/1"
    """I/N: this process encodes the I-th of N equal row ranges (a Slurm array job runs them side by side)."""


@dataclass(frozen=True)
class ScoreOptions:
    """Which run is scored, and on what."""

    run: str
    """Run folder that train.py made."""
    data: Literal["roadworld", "waymo_e2e", "manifest", "sidewalk", "sensation", "bdd100k"] | None = None
    """Score on another data set than the run's own."""
    data_dir: str | None = None
    """Folder of that data set."""
    image_root: str | None = None
    """Folder of its pictures, as in train.py. Default: as in the run, or below --data_dir where that is given."""
    split_by: Literal["official", "sequence"] | None = None
    """How the data set is parted, as in train.py. Default: as in the run."""
    on_bad_record: Literal["raise", "skip"] | None = None
    """What happens to a record that cannot be read, as in train.py. Default: as in the run."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the encoder and the heads run."""
    split: Literal["train", "val", "test"] | None = None
    """Which split to score. Default: val; with --predictions test, where the data has one."""
    resamples: int = DEFAULT_BOOTSTRAP.resamples
    """Bootstrap resamples of the sequences behind each 95 % interval."""
    seed: int = DEFAULT_BOOTSTRAP.seed
    """Seed of the bootstrap."""
    out: str | None = None
    """Folder for metrics.json and report.html. Default: the run folder."""

    def __post_init__(self) -> None:
        _at_least(1, self, "resamples")

    @property
    def bootstrap(self) -> Bootstrap:
        """How the intervals are drawn."""
        return Bootstrap(self.resamples, self.seed)


@dataclass(frozen=True)
class EvalConfig(ScoreOptions):
    """Score a run beside the baselines that see no image; write metrics.json and report.html into its folder.

    With --submission, write its paths for Waymo's end-to-end driving challenge instead. With --predictions in place
    of --run, score a file of texts about sensation or sidewalk pictures.
    """

    run: str = ""
    """Run folder that train.py made; this or --predictions is required."""
    predictions: str | None = None
    """File of texts to score, JSONL or JSON: records with `image` and `prediction`, `text` or `response`. Its numbers
    go to <name>.metrics.json beside it, or in --out."""
    protocol: Literal["roadcue", "published"] | None = None
    """For --predictions: roadcue (default; sections are parsed, no constant wins), or published (document 000's
    evaluator, to compare with its figures)."""
    submission: str | None = None
    """Score nothing: predict the test frames that the challenge asks for, and write them to this .tar.gz."""
    account: str | None = None
    """For --submission, required: the full e-mail address that you registered with at waymo.com/open."""
    method: str | None = None
    """For --submission, required: a short, unique name. The leaderboard shows the latest result of each method."""
    row: str | None = None
    """For --submission: the row of the results table that is submitted, such as ridge. Default: the run's head."""
    frames: str | None = None
    """For --submission: the list of its frames. Default: test_sequence_frames_for_submission.json in --data_dir."""
    public_models: str | None = None
    """For --submission: public pretrained models behind the row, with commas, or none. Default: the --checkpoint."""
    authors: str | None = None
    """For --submission: their names, with commas."""
    affiliation: str | None = None
    """For --submission: where the authors are at home."""
    description: str | None = None
    """For --submission: the method in a few words."""
    method_link: str | None = None
    """For --submission: address of a paper or page about the method."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_what_is_scored()
        others = {*ScoreOptions.__dataclass_fields__, "predictions", "protocol"}
        ours = [option.name for option in fields(self) if option.name not in others]
        given = [name for name in ours if getattr(self, name) is not None]
        if self.submission is None:
            if given:
                raise ValueError(f"--{given[0]} belongs to --submission FILE.tar.gz, which is not given")
        elif not self.submission.endswith(".tar.gz"):
            raise ValueError(f"--submission {self.submission}: the challenge takes a .tar.gz; let its name end so")
        elif not {"account", "method"} <= set(given):
            raise ValueError("--submission needs --account, your address at waymo.com/open, and --method, its name")

    def _check_what_is_scored(self) -> None:
        """ValueError unless there is one thing to score, with the options that belong to it."""
        if self.predictions is None:
            if not self.run:
                raise ValueError("name what is to be scored: --run, a run folder, or --predictions, a file of texts")
            if self.protocol is not None:
                raise ValueError("--protocol belongs to --predictions FILE, which is not given")
            if self.split == "test":
                raise ValueError("--split test belongs to --predictions FILE; a run is scored on train or val")
            return
        if self.run or self.submission is not None:
            other = "--run" if self.run else "--submission"
            raise ValueError(f"--predictions and {other} do not go together: score one of them at a time")
        if self.data not in ("sensation", "sidewalk"):
            raise ValueError("--predictions needs --data sensation or --data sidewalk, which have labels for texts")
        if self.image_root is not None or self.split_by is not None:
            option = "--split_by" if self.image_root is None else "--image_root"
            raise ValueError(
                f"{option} does not belong to --predictions: no picture is read, and --split is published"
            )


def _at_least(least: int, options: object, *names: str) -> None:
    """ValueError that names the first of the options that is smaller."""
    for name in names:
        if getattr(options, name) < least:
            raise ValueError(f"--{name} {getattr(options, name)}: must be at least {least}")
