"""What a run shows of its texts before it trains: the exact prompt, and an example with the learnt part marked."""

import re

from roadcue.models.captioner import Captioner, VisualBatch
from roadcue.models.token_batches import IGNORED

BEGINS, ENDS = "[[", "]]"
_BEFORE = 40
"""Letters of the prompt that are repeated before the answer."""


def example_said(captioner: Captioner, batch: VisualBatch) -> str:
    """Two lines about the first text of a batch: its prompt, and prompt and answer with the learnt part marked.

    Both are the tokens that the model reads, decoded; a picture's placeholders are counted instead of repeated.
    """
    there = batch["attention_mask"][0].bool()
    ids, learnt = batch["input_ids"][0][there].tolist(), (batch["labels"][0][there] != IGNORED).tolist()
    first = learnt.index(True)
    last = len(learnt) - learnt[::-1].index(True)
    prompt, answer, rest = (_shown(captioner, part) for part in (ids[:first], ids[first:last], ids[last:]))
    example = f"...{prompt[-_BEFORE:]}{BEGINS}{answer}{ENDS}{rest}"
    return f"prompt: {prompt}\nlearnt is what stands between {BEGINS} and {ENDS}: {example}"


def _shown(captioner: Captioner, ids: list[int]) -> str:
    token, text = captioner.image_token, captioner.tokenizer.decode(ids).replace("\n", "\\n")
    return re.sub(rf"(?:{re.escape(token)}){{2,}}", lambda run: f"{token} x {len(run[0]) // len(token)}", text)
