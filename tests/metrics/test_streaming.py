"""The training loop's metric says what the table says, on however many ranks."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from roadcue.metrics.classification import balanced_accuracy
from roadcue.metrics.displacement import LABELS, displacement, per_frame
from roadcue.metrics.streaming import AccuracyMetric, ClassificationMetric, DisplacementMetric


def frames(n=30):
    random = torch.Generator().manual_seed(0)
    logged = torch.randn(n, 20, 2, generator=random)
    logged[::7] = torch.nan
    return torch.randn(n, 20, 2, generator=random), logged


def test_equals_the_formulas_in_batches_of_any_size():
    predicted, logged = frames()
    metric = DisplacementMetric()
    for start, end in ((0, 1), (1, 11), (11, 30)):
        metric.update(predicted[start:end], logged[start:end])
    known = ~logged.isnan().any(2).any(1)
    expected = per_frame(displacement(predicted[known].numpy(), logged[known].numpy()))
    scores = metric.compute()
    assert list(scores) == list(LABELS)
    assert {key: float(value) for key, value in scores.items()} == pytest.approx(
        {key: values.mean() for key, values in expected.items()}, rel=1e-5
    )


def test_bfloat16_and_a_graph_are_welcome_and_left_alone():
    predicted, logged = frames()
    predicted = predicted.bfloat16().requires_grad_()
    metric = DisplacementMetric()
    metric.update(predicted, logged)
    assert torch.isfinite(metric.compute()["ade_5s"])
    assert predicted.grad is None


def test_without_a_log_there_is_no_figure_and_a_nan_prediction_is_an_error():
    metric = DisplacementMetric()
    metric.update(torch.full((2, 20, 2), torch.nan), torch.full((2, 20, 2), torch.nan))
    assert metric.compute()["ade_5s"].isnan()
    with pytest.raises(ValueError, match="1 of 2 predicted paths"):
        metric.update(torch.stack([torch.full((20, 2), torch.nan), torch.zeros(20, 2)]), torch.zeros(2, 20, 2))


def test_reset_forgets():
    predicted, logged = frames()
    metric = DisplacementMetric()
    metric.update(predicted + 5, logged)
    metric.reset()
    metric.update(logged[1:7], logged[1:7])
    assert metric.compute()["ade_5s"] == 0


def test_two_uneven_ranks_agree_with_one():
    predicted, logged = frames()
    alone, first, second = DisplacementMetric(), DisplacementMetric(), DisplacementMetric()
    alone.update(predicted, logged)
    first.update(predicted[:4], logged[:4])
    second.update(predicted[4:], logged[4:])

    # What torch.distributed would gather from the two ranks, state by state, in the order they were declared.
    gathered = iter([[getattr(first, state), getattr(second, state)] for state in ("sums", "frames")])
    first.dist_sync_fn = lambda tensor, group: next(gathered)
    first.distributed_available_fn = lambda: True
    everything = first.compute()
    assert {metric: float(value) for metric, value in everything.items()} == pytest.approx(
        {metric: float(value) for metric, value in alone.compute().items()}, rel=1e-6
    )
    assert first.frames < alone.frames  # synchronised for the figure only, not counted twice later


RANK = """
import sys
import torch
from roadcue.metrics.classification import balanced_accuracy
from roadcue.metrics.streaming import AccuracyMetric, ClassificationMetric, DisplacementMetric
rank, meeting = int(sys.argv[1]), sys.argv[2]
torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
random = torch.Generator().manual_seed(0)
logged, predicted = torch.randn(2, 30, 20, 2, generator=random)
mine = slice(0, 4) if rank == 0 else slice(4, 30)
metric = DisplacementMetric()
metric.update(predicted[mine], logged[mine])
print(f"{float(metric.compute()['ade_5s']):.6f}")
"""


def test_two_processes_that_really_talk_agree_with_one(tmp_path):
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", RANK, str(rank), str(tmp_path / "meeting")],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
        )
        for rank in (0, 1)
    ]
    printed = [process.communicate(timeout=120)[0].strip() for process in ranks]
    random = torch.Generator().manual_seed(0)
    logged, predicted = torch.randn(2, 30, 20, 2, generator=random)
    alone = DisplacementMetric()
    alone.update(predicted, logged)
    assert printed == [f"{float(alone.compute()['ade_5s']):.6f}"] * 2


def test_classes_are_scored_as_the_table_scores_them_in_batches_of_any_size():
    random = torch.Generator().manual_seed(0)
    truth = torch.randint(-1, 3, (60, 2), generator=random)  # the fourth class never comes
    predicted = torch.randint(0, 4, (60, 2), generator=random)
    metric = ClassificationMetric(fields=2, classes=4)
    for rows in (slice(0, 1), slice(1, 40), slice(40, 60)):
        metric.update(predicted[rows], truth[rows])
    columns = [
        (predicted[:, field][known].numpy(), truth[:, field][known].numpy())
        for field, known in enumerate(truth.T >= 0)
    ]
    scores = metric.compute()
    assert float(scores["accuracy"]) == pytest.approx(np.mean([(one == two).mean() for one, two in columns]))
    balanced = [balanced_accuracy(one.astype(str), two.astype(str)) for one, two in columns]
    assert float(scores["balanced_accuracy"]) == pytest.approx(np.mean(balanced))


def test_without_a_truth_there_is_no_accuracy():
    metric = ClassificationMetric(fields=1, classes=3)
    metric.update(torch.zeros(4, 1, dtype=torch.int64), torch.full((4, 1), -1))
    assert metric.compute()["accuracy"].isnan()


def test_each_field_has_its_own_accuracy_over_the_rows_with_a_truth():
    metric = AccuracyMetric(("cue", "pace"), 3)
    metric.update(torch.tensor([[0, 1], [1, 1]]), torch.tensor([[0, 2], [-1, 1]]))
    metric.update(torch.tensor([[2, 0]]), torch.tensor([[1, 0]]))
    assert {name: float(share) for name, share in metric.compute().items()} == {
        "cue_accuracy": pytest.approx(1 / 2),
        "pace_accuracy": pytest.approx(2 / 3),
    }
