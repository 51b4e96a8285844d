"""What can be chosen of the cameras: other folders, sentences about what cannot be drawn, manifests, commands."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path

import pytest

from roadcue.errors import BadInput
from roadcue.roadworld import dataset
from roadcue.roadworld.checksums import write_checksums
from roadcue.roadworld.sidewalk.spec import VIEW_VERSION, SidewalkSpec
from roadcue.roadworld.sidewalk.write import check_sidewalk
from roadcue.roadworld.spec import WORLD_VERSION, RoadWorldSpec, folder_name
from roadcue.roadworld.write import check_roadworld


def test_a_folder_is_named_after_its_version() -> None:
    """Nothing that an older world drew into the cache is taken for this one."""
    assert RoadWorldSpec().key.startswith(f"v{WORLD_VERSION}-")
    assert SidewalkSpec().key.startswith(f"v{VIEW_VERSION}-")
    assert folder_name("3", dataset.DEFAULT) != folder_name("4", dataset.DEFAULT)


@pytest.mark.parametrize("spec", [RoadWorldSpec(), SidewalkSpec()], ids=["drive", "walk"])
def test_another_camera_is_another_folder(spec: RoadWorldSpec | SidewalkSpec) -> None:
    moved = ({"field_of_view": 60.0}, {"camera_height": 1.5}, {"roll": 1.0}, {"exposure": 0.9})
    assert len({spec.key, *(replace(spec, **each).key for each in moved)}) == 5


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            {"field_of_view": 200.0},
            "a field of view of 200.0 degrees cannot be drawn. Choose 20 to 120 degrees for --field_of_view.",
        ),
        ({"field_of_view": 19.0}, "20 to 120 degrees"),
        ({"camera_height": 0.0}, "a camera height of 0.0 m cannot be drawn. Choose 0.5 to"),
        ({"camera_height": 30.0}, "a camera height of 30.0 m"),
        ({"roll": 30.1}, "a roll of 30.1 degrees cannot be drawn. Choose -30 to 30 degrees"),
        ({"roll": -31.0}, "-30 to 30 degrees"),
        ({"exposure": 0.0}, "an exposure of 0.0 cannot be drawn. Choose 0.1 to 10 for --exposure."),
        *(({name: float("nan")}, "of nan") for name in ("field_of_view", "camera_height", "roll", "exposure")),
    ],
)
def test_a_camera_that_cannot_be_drawn_is_a_sentence(wrong: dict[str, float], sentence: str) -> None:
    for spec, view in ((RoadWorldSpec, "RoadWorld: "), (SidewalkSpec, "sidewalk view: ")):
        with pytest.raises(BadInput, match=rf"^{view}.*{sentence.replace('.', '[.]')}"):
            spec(**wrong)  # type: ignore[arg-type]


def test_a_walker_holds_no_camera_above_what_labels_know() -> None:
    assert RoadWorldSpec(camera_height=4).camera_height == 4
    with pytest.raises(BadInput, match=r"sidewalk view: a camera height of 2.1 m .* 0.5 to 2 m"):
        SidewalkSpec(camera_height=2.1)


@pytest.mark.parametrize(
    ("spec", "check"), [(RoadWorldSpec(seed=3), check_roadworld), (SidewalkSpec(seed=3), check_sidewalk)]
)
def test_a_manifest_from_before_cameras_could_be_moved_is_read(
    spec: RoadWorldSpec | SidewalkSpec, check: Callable[[Path], object], tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"content")
    camera_fields = ("field_of_view", "camera_height", "roll", "exposure")
    before = {name: value for name, value in asdict(spec).items() if name not in camera_fields}
    write_checksums(tmp_path, [tmp_path / "file"], WORLD_VERSION, before)
    assert check(tmp_path) == spec


@pytest.mark.parametrize("module", ["roadworld", "roadworld.sidewalk"])
def test_the_commands_draw_with_the_camera_that_is_asked_for(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main = import_module(f"roadcue.{module}.__main__").main
    amount = ["--train", "1", "--val", "0", "--workers", "1"]
    amount += ["--seconds", "0.1", "--cameras", "FRONT"] if module == "roadworld" else []
    moved = ["--field_of_view", "60", "--camera_height", "1.4", "--roll", "5", "--exposure", "0.8"]
    command = ["anything", "--out", str(tmp_path / "made"), *amount]
    monkeypatch.setattr("sys.argv", [*command, "--roll", "nan"])
    assert main() == 2
    assert "a roll of nan degrees cannot be drawn" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", [*command, *moved])
    assert main() == 0
    spec = json.loads((tmp_path / "made" / "manifest.json").read_text())["spec"]
    assert [spec[name] for name in ("field_of_view", "camera_height", "roll", "exposure")] == [60, 1.4, 5, 0.8]
