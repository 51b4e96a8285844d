"""A run of two heads, of which one needs past states and the other none."""

import pytest
from fitted import fit

from roadcue.heads.cue.config import CueConfig
from roadcue.heads.waypoint.config import WaypointConfig


@pytest.fixture
def path_and_cue_run(drawn):
    heads = {"waypoint": WaypointConfig(hidden=16), "cue": CueConfig(hidden=16)}
    return fit(drawn(head="waypoint,cue", head_options=heads, epochs=1)).path
