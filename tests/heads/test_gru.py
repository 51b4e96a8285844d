"""The autoregressive decoder hears what it has said."""

import torch

from heads.config import WaypointConfig
from heads.gru import Gru


def test_each_step_is_told_the_point_before_it(make_situation):
    torch.manual_seed(0)
    decoder, heard = Gru(WaypointConfig("gru", hidden=8, dropout=0.0, residual="none"), 0, 0, 0), []
    decoder.cell.register_forward_pre_hook(lambda module, arguments: heard.append(arguments[0]))
    path = decoder(make_situation(3))["waypoints"]
    assert len(heard) == 20
    assert not heard[0].any()
    torch.testing.assert_close(torch.stack(heard[1:], dim=1), path[:, :-1])
