"""What ratios are made of that are read from what runs have left: which figure, over which."""

import json

import heads_against_captions
import pytest
import unfreezing
from ood_candidates import OF_DETECTOR, OURS
from unlike_tables import auroc_ratio

from roadcue.evaluation.spoilt_pictures import CHOOSING, UNLIKE


def test_heads_are_measured_against_the_texts(tmp_path):
    def table(title, figure, **values):
        return {"title": title, "methods": {name: {figure: {"value": value}} for name, value in values.items()}}

    walks = table("Positions, balanced accuracy", "sidewalk", **{"field of heads": 0.5, "smol": 0.8})
    for name, value in {"field of heads": 0.9, "smol": 0.6}.items():
        walks["methods"][name]["road"] = {"value": value}
    drives = table("Paths at 1, 2, 3, 4 and 5 s", "ade", heads=2.0, one_frame=8.0, eight_frames=10.0)
    for part, answers in {"walks": walks, "drives": drives}.items():
        (tmp_path / part).mkdir()
        (tmp_path / part / "comparison.json").write_text(json.dumps({"answers": [answers]}))
    ratios = heads_against_captions._ratios({part: tmp_path / part for part in ("walks", "drives")})
    expected = {"sidewalk": 0.625, "road": 1.5, "path": 0.25, "path_of_clips": 0.2}
    assert ratios == pytest.approx({f"heads_against_captions_{name}": one for name, one in expected.items()})
    assert len(heads_against_captions._ratios({"drives": tmp_path / "drives"})) == 2


def test_an_adapter_is_measured_against_its_control(tmp_path):
    """Not against stage one, which has learnt for fewer steps; where the control has nothing there is no ratio."""
    values = {"stage one": 0.25, "control": 0.5, "lora.rank=8\nlora.last=1": 0.9, "lora.rank=8\nlora.last=all": 0.75}
    nothing, augmented = values | {"control": 0.0}, values | {"control": 0.1}
    figures = [
        {
            "figure": figure,
            "settings": settings,
            "lines": [{"name": name, "figure": {"value": value}} for name, value in lines.items()],
        }
        for figure, settings, lines in (
            ("ADE 5 s (m)", {}, values),
            ("far objects, macro F1", {}, nothing),
            ("ADE 5 s (m)", {"augment": "0.5"}, augmented),
        )
    ]
    (tmp_path / "waypoint").mkdir()
    (tmp_path / "waypoint" / "unfreezing.json").write_text(json.dumps({"figures": figures}))
    assert dict(unfreezing.over_control(tmp_path / "waypoint")) == {"unfreezing_waypoint_ade_5_s_m": 1.5}


def test_the_detector_is_measured_against_the_published_distance_that_one_would_choose():
    def areas(choosing, others):
        return dict.fromkeys(CHOOSING, choosing) | dict.fromkeys(UNLIKE, others)

    best, ratio = auroc_ratio(
        {
            "chosen": areas(0.8, 0.6),
            "better on the others": areas(0.7, 0.9),
            f"{OF_DETECTOR}cells": areas(1.0, 1.0),
            OURS: areas(0.9, 0.9),
        }
    )
    assert best == "chosen"
    assert ratio == pytest.approx(1.5)
