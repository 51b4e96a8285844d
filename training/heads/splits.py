"""What heads are trained, validated and calibrated on."""

from dataclasses import dataclass

from torch import Tensor

from roadcue.training.heads.batches import StoredSplit


@dataclass(frozen=True)
class EncoderFacts:
    """What training needs to know of an encoder whose features are stored: small enough for another process."""

    width: int
    grid: tuple[int, int]
    description: str
    parts: dict[str, str]


@dataclass(frozen=True)
class StoredSplits:
    """What heads are trained, validated and calibrated on: opened and encoded once, for however many runs."""

    encoder: EncoderFacts
    train: StoredSplit
    val: StoredSplit
    data: dict[str, str]
    """`parts` of all rows of the training split, of those for calibration and that nothing is learnt from, too."""
    not_learnt: dict[str, dict[str, int]]
    """Split -> head -> how many of the rows it cannot learn from."""
    same_pictures: str = ""
    """What is to be said of pictures in both."""
    calibration: StoredSplit | None = None
    """None where no head wants one."""
    covered: tuple[Tensor, Tensor] | None = None
    """As `covered_pictures` gives them."""
