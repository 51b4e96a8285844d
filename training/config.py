"""The run configuration: one typed dataclass that is the command line, its help, and `config.yaml` in the run folder.

Imported by `--help`, so nothing heavy is imported here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from math import inf
from typing import Any, Literal

from roadcue.errors import BadHead
from roadcue.heads.registry import HEADS, head_config
from roadcue.models.registry import CAPTIONERS, ENCODERS
from roadcue.option_values import at_least, at_most, check_seed, part_of_whole
from roadcue.training.captions.config import CAPTION, CaptionOptions
from roadcue.training.extraction_config import ExtractionOptions
from roadcue.training.stage_two.config import LORA, LoraOptions, StageTwoOptions
from roadcue.training.whole_paths import whole_paths

_FURTHEST_BACK = 1_000_000
_MOST: Mapping[str, tuple[int, str]] = {
    "epochs": (1_000_000, "no training ends that has more"),
    "batch_size": (1_000_000, "all rows of a step lie in memory at once"),
    "warm_up": (1_000_000_000, "no training has so many steps"),
    "checkpoint_every": (1_000_000_000, "no training has so many steps"),
    "seeds": (1000, "each is a whole training"),
}
HEAD_DEFAULTS: Mapping[str, Any] = {
    "epochs": 20,
    "batch_size": 256,
    "lr": 1e-3,
    "warm_up": 0,
    "weight_decay": 1e-4,
    "precision": "fp32",
}
STAGE_TWO_DEFAULTS: Mapping[str, Any] = {**HEAD_DEFAULTS, "epochs": 5, "batch_size": 16}
"""Of heads whose pictures are encoded in every step."""
CAPTION_DEFAULTS: Mapping[str, Any] = {
    "epochs": 10,
    "batch_size": 4,
    "lr": 2e-5,
    "warm_up": 100,
    "weight_decay": 0.1,
    "precision": "bf16",
}
"""As document 000 fine-tunes OpenFlamingo."""
CAPTION_LORA_DEFAULTS: Mapping[str, Any] = {**CAPTION_DEFAULTS, "lr": 2e-4, "weight_decay": 0.0}
"""Learning rate, constant, and weight decay of QLoRA's program (qlora.py of github.com/artidoro/qlora at 00e5ad2, for
Dettmers et al. 2023, arXiv 2305.14314), whose README asks for 1e-4 above 13 billion weights. It warms up over 3 % of
the steps and clips gradients at 0.3; the warm-up here is that of all captions, and gradients are clipped at 1."""


@dataclass(frozen=True)
class Optimization:
    """How much and how fast a run learns."""

    epochs: int
    batch_size: int
    lr: float
    warm_up: int
    weight_decay: float


@dataclass(frozen=True)
class TrainConfig(StageTwoOptions, ExtractionOptions):
    """Train heads on frozen features, or with an encoder that learns.

    Every option has a default; `--config FILE` reads a dumped config.yaml.
    """

    head: str = "waypoint"
    """Which heads to train in one pass over the features, with commas: waypoint, field, cue; or caption: the language
    model that belongs to the encoder. The options of each are named after it: --waypoint.kind."""
    head_options: Mapping[str, Any] = field(default_factory=dict)
    """Head -> its options, of every head that is trained."""
    calibration: float = 0.2
    """Share of the training sequences that are kept from training for the probabilities of the field and cue heads
    and the sets of cues, 0 to below 1. 0: they stay as they are, and no cue is ruled out."""
    past_frames: str | None = None
    """Earlier frames of the same cameras that are read beside the current one: how many frames back, with commas.
    10,20 is 1 s and 2 s back in waymo_e2e; of the roadworld that is drawn by default every 20th is there. Their
    features come from the store; none is made anew. A captioner is shown them as pictures, in the order of time."""
    missing_camera: Literal["zero", "learned"] = "zero"
    """What stands in for the features of a camera that a frame lacks, or of an earlier frame that is not there."""
    epochs: int | None = None
    """Passes over the training rows. Default: 20, with --from 5; captions: 10, and 0 makes a run of the checkpoint as
    it is."""
    batch_size: int | None = None
    """Rows per optimizer step, which several processes share. Default: 256, with --from 16; captions: 4."""
    lr: float | None = None
    """Peak learning rate of AdamW. Default: 1e-3, falling to zero along a cosine; captions: 2e-5, with --stage lora
    2e-4, constant after --warm_up."""
    warm_up: int | None = None
    """Steps in which the learning rate rises to its peak. Default: 0; captions: 100."""
    weight_decay: float | None = None
    """Decoupled weight decay of AdamW. Default: 1e-4; captions: 0.1, of OpenFlamingo's gated cross-attention
    alone, as in its training; with --stage lora 0."""
    precision: Literal["fp32", "bf16"] | None = None
    """bf16: products in bfloat16, weights in fp32. Default: fp32; captions: bf16."""
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
    """Optimizer steps between two checkpoints; more are written after the first step of each start, before each
    validation, and where the last is five minutes old."""
    logger: Literal["wandb"] | None = None
    """wandb: log to Weights & Biases, too, whose package must be installed. Every run logs losses, learning rate and
    norm of the gradient into logs/ in its folder, for TensorBoard and as metrics.csv."""
    devices: int | None = None
    """Processes on each node that train together, each with a GPU of its own, or on CPUs. Default: as many as srun or
    torchrun have started, or one; without them train.py starts them itself."""
    nodes: int | None = None
    """Nodes on which they are, as srun or torchrun have started them."""
    sweep: list[str] = field(default_factory=list)
    """Train every combination: --sweep lr=1e-3,3e-3 --sweep waypoint.dropout=0,0.1 (a; between
    values that hold commas). --run_dir is then the folder of all runs."""
    seeds: int = 1
    """Train every setting with so many seeds, from --seed on; tables are then over seeds and sequences."""
    sweep_part: str | None = None
    """I/N: train the I-th of N shares of a sweep's runs, and make no table; for N jobs side by side. The same command
    without it makes the table. slurm/ablation.sh does both."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value in self._defaults.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        self._check_heads()
        self._check_stage()
        at_least(0 if self.captions else 1, self, "epochs")
        at_least(1, self, "batch_size", "checkpoint_every", "seeds")
        at_least(1, self, *(name for name in ("devices", "nodes") if getattr(self, name) is not None))
        at_least(0, self, "warm_up")
        for name, (most, why) in _MOST.items():
            at_most(most, self, name, why)
        words = self.past_frames.split(",") if self.past_frames else []
        fits = all(word.isdecimal() and 0 < int(word) <= _FURTHEST_BACK for word in words)
        if not fits or len(set(self.frames_back)) < len(words):
            raise ValueError(
                f"--past_frames {self.past_frames}: expected how many frames back, each from 1 to {_FURTHEST_BACK} "
                "and once, with commas, such as 10,20"
            )
        if self.dry_run and self.sweep:
            raise ValueError("--dry_run measures one setting; leave out --sweep")
        if self.sweep_part is not None:
            part_of_whole("sweep_part", self.sweep_part)
        if self.sweep_part is not None and not self.sweeps:
            raise ValueError(
                f"--sweep_part {self.sweep_part}: is of a sweep; add --sweep or --seeds, or leave it out"
            )
        if self.frames_back and self.limit is not None:
            raise ValueError("--limit leaves out the frames that --past_frames reads; leave one of the two out")
        if not (0 < self.optimization.lr < inf and 0 <= self.optimization.weight_decay < inf):
            raise ValueError(f"--lr {self.lr} must be above 0 and --weight_decay {self.weight_decay} not below it")
        check_seed(self.seed)
        if not 0 <= self.ema < 1:
            raise ValueError(f"--ema {self.ema}: a decay from 0 (no average) to below 1")
        if not 0 <= self.calibration < 1:
            raise ValueError(f"--calibration {self.calibration}: a share of the sequences from 0 to below 1")

    @property
    def _defaults(self) -> Mapping[str, Any]:
        """Of the options of the optimizer."""
        if self.captions:
            return CAPTION_LORA_DEFAULTS if self.stage == LORA else CAPTION_DEFAULTS
        return STAGE_TWO_DEFAULTS if self.encodes_each_step else HEAD_DEFAULTS

    @property
    def _encoders(self) -> Iterable[str]:
        """A captioner is named by the encoder that it belongs to."""
        return CAPTIONERS if self.captions else ENCODERS

    def _check_heads(self) -> None:
        """ValueError for an unknown head or options of one that is not trained; the others get their defaults."""
        if self.captions:
            groups: dict[str, type[Any]] = {CAPTION: CaptionOptions}
            if self.dry_run:
                raise ValueError("--dry_run measures how features are stored, and captions have none; leave it out")
            if self.compile:
                raise ValueError("--compile is of the encoder of heads, and a captioner has its own; leave it out")
            if len(self.camera_names) > 1:
                raise ValueError(
                    f"--cameras {self.cameras}: a captioner is shown the pictures of one camera; name one of them"
                )
            if self.frames_back and self.aspect == "tiles":
                raise ValueError(
                    "--aspect tiles: the frames of --past_frames are one tile each, as SmolVLM2 was published for "
                    "film; leave one of the two out"
                )
        else:
            if CAPTION in self.head_names:
                raise ValueError(
                    f"--head {self.head}: captions are not trained together with heads; train each alone"
                )
            if len(set(self.head_names)) < len(self.head_names):
                raise ValueError(f"--head {self.head}: names a head twice")
            groups = {name: head_config(name) for name in self.head_names}
        if self.stage == LORA:
            groups[LORA] = LoraOptions
        for name, given in self.head_options.items():
            if name not in groups:
                default = type(given)()
                names = [option.name for option in fields(given)]
                typed = [f"--{name}.{one}" for one in names if getattr(given, one) != getattr(default, one)]
                if name == LORA:
                    raise ValueError(f"{', '.join(typed)}: of --stage lora; add it, or leave this out")
                raise ValueError(
                    f"{', '.join(typed) or name}: of the {name} head, which --head {self.head} does not train; leave "
                    f"it out, or add {name} to --head"
                )
        filled = {name: self.head_options.get(name) or options() for name, options in groups.items()}
        object.__setattr__(self, "head_options", filled)

    def _check_stage(self) -> None:
        """ValueError for options of stage two that do not fit; fills in which towers LoRA adapts."""
        self.check_stage_two()
        if self.captions:
            self.check_captions_stage(self.from_run is None and self.head_options[CAPTION].gate_init is not None)
        else:
            scope = self.lora.scope if self.lora else None
            self.check_heads_stage(scope)
            if self.stage == "full" and self.encoder_features == "perceiver":
                raise ValueError("--stage full: is of CLIP's patches, and this run reads the Perceiver; take lora")
        if self.lora and self.lora.scope is None:
            filled = replace(self.lora, scope="text" if self.captions else "vision")
            object.__setattr__(self, "head_options", {**self.head_options, LORA: filled})

    @classmethod
    def option_groups(cls) -> dict[str, type]:
        """The options of every head and of LoRA, by name; BadHead for a head that is named as an option is."""
        taken = {CAPTION, LORA, *(option.name for option in fields(cls))}
        if double := taken & set(HEADS):
            raise BadHead(f"a head cannot be called {', '.join(sorted(double))}, which is an option's name")
        return {**{name: head_config(name) for name in HEADS}, CAPTION: CaptionOptions, LORA: LoraOptions}

    @classmethod
    def options_of_run(cls, run: str, plugins: Sequence[str]) -> dict[str, Any]:
        """What `--from` takes over from a run; BadInput where it is no finished one."""
        from roadcue.training.stage_two.earlier_run import options_of_run  # which stands on this file, and on torch

        return options_of_run(run, plugins)

    def with_whole_paths(self) -> "TrainConfig":
        """The same with every path in whole, so that its file says in any folder what it said in this one."""
        return replace(self, **whole_paths(self))

    @property
    def head_names(self) -> tuple[str, ...]:
        """The heads, in order."""
        return tuple(self.head.split(","))

    @property
    def lora(self) -> LoraOptions | None:
        """The options of LoRA, where that is the stage."""
        return self.head_options.get(LORA)

    @property
    def optimization(self) -> Optimization:
        """The options of the optimizer, each with its default filled in."""
        return Optimization(**{option.name: getattr(self, option.name) for option in fields(Optimization)})

    @property
    def run_name(self) -> str:
        """What a run folder is called that nobody has named."""
        kind = f"-{self.stage}" if self.stage != "heads" else "-longer" if self.from_run else ""
        kind += "-sweep" if self.sweeps else ""
        return f"{self.data}-{self.encoder}-{'+'.join(self.head_names)}{kind}"

    @property
    def sweeps(self) -> bool:
        """Whether there are several runs."""
        return bool(self.sweep) or self.seeds > 1

    @property
    def captions(self) -> bool:
        """Whether a captioner is trained, and no heads."""
        return self.head == CAPTION

    @property
    def frames_back(self) -> tuple[int, ...]:
        """The earlier frames, in order, each as how many frames it lies back."""
        return tuple(map(int, self.past_frames.split(","))) if self.past_frames else ()

    @property
    def picture_names(self) -> tuple[str, ...]:
        """What the pool reads, in order: the cameras, then the same cameras of each earlier frame."""
        earlier = (f"{camera} {back} frames before" for back in self.frames_back for camera in self.camera_names)
        return (*self.camera_names, *earlier)
