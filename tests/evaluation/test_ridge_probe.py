"""A ridge probe is its closed form, finds what is there and no more, and never sees the block that it predicts."""

import numpy as np
import pytest

from roadcue.errors import BadInput
from roadcue.evaluation.ridge_probe import COMPONENTS, PENALTIES, predict_by_block, ridge_on_components

BLOCKS = np.repeat([f"block {number}" for number in range(6)], 20)


@pytest.fixture(autouse=True)
def _gentle(one_thread):
    pass


def planted(seed=0, width=300, noise=0.5):
    """Features of which a strong direction holds the first target; the second is noise. On very different scales."""
    random = np.random.default_rng(seed)
    hidden = random.normal(size=(len(BLOCKS), 3))
    features = hidden @ random.normal(size=(3, width)) + noise * random.normal(size=(len(BLOCKS), width))
    targets = np.stack([10 + 2 * hidden[:, 0], random.normal(size=len(BLOCKS))], axis=1)
    return (features * np.geomspace(0.01, 100, width) + 5).astype(np.float32), targets


def shares(features, targets):
    """(m,) R2 of all blocks together."""
    answers = predict_by_block(features, targets, BLOCKS)
    return 1 - np.square(answers.predicted - targets).sum(0) / np.square(answers.mean - targets).sum(0)


def test_every_candidate_is_the_closed_form_on_principal_components():
    random = np.random.default_rng(1)
    rows, asked = random.normal(size=(40, 50)).astype(np.float32), random.normal(size=(7, 50)).astype(np.float32)
    targets = random.normal(size=(40, 2))
    answers = ridge_on_components(rows, targets, asked)
    assert answers.shape == (len(PENALTIES), len(COMPONENTS), 7, 2)
    z, wanted = ((part - rows.mean(0)) / rows.std(0) for part in (rows, asked))
    _, _, directions = np.linalg.svd(z, full_matrices=False)
    for i, penalty in enumerate(PENALTIES):
        for j, count in enumerate(COMPONENTS):
            scores, chosen = z @ directions[:count].T, directions[:count].T
            identity = np.eye(scores.shape[1])
            weight = np.linalg.solve(
                scores.T @ scores + 40 * 50 * penalty * identity, scores.T @ (targets - targets.mean(0))
            )
            expected = targets.mean(0) + wanted @ chosen @ weight
            np.testing.assert_allclose(answers[i, j], expected, atol=2e-4)


def test_a_planted_signal_is_found_and_noise_is_not():
    signal, noise = shares(*planted())
    assert signal > 0.8
    assert noise <= 0


@pytest.mark.parametrize("seed", range(3))
def test_features_of_pure_noise_tell_nothing(seed):
    """On average: of 25 targets some are hit by chance."""
    random = np.random.default_rng(seed)
    assert shares(random.normal(size=(len(BLOCKS), 200)), random.normal(size=(len(BLOCKS), 25))).mean() <= 0


def test_what_only_tells_the_blocks_apart_is_no_knowledge():
    """Neighbours on both sides would make a number of each block's own look like a perfect predictor."""
    random = np.random.default_rng(0)
    own = np.unique(BLOCKS, return_inverse=True)[1]
    features = random.normal(size=(6, 40))[own] + 0.01 * random.normal(size=(len(BLOCKS), 40))
    assert (shares(features, random.normal(size=(6, 1))[own]) <= 0.1).all()


def test_a_block_is_predicted_without_its_own_targets():
    features, targets = planted()
    answers = predict_by_block(features, targets, BLOCKS)
    for name in np.unique(BLOCKS):
        other = targets.copy()
        other[name == BLOCKS] *= -1000
        again = predict_by_block(features, other, BLOCKS)
        np.testing.assert_array_equal(again.predicted[name == BLOCKS], answers.predicted[name == BLOCKS])
        np.testing.assert_array_equal(again.mean[name == BLOCKS], answers.mean[name == BLOCKS])


def test_the_mean_is_that_of_the_other_blocks():
    _, targets = planted()
    answers = predict_by_block(np.zeros((len(BLOCKS), 1)), targets, BLOCKS)
    expected = np.stack([targets[name != BLOCKS].mean(0) for name in BLOCKS])
    np.testing.assert_allclose(answers.mean, expected)
    np.testing.assert_allclose(answers.predicted, expected)  # a constant feature tells nothing more


def test_components_and_penalty_are_chosen_for_each_target_and_block():
    answers = predict_by_block(*planted(noise=3.0), BLOCKS)
    assert answers.components.shape == answers.penalties.shape == (6, 2)
    assert set(answers.components.ravel()) <= set(COMPONENTS)
    assert set(answers.penalties.ravel()) <= set(PENALTIES)
    assert (answers.penalties[:, 1] > answers.penalties[:, 0]).all(), "noise is shrunk more than what is there"


def test_what_cannot_be_fitted_is_said():
    features, targets = planted()
    with pytest.raises(BadInput, match="three blocks of rows or more, and there are 2"):
        predict_by_block(features[:40], targets[:40], BLOCKS[:40])
    features[3, 5] = np.inf
    with pytest.raises(BadInput, match="must be finite"):
        predict_by_block(features, targets, BLOCKS)
