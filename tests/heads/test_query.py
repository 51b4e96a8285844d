"""The query decoder sees what is where."""

from dataclasses import replace

import pytest
import torch

from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.heads.waypoint.query import Query

CONFIG = WaypointConfig("query", hidden=16, dropout=0.0, residual="none")


@pytest.mark.parametrize("queries", ["waypoint", "scene"])
def test_it_sees_where_a_token_is_by_its_learnt_place(queries, make_decoder_inputs):
    torch.manual_seed(0)
    decoder = Query(replace(CONFIG, queries=queries), 3, 5, 15)
    inputs = make_decoder_inputs(4, context=15)
    swapped = inputs.context.unflatten(1, (3, 5))[:, [2, 0, 1]].flatten(1)
    seen, other = (decoder(replace(inputs, context=context))["waypoints"] for context in (inputs.context, swapped))
    assert seen.shape == (4, 20, 2)
    assert (seen - other).abs().max() > 1e-2
    torch.nn.init.zeros_(decoder.place)
    blurred, same = (decoder(replace(inputs, context=context))["waypoints"] for context in (inputs.context, swapped))
    torch.testing.assert_close(blurred, same, rtol=1e-4, atol=1e-5)


def test_every_waypoint_has_its_query_or_the_scene_has_one():
    assert Query(CONFIG, 3, 5, 15).queries.shape == (20, 16)
    assert Query(replace(CONFIG, queries="scene"), 3, 5, 15).queries.shape == (1, 16)


def test_any_number_of_units_will_do(make_decoder_inputs):
    decoder = Query(replace(CONFIG, hidden=15), 3, 5, 15)
    assert decoder(make_decoder_inputs(2, context=15))["waypoints"].isfinite().all()


def test_its_layers_do_not_begin_alike():
    first, second = Query(CONFIG, 3, 5, 15).layers
    assert not torch.equal(first.linear1.weight, second.linear1.weight)
