"""What an answer costs: seconds and memory for one picture alone, and how many parameters learn."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import torch

from roadcue.errors import BadInput
from roadcue.heads.multi_head import MultiHeadModel
from roadcue.loaders import picture_file
from roadcue.loaders.contrast import CONTRAST_SHAPE, contrast
from roadcue.loaders.dataset import RoadDataset
from roadcue.models.encoder import Encoder
from roadcue.models.pooling import cells_stored, pool_tokens
from roadcue.schema import StoredInputs
from roadcue.training.build import device, encoder_of_run, open_split
from roadcue.training.config import TrainConfig
from roadcue.training.peak_memory import peak_bytes, reset_peak
from roadcue.training.run_folder import RunFolder

PICTURES = 8
"""So many are answered one by one, after a first that is not counted."""


@dataclass(frozen=True)
class Cost:
    """`seconds` median of one picture alone; `memory` in MB, the peak of the process, or of the GPU where that
    answers, None where the system does not tell; `learnt` millions of parameters that a training changes.
    """

    seconds: float
    memory: float | None
    learnt: float

    @property
    def figures(self) -> Mapping[str, float]:
        """By name, those that are known."""
        known = {"seconds": self.seconds, "memory": self.memory, "learnt": self.learnt}
        return {name: value for name, value in known.items() if value is not None}

    @classmethod
    def of_json(cls, content: Any) -> "Cost":
        """What `dataclasses.asdict` made."""
        return cls(**content)


@torch.no_grad()
def head_costs(folder: RunFolder, options: TrainConfig, split: str) -> dict[str, Cost]:
    """Of each head of a run, from the JPEG to the answer; of earlier frames the features are there already.

    None where the run has no encoder, or its pictures cannot be read.
    """
    encoder, on = encoder_of_run(folder, options), device(options.device)
    if not encoder.width:
        return {}
    model, data = MultiHeadModel.from_pretrained(folder.model).eval(), open_split(options, split)
    pool = sum(weight.numel() for weight in model.pool.parameters())

    def answer(row: int, head: str) -> None:
        model(_stored(data, row, encoder, options), [head])

    costs = {}
    for head in options.head_names:
        learnt = pool + sum(weight.numel() for weight in model.heads[head].parameters())
        with suppress(BadInput):
            costs[head] = cost_of(partial(answer, head=head), len(data), learnt, on)
    return costs


def _stored(data: RoadDataset, row: int, encoder: Encoder, options: TrainConfig) -> StoredInputs:
    """A row as heads read it, its pictures encoded now; BadRecord where one cannot be read."""
    cells, cameras = cells_stored(options.pooling, options.grid), len(options.camera_names)
    pictures = cameras * (1 + len(options.frames_back))
    stored = torch.zeros(1, pictures, cells, encoder.width)
    contrasts, present = torch.zeros(1, pictures, *CONTRAST_SHAPE), torch.ones(1, pictures, dtype=torch.bool)
    for place, camera in enumerate(options.camera_names):
        encoded = data.image(row, camera)
        if encoded is not None:
            pixels = encoder.preprocess(*picture_file.decode_at_least(encoded, data.where(row), encoder.side))[None]
            stored[0, place] = pool_tokens(encoder.encode(pixels), options.pooling, options.grid)[0].cpu()
            contrasts[0, place] = contrast(pixels)[0].cpu()
        present[0, place] = encoded is not None
    past, intent = (torch.from_numpy(each[[row]]) for each in (data.states.past, data.states.intent))
    return StoredInputs(stored=stored, contrast=contrasts, present=present, past=past, intent=intent)


def cost_of(answer: Callable[[int], object], pictures: int, learnt: int, device: str) -> Cost:
    """Call `answer` with the place of each of so many pictures, at most `PICTURES`; `learnt` parameters."""
    reset_peak(device)
    seconds = []
    for place in [0, *range(min(pictures, PICTURES))]:
        started = time.perf_counter()
        answer(place)
        if device != "cpu":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - started)
    peak = peak_bytes(device)
    return Cost(median(seconds[1:]), None if peak is None else peak / 1e6, learnt / 1e6)
