"""A run of two heads, of which one needs past states and the other none: trained once, and only read."""

import pytest
from drawn_configs import drawn_configs
from fitted import fit

from roadcue.heads.cue.config import CueConfig
from roadcue.heads.waypoint.config import WaypointConfig


@pytest.fixture(scope="session")
def path_and_cue_run(tmp_path_factory):
    heads = {"waypoint": WaypointConfig(hidden=16), "cue": CueConfig(hidden=16)}
    with pytest.MonkeyPatch.context() as monkeypatch:
        config = drawn_configs(monkeypatch, tmp_path_factory.mktemp("path_and_cue"))
        return fit(config(head="waypoint,cue", head_options=heads, epochs=1)).path
