"""Golden hashes: a view that draws other bytes under the version that caches know is told, and what to do."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from roadcue.errors import BadInput
from roadcue.roadworld import weather
from roadcue.roadworld.golden import Golden, goldens, main

DRIVE, WALK = goldens()


@pytest.mark.parametrize("golden", [DRIVE, WALK], ids=["drive", "walk"])
def test_what_is_drawn_is_what_its_version_drew(golden: Golden) -> None:
    assert (complaint := golden.complaint()) is None, complaint


@pytest.mark.parametrize(
    ("golden", "colour", "version"),
    [
        (DRIVE, "roadcue.roadworld.ground._ASPHALT", "raise WORLD_VERSION in roadworld/spec.py"),
        (WALK, "roadcue.roadworld.sidewalk.street._KERB", "raise VIEW_VERSION in roadworld/sidewalk/spec.py"),
    ],
)
def test_one_changed_colour_asks_for_a_new_version(
    golden: Golden, colour: str, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(colour, (93, 94, 99))
    complaint = golden.complaint()
    assert complaint
    assert "picture of" in complaint
    assert f"{version} and run python -m roadcue.roadworld.golden" in complaint
    assert "labels of" not in complaint
    assert "states of" not in complaint


def test_the_size_of_the_rain_asks_for_a_new_version(monkeypatch: pytest.MonkeyPatch) -> None:
    rain = weather.WEATHERS["rain"]
    monkeypatch.setitem(weather.WEATHERS, "rain", replace(rain, falling=weather.Falling(1400, weather._streak)))
    weather.falling.cache_clear()
    assert "picture of drive" in (DRIVE.complaint() or "")
    weather.falling.cache_clear()


def test_another_driver_asks_for_a_new_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roadcue.roadworld.traffic._RESPONSE_S", 0.31)
    assert "states of drive" in (DRIVE.complaint() or "")


def test_a_raised_version_asks_for_new_hashes_once(tmp_path: Path) -> None:
    frames = {"picture": "1"}
    golden = Golden("a view", "VERSION in spec.py", "8", tmp_path / "golden.json", lambda: frames)
    golden.keep()
    assert json.loads(golden.file.read_text()) == {"version": "8", "frames": {"picture": "1"}}
    assert golden.complaint() is None
    frames["picture"] = "2"
    assert "draws other bytes than version 8 did (picture)" in (golden.complaint() or "")
    with pytest.raises(BadInput, match=r"VERSION in spec.py is still 8. Raise it"):
        golden.keep()
    raised = replace(golden, version="9")
    assert "holds the hashes of version 8" in (raised.complaint() or "")
    raised.keep()
    assert raised.complaint() is None


def test_the_command_leaves_hashes_that_hold(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = [golden.file.read_bytes() for golden in goldens()]
    monkeypatch.setattr("sys.argv", ["golden"])
    assert main() == 0
    assert [golden.file.read_bytes() for golden in goldens()] == before
    assert str(DRIVE.file) in capsys.readouterr().out
