import warnings

import numpy as np
import pytest
import torch
from drawn import DrawnDataset
from fitted import fit
from PIL import Image

import roadcue
from roadcue.errors import BadInput
from roadcue.heads.multi_head import MultiHeadModel
from roadcue.loaders import picture_file
from roadcue.training.build import build_run_encoder
from roadcue.training.extraction import stored_split
from roadcue.training.heads.predictions import predict


@pytest.fixture
def road(drawn):
    config = drawn(epochs=1)
    folder = fit(config)
    dataset = drawn.splits["val"]
    images = [picture_file.decode(dataset.image(row, "FRONT"), "here") for row in range(4)]
    return config, folder, dataset, images, roadcue.load(folder.path)


def test_one_sample_has_names_units_and_no_batch(road):
    _, _, dataset, images, predictor = road
    given = {"images": images[0], "past": dataset.states.past[0], "intent": "GO_LEFT"}
    assert predictor.predict(**given).keys() == {"waypoint"}, "the run's heads, and no baseline"
    predictions = predictor.predict(**given, baselines=True)
    assert predictions["waypoint"].waypoints_m.shape == (20, 2)
    assert predictions["waypoint"].times_s.tolist() == [0.25 * step for step in range(1, 21)]
    speed = dataset.states.past[0, -1, 2]
    np.testing.assert_allclose(predictions["constant velocity"].waypoints_m[-1], [5 * speed, 0], atol=1e-4)


def test_pil_numpy_torch_and_jpeg_are_the_same_picture(road):
    _, _, dataset, images, predictor = road
    forms = [
        images[0],
        Image.fromarray(images[0]),
        torch.from_numpy(images[0]),
        torch.from_numpy(images[0]).permute(2, 0, 1),
        dataset.image(0, "FRONT"),
        {"FRONT": images[0]},
    ]
    past = dataset.states.past[0]
    paths = [predictor.predict(images=form, past=past, intent=1)["waypoint"].waypoints_m for form in forms]
    for path in paths[1:]:
        np.testing.assert_array_equal(path, paths[0])


def test_a_run_reads_tiles_as_it_was_trained(drawn):
    drawn.splits.update({split: DrawnDataset(split, sequences=2, frames=3) for split in ("train", "val")})
    dataset = drawn.splits["val"]
    predictor = roadcue.load(fit(drawn(epochs=1, aspect="tiles", workers=0)).path)
    split = stored_split(dataset, predictor.encoder, predictor.config)
    evaluated = predict(predictor.model, split).paths["waypoint"]
    images = [dataset.image(row, "FRONT") for row in range(3)]
    predicted = predictor.predict(images=images, past=dataset.states.past[:3], intent=dataset.states.intent[:3])
    np.testing.assert_allclose(predicted["waypoint"].waypoints_m, evaluated[:3], atol=1e-2)


def test_a_batch_is_its_samples_one_by_one(road):
    _, _, dataset, images, predictor = road
    past, intent = dataset.states.past[:4], dataset.states.intent[:4]
    batch = predictor.predict(images=images, past=torch.from_numpy(past), intent=intent)
    assert batch["waypoint"].waypoints_m.shape == (4, 20, 2)
    for row in range(4):
        single = predictor.predict(images=images[row], past=past[row], intent=int(intent[row]))
        np.testing.assert_allclose(batch["waypoint"].waypoints_m[row], single["waypoint"].waypoints_m, atol=1e-2)
    stacked = predictor.predict(images=np.stack(images), past=past, intent=intent)
    np.testing.assert_array_equal(stacked["waypoint"].waypoints_m, batch["waypoint"].waypoints_m)


def test_predictions_are_those_of_evaluation(road, drawn):
    config, folder, dataset, images, predictor = road
    split = stored_split(dataset, build_run_encoder(config), config)
    evaluated = predict(MultiHeadModel.from_pretrained(folder.model).eval(), split).paths
    past, intent = dataset.states.past[:4], dataset.states.intent[:4]
    predicted = predictor.predict(images=images, past=past, intent=intent, baselines=True)
    for name in evaluated:
        np.testing.assert_allclose(predicted[name].waypoints_m, evaluated[name][:4], atol=1e-2)


def test_a_missing_camera_is_normal_and_an_unknown_one_is_not(road):
    _, _, dataset, images, predictor = road
    past = dataset.states.past[0]
    with pytest.raises(BadInput, match="FRONT"):
        predictor.predict(images={"BACK": images[0]}, past=past, intent=1)
    batch = predictor.predict(images=[images[0], {}], past=dataset.states.past[:2], intent=[1, 1])
    assert np.isfinite(batch["waypoint"].waypoints_m).all()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"past": np.zeros((15, 6))}, "past must be 16x6 numbers, found 15x6"),
        ({"past": np.full((16, 6), np.nan)}, r"past\[0, 0\] is not a finite number"),
        ({"intent": "sideways"}, "GO_LEFT"),
        ({"intent": 7}, "GO_LEFT"),
        ({"images": np.zeros((8, 8, 4), np.uint8)}, r"images: an array of shape \(8, 8, 4\) is no picture"),
        ({"images": np.full((8, 8, 3), 200, np.float32)}, "images: a picture of floats must lie within 0 to 1"),
        ({"images": None}, "FRONT"),
        ({"images": b"not a jpeg"}, "JPEG"),
    ],
)
def test_what_does_not_fit_is_said(road, change, sentence):
    _, _, dataset, images, predictor = road
    good = {"images": images[0], "past": dataset.states.past[0], "intent": 1}
    with pytest.raises(BadInput, match=sentence):
        predictor.predict(**{**good, **change})


def test_line_7_predict_refuses_what_the_manifest_refuses(road):
    _, _, dataset, images, predictor = road
    good = {"images": images[0], "past": dataset.states.past[0], "intent": 1}
    utm = good["past"] + np.array([691_608, 5_334_760, 0, 0, 0, 0])
    refused = [
        ({"past": utm}, r"^predict: past\[0, 0\] is beyond 100,000; give metres and seconds in the ego frame"),
        ({"past": np.where(np.eye(16, 6), 1e30, 0)}, r"^predict: past\[0, 0\] is beyond 100,000"),
        ({"intent": 2.7}, r"^predict: intent is float '2\.7' .*GO_LEFT or 2"),
        ({"past": np.array([])}, r"^past has the shape \(0,\): expected \(16, 6\) or \(b, 16, 6\)"),
        ({"past": np.zeros((0, 16, 6)), "images": [], "intent": []}, r"^past has the shape \(0, 16, 6\)"),
        ({"images": np.zeros((0, 0, 3), np.uint8)}, r"images: an array of shape \(0, 0, 3\) is no picture"),
        ({"intent": [1, 2]}, "1 images, 1 pasts and 2 intents: expected as many of each"),
        ({"past": good["past"][None], "images": "one.jpg"}, "images: one picture beside 1 pasts; give a list"),
        ({"past": good["past"][None].repeat(2, axis=0), "images": images[:2]}, "2 images, 2 pasts and 1 intents"),
    ]
    for change, sentence in refused:
        with pytest.raises(BadInput, match=sentence):
            predictor.predict(**{**good, **change})


def test_a_batch_without_a_sample_is_refused(drawn):
    predictor = roadcue.load(fit(drawn(head="field", encoder="none", epochs=1)).path)
    with pytest.raises(BadInput, match="predict is given no sample"):
        predictor.predict([])


def test_a_run_without_an_encoder_needs_no_picture(drawn):
    folder = fit(drawn(encoder="none", epochs=1))
    past = drawn.splits["val"].states.past[:3]
    predictions = roadcue.load(folder.path).predict(past=past, intent=[1, 2, 3])
    assert predictions["waypoint"].waypoints_m.shape == (3, 20, 2)


@pytest.mark.parametrize("features", ["patches", "perceiver"])
def test_a_run_on_openflamingo_predicts_as_it_was_trained(drawn, features):
    config = drawn(encoder="flamingo", encoder_features=features, epochs=1)
    folder = fit(config)
    dataset, predictor = drawn.splits["val"], roadcue.load(folder.path)
    assert predictor.encoder.fingerprint["features"] == features
    split = stored_split(dataset, predictor.encoder, config)
    stored = predict(MultiHeadModel.from_pretrained(folder.model).eval(), split).paths
    images = [dataset.image(row, "FRONT") for row in range(3)]
    again = predictor.predict(images=images, past=dataset.states.past[:3], intent=dataset.states.intent[:3])
    np.testing.assert_allclose(again["waypoint"].waypoints_m, stored["waypoint"][:3], atol=1e-2)


def test_line_7_past_states_in_another_unit_are_warned_of_where_they_are_given(drawn):
    predictor = roadcue.load(fit(drawn(encoder="none", epochs=1)).path)
    past = np.zeros((16, 6), np.float32)
    past[:, 0], past[:, 2] = 10 * 0.25 * np.arange(-15, 1), 10
    kmh = past * [1, 1, 3.6, 3.6, 1, 1]
    with pytest.warns(UserWarning, match="past: speeds look like km/h .* the first predict; states must be") as said:
        predictor.predict(past=kmh, intent=1)
    assert said[0].filename == __file__
    with pytest.warns(UserWarning, match="km/h .* the first predict, sample 0"):
        predictor.predict(past=np.stack([kmh, kmh]), intent=[1, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        predictor.predict(past=torch.from_numpy(past).bfloat16(), intent=1)


def test_what_no_run_and_no_head_is_is_a_sentence(drawn):
    folder = fit(drawn(encoder="none", epochs=1)).path
    for run in (None, "", 5, b"runs/first", ["runs/first"]):
        with pytest.raises(BadInput, match="is no run; give the path of a run folder, or the name of one on the hub"):
            roadcue.load(run)
    for plugins in (None, "my_head.py"):
        with pytest.raises(BadInput, match=r"plugins=.*: give a list of Python files, such as \['my_head.py'\]"):
            roadcue.load(folder, plugins=plugins)
    predictor, past = roadcue.load(folder), drawn.splits["val"].states.past[0]
    predictions = predictor.predict(past=past, intent=1)
    with pytest.raises(BadInput, match="'waypiont': is no head of this run, which answers waypoint; did you"):
        predictions["waypiont"]
    assert "cue" not in predictions
    assert predictions.get("cue") is None
    with pytest.raises(BadInput, match=r"several pictures beside the past \(16, 6\) of one sample; give one"):
        predictor.predict(["a.jpg"], past=past, intent=1)
