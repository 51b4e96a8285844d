"""What the recipe needs of the model that it trains, and which models there are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from roadcue.registry import resolve

MINIATURES = {
    "smol": "roadcue.training.miniatures.smol:SmolMiniature",
    "flamingo": "roadcue.training.miniatures.flamingo:FlamingoMiniature",
}
"""Name -> module:class, made from the captions it is to learn."""


class Miniature(Protocol):
    """A model and how it is taught. b pictures of 14 x 14 patches, d wide."""

    model: nn.Module
    tokenizer: PreTrainedTokenizerFast
    sizes: Mapping[str, Mapping[str, Any]]
    """Of its parts, for the card; those of the tower are "vision"."""
    latents: int | None
    """How many vectors `summary` makes of a picture."""

    def tokens(self, pixels: Tensor) -> Tensor:
        """(b, 3, 224, 224) uint8 -> (b, 14, 14, d), with a gradient."""
        ...

    def summary(self, tokens: Tensor) -> Tensor | None:
        """What stands between the patches and the language model, (b, latents, d); None where nothing does."""
        ...

    def caption_loss(self, tokens: Tensor, summary: Any, captions: list[str]) -> Tensor:
        """Mean cross-entropy over the captions' tokens, of their pictures' tokens and summary."""
        ...

    def save(self, folder: Path) -> None:
        """Write the checkpoint."""
        ...


def make_miniature(name: str, captions: list[str]) -> Miniature:
    """A miniature with fresh weights from torch's generator."""
    made: Miniature = resolve(MINIATURES[name])(captions)
    return made
