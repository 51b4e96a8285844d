"""Anchors, and k-means that finds them."""

import pytest
import torch

from roadcue.errors import BadHead
from roadcue.heads.registry import build_head
from roadcue.heads.waypoint import vocabulary
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.heads.waypoint.kmeans import ROWS_PER_CENTRE, kmeans
from roadcue.heads.waypoint.vocabulary import Vocabulary

CONFIG = WaypointConfig("vocabulary", hidden=8, anchors=20, residual="constant_velocity")


def blobs(count=8, rows=90):
    """Tight heaps of rows, shuffled, and where they are."""
    random = torch.Generator().manual_seed(0)
    centres = 20 * torch.randn(count, 6, generator=random)
    drawn = (centres[:, None] + 0.01 * torch.randn(count, rows, 6, generator=random)).flatten(0, 1)
    return drawn[torch.randperm(len(drawn), generator=random)], centres


def test_every_heap_gets_its_centre_however_the_rows_come():
    rows, centres = blobs()
    for size in (len(rows), 7, 1):
        means = kmeans(rows.split(size), 8)
        assert (torch.cdist(centres, means).min(dim=1).values < 0.02).all()
        assert (torch.cdist(means, centres).min(dim=1).values < 0.02).all()


def test_centres_are_the_same_again_and_no_other_draw_is_disturbed():
    rows, _ = blobs()
    torch.manual_seed(1)
    first, drawn = kmeans([rows], 30), torch.rand(3)
    torch.manual_seed(1)
    assert torch.equal(drawn, torch.rand(3))
    torch.manual_seed(2)
    assert torch.equal(first, kmeans([rows], 30))


def test_more_rows_than_are_kept_are_sampled_from_all_of_the_data():
    rows = torch.arange(100.0 * 2 * ROWS_PER_CENTRE)[:, None]
    low, high = sorted(kmeans(rows.split(50), 2)[:, 0].tolist())
    assert low == pytest.approx(len(rows) / 4, rel=0.25)
    assert high == pytest.approx(3 * len(rows) / 4, rel=0.25)


def test_fewer_rows_than_centres_are_all_centres():
    means = kmeans([torch.tensor([[1.0, 2], [3, 4]])], 5)
    assert means.shape == (5, 2)
    assert {tuple(row) for row in means.tolist()} == {(1.0, 2.0), (3.0, 4.0)}
    assert kmeans([torch.empty(0, 2)], 5) is None


def test_anchors_cover_what_the_base_path_gets_wrong(batches):
    head = build_head("waypoint", CONFIG, 2, 5)
    head.fit(batches)
    wrong = torch.cat(list(head._corrections(batches))).flatten(1)
    anchors = head.decoder.anchors.flatten(1)
    assert len(anchors.unique(dim=0)) == 20
    near = torch.cdist(wrong, anchors).min(dim=1).values
    drawn = torch.cdist(wrong, wrong[:20]).min(dim=1).values[20:]
    assert near.mean() < 0.95 * drawn.mean()  # noise in 40 directions, so not much nearer
    assert (anchors.norm(dim=1).diff() >= 0).all()


def test_no_path_is_said():
    with pytest.raises(BadHead, match="no paths to find anchors among"):
        Vocabulary(CONFIG, 0, 0, 0).fit([torch.empty(0, 20, 2)])


def test_the_loss_is_over_all_anchors_some_at_a_time(batches, monkeypatch):
    head = build_head("waypoint", CONFIG, 2, 5)
    head.fit(batches)
    torch.nn.init.normal_(head.decoder.scorer[-1].weight)
    inputs, targets = batches[2]
    head.eval()
    whole = head.loss(head(inputs), targets)["loss"]
    monkeypatch.setattr(vocabulary, "_AT_ONCE", 3)
    torch.testing.assert_close(head.loss(head(inputs), targets)["loss"], whole)
    known = ~targets["future"].isnan().any(2).any(1)
    paths = head._base_path(inputs)[:, None] + head.decoder.anchors
    error = (paths - targets["future"][:, None]).norm(dim=3).mean(dim=2)[known]
    right = torch.softmax(-error / 0.1, dim=1)
    log_probability = head(inputs)["anchor_logits"].log_softmax(dim=1)[known]
    torch.testing.assert_close(whole, -(right * log_probability).sum(dim=1).mean())
