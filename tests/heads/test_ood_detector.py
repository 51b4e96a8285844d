import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from roadcue.errors import BadHead
from roadcue.heads.ood_detector import OODDetector, StoredPictures

CELLS, WIDTH = 4, 24


def drawn(rows, seed=0, cameras=1, per_sequence=4):
    """Rows of sequences that each have a look of their own, in few directions and a little noise."""
    random = torch.Generator().manual_seed(seed)
    mix, middle = torch.randn(7, cameras * CELLS * WIDTH, generator=torch.Generator().manual_seed(99)).split([6, 1])
    looks = torch.randn(-(-rows // per_sequence), 6, generator=random).repeat_interleave(per_sequence, dim=0)[:rows]
    stored = 4 * middle + (looks + 0.3 * torch.randn(rows, 6, generator=random)) @ mix
    stored += 0.3 * torch.randn(stored.shape, generator=random)
    sequence = np.array([f"{seed}-{row // per_sequence}" for row in range(rows)])
    present = torch.ones(rows, cameras, dtype=torch.bool)
    views = 3 + torch.randn(rows, cameras, 3, 4, generator=random).cumsum(dim=3)
    brightness = 40 + 160 * torch.rand(rows, cameras, 4, 4, generator=random)
    fine = 1 + brightness / 100 + 0.2 * torch.randn(rows, cameras, 4, 4, generator=random)
    contrast = torch.cat([views, brightness, fine], dim=2)
    return StoredPictures(stored.view(rows, cameras, CELLS, WIDTH).half(), contrast, present, sequence)


def flagged(detector, pictures):
    return float((detector(pictures.stored, pictures.contrast, pictures.present) > 1).float().mean())


@pytest.fixture(scope="module")
def detector():
    return OODDetector.fitted(drawn(800))


def test_rows_of_new_sequences_are_like_and_others_unlike(detector):
    new = drawn(800, seed=1)
    assert flagged(detector, new) <= 0.03
    for other in (
        torch.zeros_like(new.stored),
        new.stored.flip(2),
        -new.stored,
        torch.randn(new.stored.shape).half(),
    ):
        assert flagged(detector, replace(new, stored=other)) > 0.95


def test_rows_held_out_set_the_threshold(detector):
    held_out, new = drawn(1600, seed=2), drawn(1600, seed=3)
    assert flagged(OODDetector.fitted(drawn(800), held_out), new) <= 0.04
    harder = replace(held_out, stored=1.5 * held_out.stored)
    tolerant = OODDetector.fitted(drawn(800), harder)
    assert flagged(tolerant, replace(new, stored=1.5 * new.stored)) <= 0.04
    of_features = slice(None, -2)
    assert (tolerant.threshold > 1.2 * detector.threshold)[:, of_features].all()


def test_calibrating_anew_changes_nothing_but_the_threshold(detector):
    other, new = drawn(200, seed=4), drawn(200, seed=5)
    doubled = replace(other, stored=2 * other.stored)
    again = OODDetector.fitted(drawn(800))
    before = {name: tensor.clone() for name, tensor in again.state_dict().items()}
    again.calibrate(again.distances(doubled.stored, doubled.contrast), doubled.present, doubled.sequence)
    assert {name for name, tensor in again.state_dict().items() if not torch.equal(tensor, before[name])} == {
        "threshold"
    }
    assert flagged(again, replace(new, stored=2 * new.stored)) <= 0.05


def test_a_long_film_counts_as_one_sequence():
    """Of a hundred sequences one has as many rows as all others; its look alone does not move the threshold."""
    train = drawn(400)
    strange = drawn(400, seed=7, per_sequence=400)
    film = replace(strange, stored=4 * strange.stored, contrast=strange.contrast + 50, sequence=np.full(400, "film"))
    both = StoredPictures(
        torch.cat([train.stored, film.stored]),
        torch.cat([train.contrast, film.contrast]),
        torch.cat([train.present, film.present]),
        np.concatenate([train.sequence, film.sequence]),
    )
    one, two = OODDetector.fitted(train, train), OODDetector.fitted(train, both)
    of_features = slice(None, -2)
    torch.testing.assert_close(two.threshold[:, of_features], one.threshold[:, of_features], rtol=0.2, atol=0)


def test_the_worst_of_the_pictures_that_are_there_counts():
    two = OODDetector.fitted(drawn(800, cameras=2))
    new = drawn(100, seed=8, cameras=2)
    assert flagged(two, new) <= 0.05
    covered = new.stored.clone()
    covered[:, 1] = 0
    assert flagged(two, replace(new, stored=covered)) > 0.95
    missing = new.present.clone()
    missing[:, 1] = False
    two.always.zero_()  # as if some training rows had lacked it
    assert flagged(two, replace(new, stored=covered, present=missing)) <= 0.05
    covered[:, 1] = torch.nan  # whatever stands for a picture that is not there
    assert flagged(two, replace(new, stored=covered, present=missing)) <= 0.05
    assert torch.isinf(two(new.stored, new.contrast, torch.zeros_like(new.present))).all()


def test_a_camera_that_all_training_rows_have_is_missed():
    two = OODDetector.fitted(drawn(400, cameras=2))
    new = drawn(20, seed=8, cameras=2)
    new.present[:, 1] = False
    assert torch.isinf(two(new.stored, new.contrast, new.present)).all()


@pytest.mark.parametrize("share", [0.03, 0.3])
def test_a_rare_camera_does_not_blind_the_others(share):
    train, new = drawn(800, cameras=2), drawn(200, seed=8, cameras=2)
    train.present[round(share * 800) :, 1] = False
    first = (each[:, :1] for each in (train.stored, train.contrast, train.present))
    alone = OODDetector.fitted(StoredPictures(*first, train.sequence))
    both = OODDetector.fitted(train)
    torch.testing.assert_close(both.threshold[0], alone.threshold[0], rtol=0.35, atol=0)
    only = torch.tensor([[True, False]]).expand(200, 2)
    noise = torch.randn(new.stored.shape).half() * 4
    assert flagged(both, replace(new, stored=noise, present=only)) > 0.95
    assert flagged(both, replace(new, present=only)) <= 0.05


def test_a_camera_of_which_no_training_row_has_a_picture_is_unlike():
    train = drawn(200, cameras=2)
    train.present[:, 1] = False
    one_of_two = OODDetector.fitted(train)
    new = drawn(20, seed=9, cameras=2)
    assert torch.isinf(one_of_two(new.stored, new.contrast, new.present)).all()
    seen = torch.tensor([[True, False]]).expand(20, 2)
    assert torch.isfinite(one_of_two(new.stored, new.contrast, seen)).all()


@pytest.mark.parametrize("rows", [1, 2, 4, 9])
def test_from_few_rows_nothing_is_sure(rows):
    """One sequence alone leaves none to hold out."""
    small = OODDetector.fitted(drawn(rows))
    new = drawn(50, seed=6)
    score = small(new.stored, new.contrast, torch.ones(50, 1, dtype=torch.bool))
    assert not score.isnan().any()
    assert small.knows_nothing == (rows <= 4)
    if rows <= 4:
        assert torch.isinf(score).all()


def test_one_cell_is_enough():
    """As pooling `mean` has it."""
    train, new = drawn(800), drawn(1600, seed=1)
    one = OODDetector.fitted(replace(train, stored=train.stored[:, :, :1]))
    assert flagged(one, replace(new, stored=new.stored[:, :, :1])) <= 0.04
    assert flagged(one, replace(new, stored=-new.stored[:, :, :1] - 9)) > 0.9


def test_it_is_on_disk_what_it_is_in_memory(detector, tmp_path):
    detector.save_pretrained(tmp_path)
    read = OODDetector.from_pretrained(tmp_path)
    new = drawn(20, seed=1)
    assert torch.equal(read(new.stored, new.contrast, new.present), detector(new.stored, new.contrast, new.present))
    (tmp_path / "config.json").write_text('{"pictures": 1, "cells": 4, "width": 25, "contrasts": [11, 4]}')
    with pytest.raises(BadHead, match="weights are not those of this OODDetector"):
        OODDetector.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(BadHead, match="not the configuration of a detector"):
        OODDetector.from_pretrained(tmp_path)


def test_equal_rows_give_an_equal_detector(detector):
    torch.manual_seed(time.time_ns() % 1000)
    again = OODDetector.fitted(drawn(800))
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in detector.state_dict().items())


def test_line_1_what_shows_nothing_is_unlike_however_near_it_lies():
    detector, new = OODDetector.fitted(drawn(800)), drawn(200, seed=1)
    nothing, contrast = new.stored.mean(dim=(0, 1))[None], new.contrast.mean(dim=(0, 1))[None]
    as_rows = StoredPictures(nothing[:, None], contrast[:, None], torch.ones(1, 1, dtype=torch.bool), np.arange(1))
    assert flagged(detector, as_rows) == 0
    assert detector.hold_back(nothing, contrast)
    assert flagged(detector, as_rows) == 1
    assert not detector.hold_back(nothing, contrast), "once is enough"
    assert not detector.hold_back(nothing + 100, contrast), "what is unlike changes nothing"


def test_line_1_a_picture_of_too_little_contrast_is_unlike_whatever_its_features(detector):
    new = drawn(200, seed=1)
    lost = torch.tensor([8.0, 4.0, 2.0, 0.0])
    assert flagged(detector, replace(new, contrast=new.contrast - lost)) > 0.95


@pytest.mark.parametrize("half", [(1, -9.0), (1, 15.0), (2, -9.0), (2, 15.0)])
def test_line_1_a_picture_of_which_a_half_is_covered_is_unlike_whatever_its_features(detector, half):
    new = drawn(200, seed=1)
    covered = new.contrast.clone()
    covered[:, :, half[0]] = half[1]
    assert flagged(detector, replace(new, contrast=covered)) > 0.95


def test_line_1_a_picture_of_which_a_part_is_smooth_is_unlike_and_takes_nothing_from_what_else_is_told(detector):
    new = drawn(200, seed=1)
    finger = new.contrast.clone()
    finger[:, :, -1, 2] -= 2.0
    assert flagged(detector, replace(new, contrast=finger)) > 0.95
    assert detector.threshold[0, -1] >= 1
    train = drawn(800)
    smoother = train.contrast.clone()
    smoother[:400, :, -4:] -= 2.0
    other = OODDetector.fitted(replace(train, contrast=smoother))
    assert flagged(other, replace(new, contrast=finger)) < 0.05, "half of the training pictures are as smooth"
    torch.testing.assert_close(other.threshold[:, :-1], detector.threshold[:, :-1])


def test_a_buffer_that_holds_no_number_is_damage(tmp_path):
    """But that of a camera which no training row had."""
    pictures = drawn(80, cameras=2)
    pictures.present[:, 1] = False
    OODDetector.fitted(pictures).save_pretrained(tmp_path)
    OODDetector.from_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    whole = load_file(file)
    for name in whole.keys() - {"always"}:
        weights = {key: tensor.clone() for key, tensor in whole.items()}
        weights[name].view(-1)[0] = torch.nan
        save_file(weights, file)
        with pytest.raises(BadHead, match=rf"model.safetensors: .*{name.split('.')[0]}.*: not finite numbers"):
            OODDetector.from_pretrained(tmp_path)
