from pathlib import Path

import pytest
from manifest_lines import a_line, write

from roadcue.errors import BadInput
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
