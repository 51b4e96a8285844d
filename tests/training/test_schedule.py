import math

import pytest
import torch
from torch.optim import SGD

from roadcue.training.schedule import learning_rate


def rates(steps, until, lr=(0.5,)):
    optimizer = SGD([{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in lr])
    schedule = learning_rate(optimizer, "constant", steps=100, warm_up=steps)
    seen = []
    for _ in range(until):
        seen.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    return seen


def test_the_rate_rises_evenly_and_stays():
    assert rates(4, 7) == [[0.125], [0.25], [0.375], [0.5], [0.5], [0.5], [0.5]]


def test_every_part_keeps_its_own_rate():
    assert rates(2, 3, lr=(1.0, 0.25)) == [[0.5, 0.125], [1.0, 0.25], [1.0, 0.25]]


def test_without_warm_up_it_is_constant():
    assert rates(0, 3) == rates(1, 3) == [[0.5]] * 3


def test_it_goes_on_from_a_checkpoint():
    optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = learning_rate(optimizer, "constant", steps=100, warm_up=10)
    for _ in range(3):
        optimizer.step()
        schedule.step()
    again = SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    resumed = learning_rate(again, "constant", steps=100, warm_up=10)
    again.load_state_dict(optimizer.state_dict())
    resumed.load_state_dict(schedule.state_dict())
    assert again.param_groups[0]["lr"] == pytest.approx(0.4)
    again.step()
    resumed.step()
    assert again.param_groups[0]["lr"] == pytest.approx(0.5)


def test_a_negative_number_of_steps_is_refused():
    with pytest.raises(ValueError, match="-1 steps of warm-up"):
        rates(-1, 1)


@pytest.mark.parametrize("warm_up", [0, 4])
def test_a_cosine_falls_from_the_peak_to_nothing(warm_up):
    """Half a period of (1 + cos) / 2 over the steps that the warm-up leaves."""
    optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    schedule = learning_rate(optimizer, "cosine", steps=20, warm_up=warm_up)
    seen = []
    for _ in range(20):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    left = 20 - warm_up
    cosine = [1 + math.cos(math.pi * step / left) for step in range(left)]
    assert seen == pytest.approx([2.0 * (step + 1) / 4 for step in range(warm_up)] + cosine)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0, abs=1e-9)
