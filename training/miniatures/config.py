"""What can be set about the miniature's training."""

from dataclasses import dataclass
from typing import Literal

from roadcue.option_values import at_least, at_most, check_device, check_seed
from roadcue.roadworld.sidewalk.spec import REASONS as WALK_REASONS
from roadcue.roadworld.spec import FIRST_NUMBER
from roadcue.roadworld.spec import REASONS as DRIVE_REASONS

FREE_TO_CHANGE = ("run_dir", "resume", "drawn", "workers", "checkpoint_every", "device")
"""Options that a run which goes on may set anew: where files lie and how fast it is, not what is learnt."""


@dataclass(frozen=True)
class DrawOptions:
    """What is drawn for it: RoadWorld sequences of the pretrain ranges, which no data set holds."""

    drives: int = 2400
    """Driving sequences of 20 s."""
    stride: int = 10
    """Every n-th frame of a drive is a picture: 10 makes 20 of them."""
    walks: int = 3000
    """Sidewalk walks, 4 pictures each."""
    pairs: int = 150
    """Pairs of each reason to drive or walk otherwise: the same moment without it and with it."""
    world_seed: int = 0
    """Seed of the drawn world."""


@dataclass(frozen=True)
class PretrainConfig(DrawOptions):
    """Train a miniature from nothing on drawn pictures, and write it as a checkpoint."""

    model: Literal["smol", "flamingo"] = "smol"
    """Which one: the miniature SmolVLM2 or the miniature OpenFlamingo."""
    run_dir: str = "runs/miniature"
    """Folder of the run; the checkpoint is its model/."""
    resume: Literal["no", "auto"] = "auto"
    """auto: go on from the last checkpoint in --run_dir if there is one. no: refuse a run folder that has one."""
    drawn: str | None = None
    """Folder of the drawn pictures. Default: pretrain_mini/ in RoadCue's cache."""
    workers: int = 2
    """Processes that draw."""
    epochs: int = 5
    """Passes over the pictures."""
    batch_size: int = 64
    """Pictures per optimizer step."""
    captioned: int = 16
    """Pictures of each batch of which a text is learnt too, as many of drives as of walks while there are."""
    lr: float = 1e-3
    """Peak learning rate of AdamW, after a warm-up of 2 % of the steps; falls to zero along a cosine."""
    weight_decay: float = 0.05
    """Decoupled weight decay of AdamW."""
    reading_decay: float = 1.0
    """The same for the readings, which are not shipped: small ones need large differences between pictures, so that
    what is asked for fills the first principal components of the features."""
    seed: int = 0
    """Seed of initial weights and order."""
    checkpoint_every: int = 100
    """Optimizer steps between two checkpoints; the same command goes on from the last."""
    device: str = "auto"
    """Where it trains: auto, cpu, cuda, or one of several GPUs, such as cuda:1."""
    precision: Literal["bf16", "fp32"] = "bf16"
    """bf16: products in bfloat16, weights in fp32; faster than fp32 on processors with AVX512_BF16 or AMX alone."""

    def __post_init__(self) -> None:
        at_least(2, self, "drives", "walks", "pairs")  # one of each is held out
        at_least(1, self, "stride", "epochs", "batch_size", "checkpoint_every", "workers")
        at_least(0, self, "captioned", "world_seed")
        numbers = FIRST_NUMBER["pairs"] - FIRST_NUMBER["pretrain"]
        for name in ("drives", "walks"):
            at_most(numbers, self, name, "the numbers from there on are those of pairs, which data sets hold")
        most = (FIRST_NUMBER["val"] - FIRST_NUMBER["train"]) // max(len(DRIVE_REASONS), len(WALK_REASONS))
        at_most(most, self, "pairs", "the numbers from there on are scenes of the first pairs")
        check_seed(self.seed)
        check_device(self.device)
