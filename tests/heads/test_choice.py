"""Ranking paths and learning to."""

import math

import pytest
import torch

from roadcue.heads.waypoint.choice import choice_loss, ranked


def test_ranked_is_by_probability_and_equal_ones_keep_their_order():
    order, probabilities = ranked(torch.tensor([[0.0, math.log(3.0), 0.0], [1.0, 1.0, 1.0]]), 3)
    assert order.tolist() == [[1, 0, 2], [0, 1, 2]]
    assert probabilities.flatten().tolist() == pytest.approx([0.6, 0.2, 0.2, 1 / 3, 1 / 3, 1 / 3])


def test_the_probabilities_of_a_few_of_many_sum_to_one():
    order, probabilities = ranked(torch.tensor([[0.0, math.log(3.0), math.log(2.0)]]), 2)
    assert order.tolist() == [[1, 2]]
    assert probabilities[0].tolist() == pytest.approx([0.6, 0.4])


def test_the_choice_learns_towards_the_least_error_and_errors_do_not_learn():
    logits = torch.zeros(1, 3, requires_grad=True)
    error = torch.tensor([[5.0, 2.0, 9.0]], requires_grad=True)
    choice_loss(logits, error).sum().backward()
    assert logits.grad.tolist()[0] == pytest.approx([1 / 3, -2 / 3, 1 / 3])
    assert error.grad is None


def test_paths_that_are_equally_good_share():
    logits = torch.tensor([[2.0, 2.0, -30.0]])
    assert choice_loss(logits, torch.tensor([[1.0, 1.0, 8.0]])).item() == pytest.approx(math.log(2))
