"""Of however many pictures that `predict` is given at once, few are encoded together; and what else it is given."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import roadcue
from roadcue.errors import BadInput
from roadcue.inference import captions
from roadcue.inference.captions import CaptionPredictor
from roadcue.models.generation import GenerationSettings
from roadcue.models.registry import build_captioner

PICTURES = list(np.random.default_rng(0).integers(0, 256, (5, 24, 32, 3), np.uint8))
PAST = np.zeros((16, 6), np.float32)


@pytest.fixture(scope="module")
def road(path_and_cue_run):
    return roadcue.load(path_and_cue_run)


@pytest.fixture
def counted(monkeypatch):
    """How many pictures are encoded together, call by call."""

    def watch(encoder):
        calls, encode = [], encoder.encode
        monkeypatch.setattr(encoder, "encode", lambda pixels: calls.append(len(pixels)) or encode(pixels))
        return calls

    return watch


def test_line_19b_a_batch_of_any_size_is_encoded_in_pieces(road, counted, monkeypatch):
    given = {"images": PICTURES, "past": [PAST] * 5, "intent": [1] * 5}
    at_once = road.predict(**given)
    monkeypatch.setattr(road, "config", replace(road.config, encode_batch=2))
    calls = counted(road.encoder)
    in_pieces = road.predict(**given)
    assert calls == [2, 2, 1]
    np.testing.assert_allclose(in_pieces["waypoint"].waypoints_m, at_once["waypoint"].waypoints_m, atol=1e-3)
    assert [one.cue for one in in_pieces["cue"]] == [one.cue for one in at_once["cue"]]
    calls.clear()
    road.predict(**{**given, "images": [PICTURES[0], {}, PICTURES[2], PICTURES[3], {}]})
    assert calls == [2, 1], "pictures that are there"


def test_line_19b_texts_of_any_number_of_pictures_are_written_in_pieces(counted, monkeypatch):
    captioner = build_captioner("smol")
    predictor = CaptionPredictor(captioner, "FRONT", settings=GenerationSettings(max_new_tokens=4))
    at_once = predictor.predict(PICTURES)["caption"]
    monkeypatch.setattr(captions, "_AT_ONCE", 2)
    calls = counted(captioner)
    assert predictor.predict(PICTURES)["caption"] == at_once
    assert calls == [2, 2, 1]
    calls.clear()
    predictor._frames_back = [20, 10]
    predictor.predict(PICTURES[:2], past_images={10: PICTURES[1:3], 20: PICTURES[2:4]})
    assert calls == [2, 1, 2, 1], "a clip at a time, whose pictures are also encoded in pieces"


def test_line_19b_training_mode_has_no_effect(road):
    given = {"images": PICTURES[0], "past": PAST, "intent": 1}
    before = road.predict(**given)
    road.model.train()
    try:
        for _ in range(3):
            again = road.predict(**given)
            np.testing.assert_array_equal(again["waypoint"].waypoints_m, before["waypoint"].waypoints_m)
        assert road.model.training, "whoever trains it goes on doing so"
    finally:
        road.model.eval()


@pytest.mark.parametrize("images", [{0: PICTURES[0]}, {0: PICTURES[0], "FRONT": PICTURES[1]}, {None: PICTURES[0]}])
def test_line_19b_a_camera_that_is_called_by_a_number_is_a_sentence(road, images):
    with pytest.raises(BadInput, match=r"this run reads the cameras FRONT, not (0|None)$"):
        road.predict(images, past=PAST, intent=1)


@pytest.mark.parametrize("picture", [np.zeros((0, 80, 3), np.uint8), torch.zeros(3, 80, 0)])
def test_line_19b_a_picture_without_rows_or_columns_is_a_sentence(road, picture):
    with pytest.raises(BadInput, match=r"images: an array of shape (\(0, 80, 3\)|\(80, 0, 3\)) is no picture"):
        road.predict(picture, past=PAST, intent=1)


@pytest.mark.parametrize("device", ["meta", "", object(), "gpu", "cuda:99"])
def test_line_19b_what_is_no_device_is_a_sentence(path_and_cue_run, device):
    with pytest.raises(BadInput, match=r"cannot be used here .*; use device='cpu'"):
        roadcue.load(path_and_cue_run, device=device)
