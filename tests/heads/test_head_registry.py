"""Names to heads."""

import subprocess
import sys

import pytest

from roadcue.errors import BadHead
from roadcue.heads.head import Head
from roadcue.heads.registry import (
    HEADS,
    HeadEntry,
    baseline_classes,
    build_baselines,
    build_head,
    head_class,
    head_config,
)
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.training.config import TrainConfig


def test_every_name_leads_to_the_class_that_bears_it():
    assert list(HEADS) == ["waypoint", "field", "cue"]
    for name in HEADS:
        assert head_class(name).name == name
        assert head_class(name).config_class is head_config(name)
    assert {name: baseline.name for name, baseline in baseline_classes().items()} == {
        name: name
        for name in (
            *("ridge", "constant turn rate", "constant velocity", "stand still"),
            *("majority field", "list everything", "majority cue"),
        )
    }


def test_every_head_stands_beside_its_own_baselines():
    for name in HEADS:
        built = build_baselines(name, head_config(name)())
        assert {each: type(baseline) for each, baseline in built.items()} == {
            baseline.name: baseline for baseline in head_class(name).baselines
        }
        assert built
    cue = head_config("cue")(coverage=0.7)
    assert build_baselines("cue", cue)["majority cue"].config == cue


def test_an_unknown_head_is_met_with_the_nearest_one():
    with pytest.raises(BadHead, match=r"no head 'waypont'; did you mean waypoint\? There are waypoint, field, cue"):
        build_head("waypont", WaypointConfig(), 1, 4)
    with pytest.raises(BadHead, match=r"no head 'xyz'; there are"):
        build_baselines("xyz", WaypointConfig())


def test_a_config_of_another_head_is_refused():
    with pytest.raises(BadHead, match="takes a WaypointConfig"):
        build_head("waypoint", {"hidden": 3}, 1, 4)


def test_heads_and_baselines_are_not_mixed_up():
    with pytest.raises(BadHead, match="'ridge' is a baseline and has nothing to train"):
        build_head("ridge", WaypointConfig(), 1, 4)
    assert not baseline_classes().keys() & set(HEADS)


def test_importing_the_registry_and_the_configs_is_light():
    code = "import sys, roadcue.heads.waypoint.config; assert not {'torch', 'numpy'} & set(sys.modules), 'heavy'"
    subprocess.run([sys.executable, "-c", code], check=True)


class _Mine(Head):
    name = "mine"
    config_class = WaypointConfig


class _Bare(Head):
    name = "bare"


@pytest.mark.parametrize(
    ("name", "thing", "reason"),
    [
        ("mine", 5, "5 is no class"),
        ("mine", "roadcue.heads.head:Head", "is no class"),
        ("mine", WaypointConfig, "WaypointConfig is no head"),
        ("yours", _Mine, r"_Mine\.name is 'mine'; it must be 'yours'"),
        ("bare", _Bare, r"_Bare\.config_class is None; it must be the dataclass of its options"),
    ],
)
def test_what_is_no_head_is_refused_when_it_is_registered(monkeypatch, name, thing, reason):
    monkeypatch.setattr(HEADS, "_own", dict(HEADS._own))
    with pytest.raises(BadHead, match=f"^head '{name}': .*{reason}"):
        HEADS.register(name, thing)
    assert name not in HEADS
    HEADS.register("mine", _Mine)
    assert head_class("mine") is _Mine


def test_an_entry_that_leads_to_a_head_of_another_name(monkeypatch):
    monkeypatch.setattr(HEADS, "_own", dict(HEADS._own))
    HEADS.register("yours", HeadEntry("roadcue.heads.field.head:FieldHead", "roadcue.heads.field.config:FieldConfig"))
    with pytest.raises(BadHead, match=r"head 'yours': FieldHead\.name is 'field'"):
        head_class("yours")


def test_a_head_that_is_called_as_an_option_is(monkeypatch):
    """Its options would be lost among those of training: `--epochs.hidden`, and `--epochs`."""
    monkeypatch.setattr(HEADS, "_own", dict(HEADS._own))
    epochs = type("Epochs", (_Mine,), {"name": "epochs"})
    HEADS.register("epochs", epochs)
    with pytest.raises(BadHead, match="a head cannot be called epochs, which is an option's name"):
        TrainConfig.option_groups()
    monkeypatch.setattr(HEADS, "_own", {**HEADS._own, "caption": type("C", (_Mine,), {"name": "caption"})})
    with pytest.raises(BadHead, match="cannot be called caption, epochs"):
        TrainConfig.option_groups()
