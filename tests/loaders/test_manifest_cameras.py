from pathlib import Path

import pytest
from manifest_lines import a_line, write

from roadcue.errors import BadInput, BadRecord
from roadcue.loaders.manifest.dataset import open_manifest


def of_cameras(folder: Path, *lines: tuple[str, ...]) -> Path:
    """A manifest of lines with these cameras."""
    return write(
        folder,
        *(a_line(str(i), images=dict.fromkeys(cameras, "front/1.jpg")) for i, cameras in enumerate(lines)),
    )


@pytest.mark.parametrize(
    ("meant", "written"),
    [
        ("FRONT", "front"),
        ("FRONT", "FORNT"),
        ("FRONT", "FRNT"),
        ("FRONT_LEFT", "FRONT LEFT"),
        ("FRONT_LEFT", "frontleft"),
        ("FRONT_LEFT", "FRONT_LEF"),
        ("CAM_FRONT_RIGHT", "CAM_FRONT_RIHGT"),
    ],
)
def test_line_5_two_names_that_are_nearly_one_camera_are_asked_about(folder: Path, meant: str, written: str):
    manifest = of_cameras(folder, (meant, "REAR"), (meant, "REAR"), ("REAR", written), (written,))
    for policy in ("raise", "skip"):
        with pytest.raises(BadInput) as asked:
            open_manifest(folder, "all", on_bad_record=policy)
        sentence = (
            f"{manifest} line 3: images names a camera '{written}', and {manifest} line 1 one '{meant}'; did you"
        )
        assert str(asked.value).startswith(sentence)


@pytest.mark.parametrize(
    "lines",
    [
        [("FRONT_LEFT",), ("FRONT_RIGHT",), ("SIDE_LEFT",), ("SIDE_RIGHT",), ("FRONT",), ("REAR",), ("REAR_LEFT",)],
        [("cam1",), ("cam2",), ("cam10",)],
        [("CAMERA_A",), ("CAMERA_B",)],
        [("image_00", "image_01"), ("image_02", "image_03")],
        [("stereo_front_left",), ("stereo_front_right",), ("ring_front_left",), ("ring_rear_left",)],
        [("CHEST", "CHEAT")],
        [("+",), ("-",), ("前",), ("后",)],
    ],
)
def test_line_5_names_of_two_cameras_are_not_asked_about(folder: Path, lines: list[tuple[str, ...]]):
    of_cameras(folder, *lines)
    assert open_manifest(folder, "all").cameras == tuple(camera for line in lines for camera in line)


ACCENT, COMBINED = "ARRI\u00c8RE", "ARRIE\u0300RE"


def test_line_5_a_name_whose_accent_is_written_in_two_ways_is_asked_about_by_its_letters(folder: Path):
    manifest = of_cameras(folder, (ACCENT,), (COMBINED,))
    with pytest.raises(BadInput) as asked:
        open_manifest(folder, "all")
    assert str(asked.value).startswith(
        f"{manifest} line 2: images names a camera 'ARRIE\\u0300RE', and {manifest} line 1 one 'ARRI\\xc8RE'; did"
    )


def test_an_id_whose_accent_is_written_in_two_ways_is_one(folder: Path):
    write(folder, a_line(ACCENT), a_line(COMBINED))
    with pytest.raises(BadRecord, match=r"line 2: id '.*' is already that of .*line 1; give every sample its own"):
        open_manifest(folder, "all")


def test_two_names_that_only_an_accent_tells_apart_are_not_one_where_both_are_in_a_line(folder: Path):
    of_cameras(folder, ("FOR\u00caT", "FORET"))
    assert open_manifest(folder, "all").cameras == ("FOR\u00caT", "FORET")
