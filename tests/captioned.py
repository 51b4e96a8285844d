"""Captioners asked by pictures and instructions."""

from collections.abc import Sequence

from torch import Tensor

from roadcue.models.captioner import Captioner, VisualBatch
from roadcue.models.generation import GenerationSettings, Grammar, Written


def prompts_of(captioner: Captioner, instructions: str | Sequence[str]) -> list[int] | list[list[int]]:
    """One for all, or one for each."""
    if isinstance(instructions, str):
        return captioner.prompt(instructions)
    return [captioner.prompt(instruction) for instruction in instructions]


def batch_of(
    captioner: Captioner, pixels: Tensor, instructions: str | Sequence[str], answers: Sequence[str]
) -> VisualBatch:
    """What is learnt from."""
    return captioner.batch(captioner.encode(pixels), prompts_of(captioner, instructions), answers)


def written_of(
    captioner: Captioner,
    pixels: Tensor,
    instructions: str | Sequence[str],
    settings: GenerationSettings | None = None,
    grammar: Grammar | None = None,
) -> list[Written]:
    """What is written of pictures that are encoded for it."""
    return captioner.generate(captioner.encode(pixels), prompts_of(captioner, instructions), settings, grammar)


def texts_of(
    captioner: Captioner,
    pixels: Tensor,
    instructions: str | Sequence[str],
    settings: GenerationSettings | None = None,
) -> list[str]:
    """The texts of these."""
    return [one.text for one in written_of(captioner, pixels, instructions, settings)]
