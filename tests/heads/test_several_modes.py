"""Several modes: who learns of a row, and that of two answers to one question both are learned."""

import math

import pytest
import torch

from roadcue.heads.registry import build_head
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.heads.waypoint.modes import SHARED, Modes, choice_loss, ranked

TIME = 0.25 * torch.arange(1, 21)


def test_both_answers_to_one_question_are_learned_with_how_often_they_are_right(make_batch):
    torch.manual_seed(0)
    inputs, _ = make_batch(40, missing=False)
    inputs = {name: values[:1].expand(40, *values.shape[1:]) for name, values in inputs.items()}
    left = torch.stack([8 * TIME, 0.3 * TIME**2], dim=1)
    right = left * torch.tensor([1, -1])
    targets = {"future": torch.where(torch.arange(40)[:, None, None] < 28, left, right)}
    head = build_head("waypoint", WaypointConfig("modes", hidden=16, dropout=0.0, residual="none", modes=2), 2, 5)
    head.fit([(inputs, targets)])
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 150)
    for _ in range(150):
        optimizer.zero_grad()
        head.loss(head(inputs), targets)["loss"].backward()
        optimizer.step()
        schedule.step()
    prediction = head(inputs)
    modes = prediction["modes"][0]
    assert (modes[0] - left).norm(dim=1).mean() < 0.3
    assert (modes[1] - right).norm(dim=1).mean() < 0.3
    assert prediction["mode_probabilities"][0].tolist() == pytest.approx([0.7, 0.3], abs=0.05)


def test_the_best_mode_learns_most_and_none_is_left_out():
    decoder = Modes(WaypointConfig("modes", hidden=4, modes=3), 0, 0, 0)
    errors = torch.tensor([[3.0, 1.0, 7.0]], requires_grad=True)
    logits = torch.tensor([[0.0, math.log(2.0), 0.0]])
    loss = decoder.loss({"modes": torch.empty(0), "mode_logits": logits}, lambda paths: errors)
    assert loss.item() == pytest.approx((1 - SHARED) * 1 + SHARED / 2 * (3 + 7) + math.log(2))
    loss.sum().backward()
    assert errors.grad.tolist()[0] == pytest.approx([SHARED / 2, 1 - SHARED, SHARED / 2])


def test_one_mode_is_plain_regression():
    decoder = Modes(WaypointConfig("modes", hidden=4, modes=1), 0, 0, 0)
    loss = decoder.loss({"modes": torch.empty(0), "mode_logits": torch.zeros(1, 1)}, lambda paths: torch.ones(1, 1))
    assert loss.item() == 1


def test_untrained_modes_differ(make_decoder_inputs):
    modes = Modes(WaypointConfig("modes", hidden=4, modes=4), 0, 0, 0)(make_decoder_inputs(2))["modes"]
    apart = (modes[:, :, None] - modes[:, None]).flatten(3).norm(dim=3)
    assert (apart[:, ~torch.eye(4, dtype=torch.bool)] > 0.1).all()


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
