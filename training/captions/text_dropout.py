"""Words left out of what a caption model reads and learns, so that the next one must come from the picture."""

import numpy as np

from roadcue.prompts.bvpi import parse_sections


def drop_words(text: str, rate: float, rng: np.random.Generator) -> str:
    """The text without a share `rate` of the words of its free part, each dropped by itself; one always stays.

    The free part of a BVPI text is what follows `Context:`; its other sections, the mandatory fields among them, stay
    as they are. A text without sections is free throughout. Document 000 applies 0.2 "to visual descriptions to
    encourage reliance on image features"; its published script drops the words `Sidewalk:`, `Road:`, ... instead,
    without which the answer cannot be read. A generator made of (seed, epoch, row) drops the same words again after a
    resume. ValueError unless 0 <= rate < 1.
    """
    if not 0 <= rate < 1:
        raise ValueError(f"a text dropout of {rate}: a share of the words from 0 (none) to below 1")
    text = text.strip()
    sections = parse_sections(text)
    free = sections.get("Context", "") if sections else text
    words = np.array(free.split(), dtype=object)
    if not rate or not len(words):
        return text
    kept = rng.random(len(words)) >= rate
    kept[rng.integers(len(words))] |= not kept.any()
    return text.removesuffix(free) + " ".join(words[kept])
