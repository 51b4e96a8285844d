"""The rank that a head reads: those of a reduced-rank ridge regression, solved without its matrices."""

import pytest
import torch

from roadcue.errors import BadHead
from roadcue.heads.reduced_rank import MOST, PENALTY, ReducedRank


def batches_of(features, y, size=500):
    """Batches whose "future" is what the features are to predict; every row has all its vectors."""
    mask = torch.ones(features.shape[:2], dtype=torch.bool)
    return [
        ({"features": features[i : i + size], "feature_mask": mask[i : i + size]}, {"future": y[i : i + size]})
        for i in range(0, len(features), size)
    ]


def responses(inputs, targets):
    return targets["future"], ~targets["future"].isnan().any(1)


@pytest.fixture
def drawn():
    """1,500 rows of 3 vectors of 10 numbers that share a few causes, and eight numbers that depend on two of them."""
    random = torch.Generator().manual_seed(0)
    causes = torch.randn(1500, 4, generator=random)
    features = causes @ torch.randn(4, 30, generator=random) * 3 + torch.randn(1500, 30, generator=random) + 5
    y = causes[:, :2] @ torch.randn(2, 8, generator=random) + 0.5 * torch.randn(1500, 8, generator=random)
    return features.unflatten(1, (3, 10)), (y - y.mean(0)) / y.std(0, correction=0)


def fitted(batches, rank=2):
    reduced = ReducedRank(3, 10, rank)
    reduced.fit(batches, responses)
    return reduced


def test_it_is_the_reduced_rank_ridge_regression(drawn):
    features, y = drawn
    z = features.flatten(1).double()
    z = (z - z.mean(0)) / z.std(0, correction=0)
    among = z.T @ z / len(z)
    weight = torch.linalg.solve(among + PENALTY * torch.eye(30), z.T @ y.double() / len(z))
    _, mixtures = torch.linalg.eigh(weight.T @ among @ weight)
    best = torch.linalg.qr(weight @ mixtures[:, -2:])[0]
    fitted_basis = torch.linalg.qr(fitted(batches_of(features, y)).projection.double())[0]
    angles = torch.linalg.svdvals(best.T @ fitted_basis)
    torch.testing.assert_close(angles, torch.ones(2, dtype=torch.float64), atol=1e-3, rtol=0)


def test_what_it_reads_has_mean_0_and_spread_1_and_predicts_the_responses(drawn):
    features, y = drawn
    batches = batches_of(features, y)
    reduced = fitted(batches)
    read = torch.cat([reduced(inputs) for inputs, _ in batches])
    torch.testing.assert_close(read.mean(0), torch.zeros(2), atol=1e-3, rtol=0)
    torch.testing.assert_close(read.std(0, correction=0), torch.ones(2), atol=1e-2, rtol=0)
    left = y - read @ torch.linalg.lstsq(read, y).solution
    assert left.square().mean() < 0.35  # of 1; what is drawn beside the causes is a fifth to a quarter


def test_rows_that_do_not_tell_count_for_nothing(drawn):
    features, y = drawn
    known = torch.arange(1500) % 3 > 0
    holes = y.clone()
    holes[~known] = torch.nan
    other = ReducedRank(3, 10, 2)
    other.fit(batches_of(features, holes), responses)
    rows = fitted(batches_of(features[known], y[known]))
    similar = torch.nn.functional.cosine_similarity(other.projection, rows.projection, dim=0).abs()
    assert (similar > 0.99).all()


def test_a_missing_vector_is_read_as_what_stands_in_for_it(drawn):
    features, y = drawn
    batches = batches_of(features, y)
    reduced = fitted(batches)
    inputs = {"features": features[:4].clone(), "feature_mask": torch.ones(4, 3, dtype=torch.bool)}
    inputs["features"][:, 1], inputs["feature_mask"][:, 1] = 0, False
    average = {**inputs, "features": inputs["features"].clone(), "feature_mask": torch.ones(4, 3, dtype=torch.bool)}
    average["features"][:, 1] = reduced.mean[1]
    torch.testing.assert_close(reduced(inputs), reduced(average), atol=1e-5, rtol=0)


def test_it_reads_no_more_than_there_is():
    assert ReducedRank(1, 6, 12).numbers == 6
    assert ReducedRank(40, 40, 100).numbers == MOST
    assert ReducedRank(3, 10, 0).numbers == 30
    assert ReducedRank(0, 0, 12).numbers == 0


def test_before_fit_it_reads_nan_and_another_shape_is_named(drawn):
    inputs, _ = batches_of(*drawn)[0]
    assert ReducedRank(3, 10, 2)(inputs).isnan().all()
    with pytest.raises(BadHead, match="2 pooled vectors of 10 numbers, the batch has 3 of 10"):
        ReducedRank(2, 10, 2)(inputs)


def test_without_a_row_that_has_responses_there_is_no_rank_to_fit(drawn):
    features, y = drawn
    with pytest.raises(BadHead, match="no row of the training set has both features and a future"):
        fitted(batches_of(features, torch.full_like(y, torch.nan)))
    assert ReducedRank(3, 10, 0).fit(batches_of(features, torch.full_like(y, torch.nan))) is None
