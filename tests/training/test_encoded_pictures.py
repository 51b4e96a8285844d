import threading
import time
from contextlib import closing

import numpy as np
import pytest
import torch
from drawn import DrawnDataset

from roadcue.errors import BadInput
from roadcue.loaders import picture_file
from roadcue.models.pooling import pool_tokens
from roadcue.training import encoded_pictures as module
from roadcue.training.build import build_run_encoder
from roadcue.training.encoded_pictures import encoded_pictures
from roadcue.training.extraction_config import ExtractionOptions


@pytest.fixture(scope="module")
def encoder():
    return build_run_encoder(ExtractionOptions())


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    assert torch.get_num_threads() == 3, "what was set before holds again"
    torch.set_num_threads(before)


def options(**changed):
    return ExtractionOptions(cameras="FRONT,REAR", grid=2, **changed)


@pytest.mark.parametrize("encode_batch", [1, 2, 7, 64])
@pytest.mark.parametrize("on", ["cpu", "cuda"])
def test_every_picture_of_every_row_comes_in_order(encoder, three_threads, monkeypatch, on, encode_batch):
    monkeypatch.setattr(module, "device", lambda _: on)
    dataset, rows = (
        DrawnDataset("val", sequences=1, frames=9, without_rear={4}, unreadable={7}),
        np.array([1, 4, 6, 7, 8]),
    )
    chosen = options(encode_batch=encode_batch, workers=1)
    batches = list(encoded_pictures(dataset, encoder, chosen, rows))
    assert np.concatenate([group for group, _, _ in batches]).tolist() == rows.tolist()
    pictures = [picture for _, batch, _ in batches for picture in batch]
    places = [(picture.row, picture.camera) for picture in pictures]
    assert places == [(1, 0), (1, 1), (4, 0), (6, 0), (6, 1), (7, 0), (7, 1), (8, 0), (8, 1)]
    features = np.concatenate([pooled for _, _, pooled in batches])
    for (row, camera), picture, got in zip(places, pictures, features, strict=True):
        if row == 7:
            assert isinstance(picture.fault, BadInput)
            assert not got.any()
            continue
        pixels = encoder.preprocess(picture_file.decode(dataset.image(row, ("FRONT", "REAR")[camera]), "here"))
        direct = pool_tokens(encoder.encode(pixels[None]), chosen.pooling, chosen.grid)[0]
        np.testing.assert_allclose(got, direct, rtol=1e-4, atol=1e-4)


class OneAtATime(DrawnDataset):
    """Its reader has one place in one file, so two threads would read each other's pictures."""

    inside = 0

    def image(self, row, camera):
        self.inside += 1
        time.sleep(0.002)
        assert self.inside == 1, "two threads read at once"
        self.inside -= 1
        return super().image(row, camera)


def test_threads_read_in_turns_and_encode_at_once(encoder, three_threads, monkeypatch):
    encode, together, at_once = type(encoder).encode, threading.Barrier(3, timeout=20), []

    def meet(self, pixels):
        at_once.append(together.wait())
        return encode(self, pixels)

    monkeypatch.setattr(type(encoder), "encode", meet)
    rows = np.arange(6)
    assert len(list(encoded_pictures(OneAtATime("val"), encoder, options(encode_batch=6), rows))) == 6
    assert sorted(at_once) == [0, 0, 1, 1, 2, 2]


def test_who_closes_it_does_not_wait_for_the_rest(encoder, three_threads):
    dataset = DrawnDataset("val", sequences=8, frames=12)
    with closing(encoded_pictures(dataset, encoder, options(encode_batch=6), np.arange(96))) as batches:
        next(batches)
    assert dataset.reads < 96, "2 x 96 pictures are not read to the end"


def test_a_fault_of_a_thread_is_raised(encoder, three_threads, monkeypatch):
    def fail(self, pixels):
        raise RuntimeError("no memory is left")

    monkeypatch.setattr(type(encoder), "encode", fail)
    with pytest.raises(RuntimeError, match="no memory is left"):
        list(encoded_pictures(DrawnDataset("val"), encoder, options(), np.arange(40)))
