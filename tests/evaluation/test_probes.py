"""A probe separates what a linear classifier can, chooses its penalty on held-out rows, and is scored by sequence."""

from types import SimpleNamespace

import numpy as np
import pytest
import simplejpeg
from drawn import DrawnDataset

from roadcue.errors import BadHead, BadInput
from roadcue.evaluation.probes import PENALTIES, fit_probe, probe_field, thumbnails
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.classification import balanced_accuracy, balanced_accuracy_interval
from roadcue.schema import SampleTargets
from roadcue.training.heads.batches import StoredSplit


@pytest.fixture(scope="module", autouse=True)
def _gentle(one_thread):
    pass


NAMES = np.array(["centre", "left", "outside", "right"])


def separable(rows, seed=0, width=12, noise=0.3, share=(0.25, 0.25, 0.25, 0.25)):
    """Features that hold a class each as a direction, on very different scales, and the classes' names."""
    random = np.random.default_rng(seed)
    target = random.choice(4, rows, p=share)
    directions = np.random.default_rng(99).normal(size=(4, width))
    features = directions[target] + noise * random.normal(size=(rows, width))
    return (features * np.geomspace(0.01, 100, width) + np.geomspace(1, 100, width)).astype(np.float32), NAMES[target]


def held_out(rows):
    return np.arange(rows) % 5 == 0


def test_tells_classes_that_a_straight_cut_parts_whatever_the_units():
    features, labels = separable(400)
    probe = fit_probe(features, labels, held_out(400))
    new_features, new_labels = separable(300, seed=1)
    assert balanced_accuracy(probe.predict(new_features), new_labels) > 0.97


def test_pooled_vectors_are_laid_end_to_end():
    features, labels = separable(400)
    flat = fit_probe(features, labels, held_out(400))
    cells = fit_probe(features.reshape(400, 1, 4, 3).astype(np.float16), labels, held_out(400))
    assert cells.weight.shape == flat.weight.shape == (12, 4)
    assert cells.predict(features.reshape(400, 1, 4, 3)).shape == (400,)


def test_says_nothing_about_what_the_features_do_not_hold():
    random = np.random.default_rng(0)
    features, labels = random.normal(size=(1200, 12)).astype(np.float32), random.choice(NAMES, 1200)
    probe = fit_probe(features[:600], labels[:600], held_out(600))
    assert 0.18 < balanced_accuracy(probe.predict(features[600:]), labels[600:]) < 0.32


def test_a_rare_class_weighs_as_much_as_a_frequent_one():
    features, labels = separable(2000, noise=2.5, share=(0.9, 0.04, 0.03, 0.03))
    new_features, new_labels = separable(2000, seed=1, noise=2.5)
    predicted = fit_probe(features, labels, held_out(2000)).predict(new_features)
    assert (predicted == "centre").mean() < 0.5, "most training rows are of the centre, most of these are not"
    assert balanced_accuracy(predicted, new_labels) > 0.55


def test_the_penalty_is_strong_where_rows_are_few_and_noisy_and_weak_where_the_weights_must_be_large():
    features, labels = separable(80, width=40, noise=4)
    strong = fit_probe(features, labels, held_out(80)).penalty

    x = np.random.default_rng(0).uniform(-1, 1, (2000, 1)).astype(np.float32)
    narrow = np.where(np.abs(x[:, 0]) < 0.02, "zero", np.where(x[:, 0] > 0, "above", "below"))
    weak = fit_probe(np.hstack([x, x**2]), narrow, held_out(2000)).penalty
    assert weak == min(PENALTIES) < strong / 50


def test_the_minimum_is_found():
    """At a minimum no step in any direction is better; here those of a numerical gradient."""
    features, labels = separable(200, noise=1.5)
    probe = fit_probe(features, labels, held_out(200), penalties=[1e-2])

    standard = (features - probe.mean.numpy()) / probe.scale.numpy()
    weight, bias = probe.weight.double().numpy(), probe.bias.double().numpy()
    row_weight = {name: 1 / (4 * (labels == name).sum()) for name in NAMES}

    def objective(shift):
        scores = standard @ (weight + shift) + bias
        log_sum = np.log(np.exp(scores).sum(1))
        predicted = scores[np.arange(200), np.searchsorted(NAMES, labels)]
        cross_entropy = sum(row_weight[name] * (s - t) for name, s, t in zip(labels, log_sum, predicted, strict=True))
        return cross_entropy + 1e-2 * np.square(weight + shift).sum()

    best = objective(np.zeros_like(weight))
    random = np.random.default_rng(0)
    for _ in range(20):
        assert objective(0.05 * random.normal(size=weight.shape)) > best


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f, y, h: (f, y, np.zeros_like(h)), "some held out"),
        (lambda f, y, h: (f, np.full_like(y, "left"), h), "two classes"),
        (lambda f, y, h: (f, np.where(h, "only held out", y), h), "every class among the others"),
        (lambda f, y, h: (np.where(f > 0, np.inf, f), y, h), "must be finite"),
        (lambda f, y, h: (f[:-1], y, h), "one each is needed"),
    ],
)
def test_what_cannot_be_probed_is_refused(spoil, message):
    features, labels = separable(50)
    with pytest.raises(BadHead, match=message):
        fit_probe(*spoil(features, labels.astype("U20"), held_out(50)))


class LabelledDataset(DrawnDataset):
    """Where the road goes, by the drift of the future."""

    unlabelled = ()

    def targets(self, row):
        if row in self.without_rear:
            return SampleTargets()
        if row in self.unlabelled:
            return SampleTargets(fields={"road_pos": ""})
        drift = self.states.future[row, 3, 1]
        return SampleTargets(fields={"road_pos": "left" if drift > 0.15 else "right" if drift < -0.15 else "front"})


def stored(split, noise=0.02, **options):
    """A split of which every other row is left out, with the drift in its features."""
    dataset = LabelledDataset(split, **options)
    random = np.random.default_rng(1)
    drift = dataset.states.future[:, 3, 1, None]
    features = np.hstack([drift, np.abs(drift), random.normal(size=(len(dataset), 3))])
    features += noise * random.normal(size=features.shape)
    store_rows = random.permutation(len(dataset))  # a store may hold rows in another order
    in_store = np.empty_like(features)
    in_store[store_rows] = features
    store = SimpleNamespace(features=in_store.astype(np.float16)[:, None, None])
    kept = np.arange(0, len(dataset), 2)
    return StoredSplit(dataset, store, kept, store_rows[kept])


@pytest.fixture(scope="module")
def scores():
    return probe_field("road_pos", stored("train", sequences=30), stored("val", sequences=12))


def test_what_the_features_hold_is_told_far_above_the_majority(scores):
    assert scores.probe.value > 0.9
    assert scores.probe.low > scores.majority.high
    assert scores.majority.value == pytest.approx(1 / 3)
    assert set(scores.recalls) == {"left", "front", "right"}
    assert scores.probe.value == pytest.approx(np.mean(list(scores.recalls.values())))


def test_says_how_many_rows_it_stands_on(scores):
    assert scores.rows == {"train": 180, "val": 72}


def test_features_of_other_rows_tell_nothing():
    val = stored("val", sequences=12)
    moved = StoredSplit(val.dataset, val.store, val.rows, np.roll(val.store_rows, 7))
    assert probe_field("road_pos", stored("train", sequences=30), moved).probe.low < 1 / 3 + 0.05


def test_a_row_without_the_field_is_named():
    with pytest.raises(BadInput, match=r"memory: row 4: sample train00-004: has no field 'road_pos'"):
        probe_field("road_pos", stored("train", without_rear=(4,)), stored("val"))


def test_rows_without_a_label_do_not_count():
    train, val = stored("train", sequences=30), stored("val", sequences=12)
    train.dataset.unlabelled, val.dataset.unlabelled = range(0, 100, 4), range(0, 20, 2)
    scores = probe_field("road_pos", train, val)
    assert scores.rows == {"train": 180 - 25, "val": 72 - 10}
    assert scores.probe.value > 0.9


def test_without_features_there_is_nothing_to_probe():
    train = stored("train")
    with pytest.raises(BadInput, match="a probe needs an encoder"):
        probe_field("road_pos", StoredSplit(train.dataset, None, train.rows, train.rows), stored("val"))


def test_the_penalty_is_the_best_on_the_held_out_rows_and_not_on_the_fitted_ones(monkeypatch):
    """A stand-in likes the third of the penalties best; it is asked about the held-out rows, and followed."""
    features, labels = separable(100)
    scores = iter([0.2, 0.3, 0.9, 0.5, 0.9])

    def scripted(predicted, target):
        assert (target == labels[held_out(100)]).all()
        assert predicted.shape == target.shape
        return next(scores)

    monkeypatch.setattr("roadcue.evaluation.probes.balanced_accuracy", scripted)
    assert fit_probe(features, labels, held_out(100)).penalty == PENALTIES[2]


def test_the_probe_is_fitted_on_all_rows_in_the_end():
    features, labels = separable(100)
    features[held_out(100)] += 50
    assert fit_probe(features, labels, held_out(100)).mean.numpy() == pytest.approx(features.mean(axis=0), rel=1e-4)


def test_the_intervals_are_over_the_sequences_of_the_scored_rows_and_the_constant_is_the_training_rows_class(
    monkeypatch,
):
    train, val = stored("train", sequences=30), stored("val", sequences=12)
    label = np.array([train.dataset.targets(row).fields["road_pos"] for row in train.rows])
    common = max(set(label), key=lambda name: (label == name).sum())
    of_val = np.array([val.dataset.targets(row).fields["road_pos"] for row in val.rows])
    kept = of_val != common
    val = StoredSplit(val.dataset, val.store, val.rows[kept], val.store_rows[kept])
    calls = []

    def recording(predicted, target, sequence, bootstrap):
        calls.append((predicted, sequence, bootstrap))
        return balanced_accuracy_interval(predicted, target, sequence, bootstrap)

    monkeypatch.setattr("roadcue.evaluation.probes.balanced_accuracy_interval", recording)
    scores = probe_field("road_pos", train, val, bootstrap=Bootstrap(20, seed=3))
    assert len(calls) == 2
    for _, sequence, bootstrap in calls:
        assert (sequence == val.dataset.states.sequence[val.rows]).all()
        assert bootstrap == Bootstrap(20, seed=3)
    assert set(calls[1][0]) == {common}
    assert scores.majority.value == 0


def test_a_thumbnail_is_of_its_row_and_in_rgb():
    colours = [(200, 40, 40), (40, 200, 40), (40, 40, 200)]
    images = [np.full((48, 64, 3), colour, np.uint8) for colour in colours]
    dataset = SimpleNamespace(
        cameras=("FRONT",),
        image=lambda row, camera: simplejpeg.encode_jpeg(images[row], quality=98),
        where=lambda row: f"row {row}",
    )
    pictures = thumbnails(StoredSplit(dataset, None, np.array([2, 0]), np.array([0, 1])))
    assert pictures.shape == (2, 16, 16, 3)
    assert pictures.mean(axis=(1, 2)) == pytest.approx(np.array([colours[2], colours[0]]), abs=4)
