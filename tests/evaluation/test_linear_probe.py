"""The probe tells what a straight cut can tell, and chooses its penalty on rows that it has not seen."""

import numpy as np
import pytest

from roadcue.errors import BadHead
from roadcue.evaluation.linear_probe import PENALTIES, fit_probe
from roadcue.metrics.fields import balanced_accuracy

NAMES = np.array(["centre", "left", "outside", "right"])


@pytest.fixture(scope="module", autouse=True)
def _gentle(one_thread):
    pass


def drawn(rows, seed=0, width=12, noise=0.3, share=(0.25, 0.25, 0.25, 0.25)):
    """Features that hold a class each as a direction, on very different scales, and the classes' names."""
    random = np.random.default_rng(seed)
    truth = random.choice(4, rows, p=share)
    directions = np.random.default_rng(99).normal(size=(4, width))
    features = directions[truth] + noise * random.normal(size=(rows, width))
    return (features * np.geomspace(0.01, 100, width) + np.geomspace(1, 100, width)).astype(np.float32), NAMES[truth]


def held_out(rows):
    return np.arange(rows) % 5 == 0


def test_tells_classes_that_a_straight_cut_parts_whatever_the_units():
    features, labels = drawn(400)
    probe = fit_probe(features, labels, held_out(400))
    new_features, new_labels = drawn(300, seed=1)
    assert balanced_accuracy(probe.predict(new_features), new_labels) > 0.97


def test_pooled_vectors_are_laid_end_to_end():
    features, labels = drawn(400)
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
    features, labels = drawn(2000, noise=2.5, share=(0.9, 0.04, 0.03, 0.03))
    new_features, new_labels = drawn(2000, seed=1, noise=2.5)
    told = fit_probe(features, labels, held_out(2000)).predict(new_features)
    assert (told == "centre").mean() < 0.5, "most training rows are of the centre, most of these are not"
    assert balanced_accuracy(told, new_labels) > 0.55


def test_the_penalty_is_strong_where_rows_are_few_and_noisy_and_weak_where_the_weights_must_be_large():
    features, labels = drawn(80, width=40, noise=4)
    strong = fit_probe(features, labels, held_out(80)).penalty

    x = np.random.default_rng(0).uniform(-1, 1, (2000, 1)).astype(np.float32)
    narrow = np.where(np.abs(x[:, 0]) < 0.02, "zero", np.where(x[:, 0] > 0, "above", "below"))
    weak = fit_probe(np.hstack([x, x**2]), narrow, held_out(2000)).penalty
    assert weak == min(PENALTIES) < strong / 50


def test_the_minimum_is_found():
    """At a minimum no step in any direction is better; here those of a numerical gradient."""
    features, labels = drawn(200, noise=1.5)
    probe = fit_probe(features, labels, held_out(200), penalties=[1e-2])

    standard = (features - probe.mean.numpy()) / probe.scale.numpy()
    weight, bias = probe.weight.double().numpy(), probe.bias.double().numpy()
    row_weight = {name: 1 / (4 * (labels == name).sum()) for name in NAMES}

    def objective(shift):
        scores = standard @ (weight + shift) + bias
        log_sum = np.log(np.exp(scores).sum(1))
        told = scores[np.arange(200), np.searchsorted(NAMES, labels)]
        cross_entropy = sum(row_weight[name] * (s - t) for name, s, t in zip(labels, log_sum, told, strict=True))
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
    features, labels = drawn(50)
    with pytest.raises(BadHead, match=message):
        fit_probe(*spoil(features, labels.astype("U20"), held_out(50)))
