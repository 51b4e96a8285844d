"""Rows that a head cannot learn from, for want of its labels: said at the head of a run, and kept in run.json."""

import json

from drawn import DrawnDataset
from fitted import fit

from roadcue.heads.field.config import FieldConfig
from roadcue.heads.waypoint.config import WaypointConfig

SMALL = {"waypoint": WaypointConfig(hidden=16), "field": FieldConfig(hidden=16)}


def test_how_many_rows_each_head_leaves_out_is_said_before_the_training_and_kept(drawn, capsys):
    drawn.splits["train"] = DrawnDataset("train", no_future=range(10))
    config = drawn(head="waypoint,field", head_options=SMALL, encoder="none", epochs=1)
    run = fit(config)
    said = capsys.readouterr().out
    without = "rows without those of a head, which it does not learn from: "
    train = f"labels of train: {without}waypoint 10, field 19 of 96\n"
    val = f"labels of val: {without}field 9 of 48\n"
    assert f"\n{train}" in said
    assert f"\n{val}" in said
    assert said.index("run folder: ") < said.index(train) < said.index(val) < said.index("epoch 1/1")
    facts = json.loads(run.facts.read_text())
    assert facts["not_learnt"] == {"train": {"waypoint": 10, "field": 19}, "val": {"waypoint": 0, "field": 9}}


def test_where_every_row_has_its_labels_nothing_is_said(drawn, capsys):
    run = fit(drawn(head_options={"waypoint": SMALL["waypoint"]}, encoder="none", epochs=1))
    assert "labels of" not in capsys.readouterr().out
    none = {"waypoint": 0}
    assert json.loads(run.facts.read_text())["not_learnt"] == {"train": none, "val": none}
