"""What the miniature writes of drawn pictures that it has not seen: the losses of texts, and answers themselves."""

import json
import re
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
"""Pictures of each view of which texts are written, token by token."""
_SENTENCE = re.compile(r"(?<=\.) ")
_NUMBER = re.compile(r"\d+")
_METRES = re.compile(r"\d+ met(?:er|re)s?")


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
    """What it writes itself, by what users call, of up to 64 held-out pictures of each view.

    Shares in 0 to 1, and metres: of walks' annotations, which are JSON and right; of the sentences of scene captions,
    which are written but for their metres, and how far these are off on average, 0 where no sentence has any.
    """
    scores: dict[str, float] = {}
    for view in VIEWS:
        of_view = [row for row, texts in enumerate(held_out.texts) if view_of(texts) == view]
        places = np.linspace(0, len(of_view) - 1, min(len(of_view), _ANSWERED)).round().astype(int)
        batch = held_out.batch(np.array(of_view)[places])
        captioner, texts = miniature.captioner, batch["texts"]
        visual = captioner.encode(batch["pixels"])
        answers = {
            kind: [one.text for one in captioner.generate(visual, captioner.prompt(miniature.instructions[kind]))]
            for kind in ("scene", "annotation")
            if kind in texts[0]
        }
        scores |= _score_scenes(view, [each["scene"] for each in texts], answers["scene"])
        if "annotation" in answers:
            scores |= _score_annotations(view, [each["annotation"] for each in texts], answers["annotation"])
    return scores


def _score_scenes(view: str, wanted: list[str], answers: list[str]) -> dict[str, float]:
    told, off = [], []
    for truth, answer in zip(wanted, answers, strict=True):
        said = {_METRES.sub("#", sentence): sentence for sentence in _SENTENCE.split(answer)}
        for sentence in _SENTENCE.split(truth):
            same = said.get(_METRES.sub("#", sentence))
            told.append(same is not None)
            if same is not None:
                metres = (map(int, _NUMBER.findall(text)) for text in (sentence, same))
                off += [abs(there - here) for there, here in zip(*metres, strict=True)]
    return {
        f"sentences of {view}s' captions that are written, metres aside": sum(told) / len(told),
        f"metres off in these sentences, {view}s": sum(off) / max(len(off), 1),
    }


def _score_annotations(view: str, wanted: list[str], answers: list[str]) -> dict[str, float]:
    pairs = [(_annotation(truth), _annotation(answer)) for truth, answer in zip(wanted, answers, strict=True)]
    read = [(truth, said) for truth, said in pairs if truth and said]
    placed = [truth.sidewalk == said.sidewalk and truth.road == said.road for truth, said in read]
    return {
        f"annotations of {view}s that are JSON of the schema": len(read) / len(pairs),
        f"annotations of {view}s with both positions right": sum(placed) / len(pairs),
    }


def _annotation(text: str) -> Annotation | None:
    """What a text says; None when it is no annotation."""
    try:
        return parse_json(json.loads(text), "an answer")
    except (ValueError, BadRecord, RecursionError):
        return None
