"""The contact sheet: its rows have pictures in them, and its command writes it or says why not."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from roadcue.loaders import picture_file
from roadcue.loaders.waymo_e2e.clusters import Cluster
from roadcue.roadworld import RoadWorldSpec, contact_sheet
from roadcue.roadworld.road_ahead import road_ahead
from roadcue.roadworld.semantic_class import SemanticClass


def test_the_contact_sheet_shows_clusters_cameras_and_sidewalks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact_sheet, "_ROWS", 1)
    monkeypatch.setattr(contact_sheet, "_CHOICES", 1)
    sheet = contact_sheet.contact_sheet(RoadWorldSpec(stride=100))
    rows = [188, 188, 180, 180]
    assert sheet.shape == (sum(rows), 960, 3)
    assert all(row.std() > 12 for row in np.split(sheet, np.cumsum(rows)[:-1]))


def test_the_command_writes_or_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(contact_sheet, "contact_sheet", lambda spec: np.full((40, 30, 3), spec.seed, np.uint8))

    def command(file: Path, seed: int) -> int:
        monkeypatch.setattr("sys.argv", ["contact_sheet", "--out", str(file), "--seed", str(seed)])
        return contact_sheet.main()

    assert command(tmp_path / "sheet.jpg", 90) == 0
    assert np.abs(picture_file.decode((tmp_path / "sheet.jpg").read_bytes(), "sheet").astype(int) - 90).max() < 3
    assert command(tmp_path / "nowhere" / "sheet.jpg", 0) == 2
    assert "cannot be written (No such file or directory). Name another file" in capsys.readouterr().err
    assert command(tmp_path / "sheet.jpg", -1) == 2
    assert "seed -1 is negative" in capsys.readouterr().err


def test_construction_and_debris_are_shown_where_they_lie_ahead() -> None:
    spec = RoadWorldSpec(stride=20)
    for cluster, field in ((Cluster.CONSTRUCTION, "works_m"), (Cluster.DEBRIS, "debris_m")):
        painter, frame = contact_sheet._choose(spec, cluster, 0, Counter())
        there = getattr(road_ahead(painter.drive, frame), field)
        assert there is not None
        assert 4 < there < 40
        assert (painter.paint_classes(frame, "FRONT", 1.0) == SemanticClass.OBSTACLE).any()
