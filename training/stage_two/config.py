"""The options of stage two, in which the encoder or the language model learns as well.

Imported by `--help`, so nothing heavy is imported here.
"""

from dataclasses import dataclass
from math import inf
from typing import Any, Literal

from roadcue.option_values import at_least, at_most

Stage = Literal["heads", "lora", "full"]
Scope = Literal["vision", "text", "both"]
OptimizerName = Literal["adamw", "adamw8bit", "paged_adamw8bit"]
LORA = "lora"
"""The group of LoRA's options, and the stage that they are of."""
_HIGHEST_RANK = 4096
_MOST_PARTS = 65_536


@dataclass(frozen=True)
class LoraOptions:
    """LoRA: which layers get an adapter, and how large it is.

    The defaults of rank, alpha and dropout are RoadCue's choice; those of PEFT 0.21 (`LoraConfig`) are 8, 8 and 0,
    those of QLoRA's program (qlora.py of github.com/artidoro/qlora at 00e5ad2) 64, 16 and 0.
    """

    rank: int = 16
    """Rank of each layer's update: the adapter's size grows with it."""
    alpha: float | None = None
    """The update counts alpha / rank. Default: twice the rank."""
    dropout: float = 0.05
    """Share of the numbers that enter an adapter and are left out in training, 0 to below 1."""
    rslora: bool = False
    """The update counts alpha / sqrt(rank) (rsLoRA), which suits high ranks."""
    dora: bool = False
    """Learn the length of each row of the weights apart from its direction (DoRA); slower."""
    last: int | Literal["all"] = "all"
    """Adapt only so many of the last blocks of each tower, or all."""
    scope: Scope | None = None
    """Which towers: vision, text or both. Default: vision; of captions text, which no gradient of a head reaches."""

    def __post_init__(self) -> None:
        if not 1 <= self.rank <= _HIGHEST_RANK:
            raise ValueError(f"--lora.rank {self.rank}: a whole number from 1 to {_HIGHEST_RANK}")
        if self.alpha is not None and not 0 < self.alpha < inf:
            raise ValueError(f"--lora.alpha {self.alpha}: must be above 0")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"--lora.dropout {self.dropout}: a share from 0 to below 1")
        if self.last != "all" and self.last < 1:
            raise ValueError(f"--lora.last {self.last}: how many blocks, from 1 on, or all")

    @property
    def settings(self) -> dict[str, Any]:
        """The keyword arguments of `models.adapters.attach_lora`."""
        return {
            "rank": self.rank,
            "alpha": 2.0 * self.rank if self.alpha is None else self.alpha,
            "dropout": self.dropout,
            "rslora": self.rslora,
            "dora": self.dora,
            "last": None if self.last == "all" else self.last,
        }


@dataclass(frozen=True)
class StageTwoOptions:
    """What learns besides the heads, and from which run on."""

    stage: Stage = "heads"
    """What learns. heads: the heads on frozen features, or a captioner as its family does. lora: besides the heads
    adapters in their encoder; of captions adapters in the language model. full: besides the heads all of the encoder;
    of captions all of the captioner. Of heads the last two need --from."""
    from_run: str | None = None
    """A finished run to go on from (--from RUN): its data, encoder and heads are taken over. With --stage heads its
    heads go on learning for as many steps and from as many pictures as a stage two: what that is compared with."""
    encoder_lr: float = 0.1
    """Learning rate of the encoder or its adapter in stage two, as a share of --lr; with --stage full of captions
    that of all that learns in no other stage."""
    gradient_checkpointing: bool = False
    """Compute each block twice in stage two, so that its inner values need not be kept: less memory, more time."""
    accumulate: int = 1
    """Encode the pictures of a step in so many parts, each of which fits into memory alone. The gradient is the same;
    of heads each part is then encoded twice."""
    quantize: Literal["nf4"] | None = None
    """nf4: hold the language model's weights in 4 bits while adapters learn (QLoRA), with bitsandbytes."""
    optimizer: OptimizerName = "adamw"
    """AdamW, or bitsandbytes' with states of 8 bits, which can also lie in pages that the CPU's memory takes over."""
    augment: float = 0.0
    """Share of the pictures of stage two that are changed, drawn anew in every epoch, 0 to 1."""

    @property
    def encodes_each_step(self) -> bool:
        """Whether pictures are decoded and encoded in every step, and not once before the first."""
        return self.from_run is not None or self.stage != "heads"

    def check_stage_two(self) -> None:
        """ValueError for a value that fits no run."""
        at_least(1, self, "accumulate")
        at_most(_MOST_PARTS, self, "accumulate", "no step has so many pictures")
        if not 0 < self.encoder_lr < inf:
            raise ValueError(f"--encoder_lr {self.encoder_lr}: a factor above 0")
        if not 0 <= self.augment <= 1:
            raise ValueError(f"--augment {self.augment}: a share from 0 to 1")

    def check_captions_stage(self, sets_gates: bool) -> None:
        """ValueError for what a caption run cannot do with these options."""
        if self.stage != "lora" and self.quantize is not None:
            raise ValueError(
                f"--quantize {self.quantize}: weights in 4 bits do not learn themselves; add --stage lora, or leave "
                "it out"
            )
        if self.stage == "lora" and sets_gates:
            raise ValueError(
                "--caption.gate_init: changes the checkpoint, on which an adapter must find it again; train a run "
                "with --epochs 0 and it first, and go on --from that"
            )
        if self.augment:
            raise ValueError("--augment: is of heads; pictures of captions are changed by --caption.weather")
        if self.stage == "heads" and self.encoder_lr != StageTwoOptions.encoder_lr:
            raise ValueError("--encoder_lr: is of an encoder that learns (--stage); leave it out")

    def check_heads_stage(self, scope: Scope | None) -> None:
        """ValueError for what a run of heads cannot do with these options."""
        if self.stage != "heads" and self.from_run is None:
            raise ValueError(f"--stage {self.stage} goes on from a finished run of heads; name it: --from runs/...")
        if scope in ("text", "both"):
            raise ValueError(
                f"--lora.scope {scope}: no gradient of a head reaches the text, so nothing there would learn; take "
                "vision, or train captions (--head caption)"
            )
        if self.quantize is not None:
            raise ValueError(
                f"--quantize {self.quantize}: is of language models, and the encoder of heads stays as it is; leave "
                "it out"
            )
        learns = self.stage != "heads"
        an_encoder, pictures = "an encoder that learns (--stage)", "pictures that are encoded in every step (--from)"
        of = dict.fromkeys(("accumulate", "gradient_checkpointing", "encoder_lr"), (learns, an_encoder))
        for name, (fits, what) in {**of, "augment": (self.encodes_each_step, pictures)}.items():
            if not fits and getattr(self, name) != getattr(StageTwoOptions, name):
                raise ValueError(f"--{name}: is of {what}; leave it out")
