"""What the recipe needs of the model that it trains, and which models there are."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

from roadcue.models.captioner import Captioner
from roadcue.models.token_batches import IGNORED, padding_id, teacher_forcing
from roadcue.registry import resolve
from roadcue.training.miniatures.texts import ASKED, Texts, instructions_for

MINIATURES = {
    "smol": "roadcue.training.miniatures.smol:SmolMiniature",
    "flamingo": "roadcue.training.miniatures.flamingo:FlamingoMiniature",
}
"""Name -> module:class, made from what it is to read and to write."""
VOCABULARY = 1024
TOWER_ATTENTION = "eager"
"""While it learns: in bfloat16 on a processor, the gradient of torch's fused attention takes longer."""
_OF_A_LENGTH = 8
"""Texts that are read at a time, those of like length together: padding costs as much as text."""


class Miniature(ABC):
    """A model and how it is taught. b pictures of 14 x 14 patches, d wide."""

    sizes: ClassVar[Mapping[str, Mapping[str, Any]]]
    """Of its parts, for the card; those of the tower are "vision"."""
    latents: ClassVar[int | None]
    """How many vectors `summary` makes of a picture."""

    def __init__(self, captioner: Captioner) -> None:
        """`captioner` as users have it, with fresh weights; all of it learns."""
        self.captioner = captioner
        self.model: Any = captioner.model.requires_grad_(True)
        self.instructions = instructions_for(captioner)
        self._question = lru_cache(captioner.prompt)

    @classmethod
    def begins_with(cls) -> dict[str, str]:
        """The hash of each part's weights that it begins with, by name: none, if all of it begins at random."""
        return {}

    @abstractmethod
    def tokens(self, pixels: Tensor) -> Tensor:
        """(b, 3, 224, 224) uint8 -> (b, 14, 14, d), with a gradient."""

    @abstractmethod
    def summary(self, tokens: Tensor) -> Tensor | None:
        """What stands between the patches and the language model, (b, latents, d); None where nothing does."""

    @abstractmethod
    def seen(self, tokens: Tensor, summary: Any) -> dict[str, Any]:
        """What the language model is given of the pictures, as the model's keyword arguments."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the checkpoint."""

    def text_loss(
        self, tokens: Tensor, summary: Tensor | None, lessons: Sequence[tuple[int, str]], texts: Sequence[Texts]
    ) -> Tensor:
        """Mean cross-entropy over the tokens of answers and their ends, behind the prompts that users ask with.

        `lessons` are (place among the pictures, kind of text); `tokens`, `summary` and `texts` are of the pictures.
        """
        rows = [
            [
                (self._question(self.instructions[kind]), False),
                (self.captioner.answer_ids(texts[place][kind]), True),
            ]
            for place, kind in lessons
        ]
        order = sorted(range(len(rows)), key=lambda i: sum(len(ids) for ids, _ in rows[i]))
        total, learnt = tokens.new_zeros(()), 0
        for first in range(0, len(order), _OF_A_LENGTH):
            alike = order[first : first + _OF_A_LENGTH]
            places = [lessons[i][0] for i in alike]
            batch = teacher_forcing([rows[i] for i in alike], padding_id(self.captioner.tokenizer))
            count = int((batch["labels"] != IGNORED).sum())
            loss = self.model(
                input_ids=batch["input_ids"].to(tokens.device),
                attention_mask=batch["attention_mask"].to(tokens.device),
                labels=batch["labels"].to(tokens.device),
                **self.seen(tokens[places], None if summary is None else summary[places]),
            ).loss
            total, learnt = total + count * loss, learnt + count
        return total / learnt


def miniature_class(name: str) -> Any:
    """The subclass of `Miniature` of a name, made from texts."""
    return resolve(MINIATURES[name])


def make_miniature(name: str, texts: Iterable[Texts]) -> Miniature:
    """A miniature with fresh weights from torch's generator; its tokenizer is learnt from the pictures' texts."""
    written = [text for of_picture in texts for text in of_picture.values()]
    made: Miniature = miniature_class(name)([*written, *ASKED.values()])
    return made
