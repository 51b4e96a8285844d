"""Names to heads."""

import subprocess
import sys

import pytest

from roadcue.errors import BadHead
from roadcue.heads.registry import BASELINES, CONSTANTS, HEADS, build_baseline, build_head, find_head
from roadcue.heads.waypoint.config import WaypointConfig


def test_every_name_leads_to_the_class_that_bears_it():
    for name, entry in {**HEADS, **BASELINES, **CONSTANTS}.items():
        head, config = find_head(name)
        assert head.name == name
        assert config is entry.config


def test_an_unknown_head_is_met_with_the_nearest_one():
    with pytest.raises(
        BadHead, match=r"no head 'waypont', did you mean 'waypoint'\? Heads: waypoint, field, cue\. Baselines: ridge"
    ):
        build_head("waypont", WaypointConfig(), 1, 4)
    with pytest.raises(BadHead, match=r"no head 'xyz'\. Heads"):
        build_baseline("xyz")


def test_a_config_of_another_head_is_refused():
    with pytest.raises(BadHead, match="takes a WaypointConfig"):
        build_head("waypoint", {"hidden": 3}, 1, 4)


def test_heads_and_baselines_are_not_mixed_up():
    with pytest.raises(BadHead, match="build_baseline"):
        build_head("ridge", WaypointConfig(), 1, 4)
    with pytest.raises(BadHead, match="build_head"):
        build_baseline("waypoint")


def test_importing_the_registry_and_the_configs_is_light():
    code = "import sys, roadcue.heads.waypoint.config; assert not {'torch', 'numpy'} & set(sys.modules), 'heavy'"
    subprocess.run([sys.executable, "-c", code], check=True)
