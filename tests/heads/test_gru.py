"""The autoregressive decoder is given its own last point."""

import pytest
import torch

from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.heads.waypoint.gru import Gru
from roadcue.heads.waypoint.head import DECODERS
from roadcue.registry import resolve


def test_each_step_is_given_the_point_before_it(make_decoder_inputs):
    torch.manual_seed(0)
    decoder, heard = Gru(WaypointConfig("gru", hidden=8, dropout=0.0, residual="none"), 0, 0, 0), []
    decoder.cell.register_forward_pre_hook(lambda module, arguments: heard.append(arguments[0]))
    path = decoder(make_decoder_inputs(3))["waypoints"]
    assert len(heard) == 20
    assert not heard[0].any()
    torch.testing.assert_close(torch.stack(heard[1:], dim=1), path[:, :-1])


@pytest.mark.parametrize(("kind", "hidden", "units"), [("gru", None, 64), ("mlp", None, 512), ("gru", 512, 512)])
def test_layers_that_run_for_every_waypoint_are_narrower_unless_told_otherwise(kind, hidden, units):
    decoder = resolve(DECODERS[kind])(WaypointConfig(kind, hidden=hidden), 0, 0, 0)
    assert {parameter.shape[0] for parameter in decoder.parameters()} & {64, 512} == {units}
