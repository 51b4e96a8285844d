"""A small training set, drawn: two vectors of five features, some cameras missing, some rows without a future."""

from collections.abc import Callable

import pytest
import torch

from roadcue.heads.waypoint.decoder import DecoderInputs
from roadcue.schema import HeadInputs, HeadTargets

Batch = tuple[HeadInputs, HeadTargets]


@pytest.fixture(scope="session")
def make_batch() -> Callable[..., Batch]:
    def make(rows: int, seed: int = 0, vectors: int = 2, width: int = 5, missing: bool = True) -> Batch:
        random = torch.Generator().manual_seed(seed)
        past = torch.randn(rows, 16, 6, generator=random) * torch.tensor([20.0, 2, 8, 1, 1, 0.5])
        past[:, -1, :2] = 0  # the origin of the ego frame
        mask = torch.ones(rows, vectors, dtype=torch.bool)
        intent = torch.randint(0, 4, (rows,), generator=random)
        features = torch.randn(rows, vectors, width, generator=random) * 3 + 7
        time = 0.25 * torch.arange(1, 21)
        future = time[:, None] * past[:, -1, None, 2:4] + torch.randn(rows, 20, 2, generator=random)
        if missing:
            future[::5] = torch.nan
            mask[1::4, 1:] = False
            features = torch.where(mask[:, :, None], features, torch.zeros(()))
        inputs = HeadInputs(features=features, feature_mask=mask, past=past, intent=intent)
        return inputs, HeadTargets(future=future)

    return make


@pytest.fixture(scope="session")
def batches(make_batch) -> list[Batch]:
    return [make_batch(rows, seed) for seed, rows in enumerate((40, 1, 64, 23))]


@pytest.fixture(scope="session")
def make_decoder_inputs() -> Callable[..., DecoderInputs]:
    """Normalised inputs without a base path, corrections in metres."""

    def make(rows: int, context: int = 0) -> DecoderInputs:
        random = torch.Generator().manual_seed(0)
        return DecoderInputs(
            context=torch.randn(rows, context, generator=random),
            ego=torch.randn(rows, 99, generator=random),
            speed=10 * torch.rand(rows, generator=random),
            base=torch.zeros(rows, 20, 2),
            mean=torch.zeros(20, 2),
            scale=torch.ones(20, 2),
        )

    return make
