"""What the miniature writes of drawn pictures that it has not seen: the losses of texts, and answers themselves."""

import json
from collections import defaultdict

import numpy as np
import torch

from roadcue.errors import BadRecord
from roadcue.prompts.annotation import Annotation
from roadcue.prompts.annotation_json import parse_json
from roadcue.training.miniatures.examples import Examples
from roadcue.training.miniatures.miniature import Miniature
from roadcue.training.miniatures.texts import KINDS, VIEWS, view_of

_ANSWERED = 64
"""Walks whose annotation is written, token by token."""


@torch.no_grad()
def text_losses(miniature: Miniature, held_out: Examples) -> dict[str, float]:
    """Nats per token of all held-out texts, by kind and view."""
    nats: defaultdict[tuple[str, str], float] = defaultdict(float)
    tokens: defaultdict[tuple[str, str], int] = defaultdict(int)
    for batch in held_out.batches():
        patches = miniature.tokens(batch["pixels"])
        summary = miniature.summary(patches)
        for kind, view in ((kind, view) for kind in KINDS for view in VIEWS):
            texts = batch["texts"]
            lessons = [(i, kind) for i, each in enumerate(texts) if view_of(each) == view and kind in each]
            if lessons:
                count = sum(len(miniature.captioner.answer_ids(texts[i][kind])) for i, _ in lessons)
                nats[kind, view] += count * float(miniature.text_loss(patches, summary, lessons, texts))
                tokens[kind, view] += count
    return {f"{kind} of {view}s, nats per token": nats[kind, view] / tokens[kind, view] for kind, view in tokens}


def score_answers(miniature: Miniature, held_out: Examples) -> dict[str, float]:
    """Shares of held-out walks whose annotation is written so that it is JSON, and right, by what users call."""
    walks = [row for row, texts in enumerate(held_out.texts) if "annotation" in texts]
    rows = np.array(walks)[np.linspace(0, len(walks) - 1, min(len(walks), _ANSWERED)).round().astype(int)]
    batch = held_out.batch(rows)
    answers = miniature.captioner.generate(batch["pixels"], miniature.instructions["annotation"])
    pairs = [
        (_annotation(texts["annotation"]), _annotation(answer))
        for texts, answer in zip(batch["texts"], answers, strict=True)
    ]
    read = [(wanted, said) for wanted, said in pairs if wanted and said]
    placed = [wanted.sidewalk == said.sidewalk and wanted.road == said.road for wanted, said in read]
    return {
        "annotations of walks that are JSON of the schema": len(read) / len(pairs),
        "annotations of walks with both positions right": sum(placed) / len(pairs),
    }


def _annotation(text: str) -> Annotation | None:
    """What a text says; None when it is no annotation."""
    try:
        return parse_json(json.loads(text), "an answer")
    except (ValueError, BadRecord, RecursionError):
        return None
