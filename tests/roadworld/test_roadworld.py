"""RoadWorld's files: whole, the same on every machine, and read back by the loader of the real set."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadcue.errors import BadInput
from roadcue.loaders import jpeg, picture_file
from roadcue.loaders.tfrecord import read_records
from roadcue.loaders.waymo_e2e import open_waymo_e2e
from roadcue.loaders.waymo_e2e.clusters import CLUSTER_FILE, Cluster
from roadcue.loaders.waymo_e2e.schema_pb2 import E2EDFrame
from roadcue.roadworld.camera import camera
from roadcue.roadworld.checksums import CHECKSUMS_FILE
from roadcue.roadworld.dataset import open_roadworld
from roadcue.roadworld.drawing import drawn_once
from roadcue.roadworld.drive import cluster_of, drive, streams_of
from roadcue.roadworld.render import Painter
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.write import check_roadworld, draw_sequence, write_roadworld

SMALL = RoadWorldSpec(train_sequences=2, val_sequences=1, seconds=0.3, stride=1, width=160, height=178)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("roadworld") / "small"
    write_roadworld(SMALL, path, workers=1)
    return path


def test_what_is_written_is_read_back(folder: Path) -> None:
    for split in ("train", "val"):
        dataset = open_roadworld(folder, split)
        assert dataset.name == "roadworld"
        assert "drawn pictures, not photographs" in dataset.description
        assert set(dataset.cameras) == set(SMALL.cameras)
        assert len(dataset) == 3 * len(SMALL.numbers(split))
        states = dataset.states
        for number in SMALL.numbers(split):
            driven = drive(SMALL, number)
            cameras = {name: camera(SMALL, name) for name in SMALL.cameras}
            painter = Painter(driven, cameras)
            for position, index in enumerate(SMALL.frames):
                (row,) = np.flatnonzero(states.id == f"{driven.sequence}-{index:03d}")
                assert np.array_equal(states.past[row], driven.past(position))
                assert np.array_equal(states.future[row], driven.future(position))
                assert states.intent[row] == driven.intent(position)
                assert (states.sequence[row], states.frame[row]) == (driven.sequence, index)
                for name, drawn_with in cameras.items():
                    picture = picture_file.decode(dataset.image(row, name) or b"", "test").astype(int)
                    assert np.abs(picture - painter.paint(position, name)).mean() < 8
                    calibration = dataset.calibration(row, name)
                    assert calibration is not None
                    assert np.array_equal(calibration.intrinsic, drawn_with.intrinsic)
                    assert np.array_equal(calibration.extrinsic, drawn_with.extrinsic)
                    assert (calibration.width, calibration.height) == (160, 178)


def test_twenty_seconds_are_read_back_densely_with_one_rated_frame(tmp_path: Path) -> None:
    spec = RoadWorldSpec(0, 1, stride=1, width=32, height=36, cameras=("FRONT",))
    write_roadworld(spec, tmp_path / "dense", workers=1)
    dataset = open_roadworld(tmp_path / "dense", "val")
    states = dataset.states
    assert sorted(states.frame) == list(range(200))
    assert len(set(states.sequence)) == 1
    in_time = np.argsort(states.frame)
    later, earlier = states.past[in_time[5:]], states.future[in_time[:-5]]  # half a second: two states
    moved = np.hypot(*(later[:, -1, :2] - later[:, -3, :2]).T)
    assert moved == pytest.approx(np.hypot(*earlier[:, 1].T), abs=0.03)
    rated = [row for row in range(len(dataset)) if dataset.targets(row).preferences]
    assert states.frame[rated].tolist() == [150]
    preferences = dataset.targets(rated[0]).preferences
    assert len(preferences) == 3
    assert all(each.xy.shape == (21, 2) and 0 <= each.score <= 10 for each in preferences)


def test_only_validation_frames_carry_preferences_and_all_but_one_are_placeholders(folder: Path) -> None:
    for shard in sorted(folder.glob("*.tfrecord*")):
        frames = [E2EDFrame.FromString(record.payload) for record in read_records(shard)]
        scores = [[each.preference_score for each in frame.preference_trajectories] for frame in frames]
        if shard.name.startswith("training"):
            assert scores == [[]] * 6
        else:
            assert sorted(len(each) for each in scores) == [3, 3, 3]
            assert sum(each == [-1, -1, -1] for each in scores) == 2


def test_the_cluster_file_names_every_validation_sequence_as_the_real_one_does(folder: Path) -> None:
    clusters = json.loads((folder / CLUSTER_FILE).read_text())
    assert set(clusters) == set(open_roadworld(folder, "val").states.sequence)
    assert all(Cluster(value["scenario_cluster"]) for value in clusters.values())
    assert CLUSTER_FILE in json.loads((folder / CHECKSUMS_FILE).read_text())["files"]


def test_splits_share_no_sequence_and_are_shuffled(folder: Path) -> None:
    train, val = (set(open_waymo_e2e(folder, split).states.sequence) for split in ("train", "val"))
    assert len(train) == 2
    assert len(val) == 1
    assert not train & val
    assert set(open_roadworld(folder, "all").states.sequence) == train | val
    (shard,) = folder.glob("training*")
    in_file = [E2EDFrame.FromString(record.payload).frame.context.name for record in read_records(shard)]
    assert in_file != sorted(in_file)
    assert len({name.split("-")[0] for name in in_file[:3]}) == 2, "frames of both sequences, in no order of time"
    assert all(len(name) == 32 and set(name) <= set("0123456789abcdef") for name in train | val)


def test_pictures_are_encoded_in_the_quality_of_the_spec(folder: Path) -> None:
    dataset = open_roadworld(folder, "val")
    driven = drive(SMALL, 1_000_000)
    cameras = {"FRONT": camera(SMALL, "FRONT")}
    painter = Painter(driven, cameras)
    (row,) = np.flatnonzero(dataset.states.frame == 1)
    assert dataset.image(row, "FRONT") == jpeg.encode(painter.paint(1, "FRONT"), SMALL.jpeg_quality)


def test_another_seed_is_another_world() -> None:
    worlds = [dataclasses.replace(SMALL, seed=seed) for seed in (0, 1)]
    clusters = [[cluster_of(spec, number) for number in range(30)] for spec in worlds]
    assert clusters[0] != clusters[1]
    # Two sequences of one cluster, so that nothing but the seed makes the streets and the light differ.
    number = next(n for n in range(30) if clusters[0][n] == clusters[1][n])
    assert drive(worlds[0], number).past(0).tolist() != drive(worlds[1], number).past(0).tolist()
    same = drive(worlds[0], number)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "roadcue.roadworld.write.drive",
            lambda spec, number: dataclasses.replace(same, streams=streams_of(spec, number, 0)),
        )
        pictures = [E2EDFrame.FromString(next(draw_sequence(spec, number))).frame.images[0].image for spec in worlds]
    assert pictures[0] != pictures[1]


def test_the_same_spec_gives_the_same_bytes_with_any_number_of_processes(folder: Path, tmp_path: Path) -> None:
    write_roadworld(SMALL, tmp_path / "again", workers=2)
    assert (tmp_path / "again" / CHECKSUMS_FILE).read_bytes() == (folder / CHECKSUMS_FILE).read_bytes()
    check_roadworld(tmp_path / "again", hashes=True)
    other = dataclasses.replace(SMALL, seed=1, train_sequences=1, val_sequences=0)
    write_roadworld(other, tmp_path / "other", workers=1)
    assert other.key != SMALL.key
    assert not set(open_roadworld(tmp_path / "other", "train").states.sequence) & set(
        open_roadworld(folder, "train").states.sequence
    )


def test_a_killed_drawing_goes_on_and_is_never_half_read(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "small"
    script = (
        "from pathlib import Path; from roadcue.roadworld.write import write_roadworld; "
        "from roadcue.roadworld.spec import RoadWorldSpec; "
        f"write_roadworld({SMALL!r}, Path({str(out)!r}), workers=1)"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    part = tmp_path / f".small.{SMALL.key}.part"
    while process.poll() is None and not list(part.glob("sequence-*")):
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    if out.exists():
        pytest.fail("it was finished before it could be killed")
    finished = {path: path.stat().st_mtime_ns for path in part.glob("sequence-*")}
    assert finished
    (part / ".sequence-0000001.77.part").write_bytes(b"half")
    with pytest.raises(BadInput, match="there is no such folder"):
        open_roadworld(out, "train")
    write_roadworld(SMALL, out, workers=1)
    assert (out / CHECKSUMS_FILE).read_bytes() == (folder / CHECKSUMS_FILE).read_bytes()
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in folder.iterdir())
    assert not part.exists()


def test_the_cache_is_drawn_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROADCUE_CACHE", str(tmp_path))
    spec = RoadWorldSpec(train_sequences=1, val_sequences=0, seconds=0.1, cameras=("FRONT",), width=80, height=90)
    first = drawn_once("roadworld", spec, write_roadworld)
    assert first == tmp_path / "roadworld" / spec.key
    drawn = (first / CHECKSUMS_FILE).stat().st_mtime_ns
    assert drawn_once("roadworld", spec, write_roadworld) == first
    assert (first / CHECKSUMS_FILE).stat().st_mtime_ns == drawn


def test_what_killed_drawings_left_is_removed_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks at once; what is drawn of a world stays for a week, as the same command goes on from there."""
    monkeypatch.setenv("ROADCUE_CACHE", str(tmp_path))
    cache = tmp_path / "roadworld"
    for world in ("old", "new", "held"):
        (cache / f".{world}.{world}.part").mkdir(parents=True)
        (cache / f".{world}.{world}.part" / "drive").write_text("half")
        if world != "new":
            for path in (cache / f".{world}.{world}.part" / "drive", cache / f".{world}.{world}.part"):
                os.utime(path, (0, 0))
    (cache / "dead.lock").touch()
    holds = "from pathlib import Path; from roadcue.folder_lock import only_one; import sys\n"
    holds += "with only_one(Path('.held.lock'), 'drawing'): print('there', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", holds], cwd=cache, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        drawn_once("roadworld", SMALL, lambda spec, folder: folder.mkdir())
        there = {path.name for path in cache.iterdir()}
        assert there == {SMALL.key, ".new.new.part", ".held.held.part", ".held.lock"}
        process.kill()
    drawn_once("roadworld", SMALL, lambda spec, folder: folder.mkdir())
    assert {path.name for path in cache.iterdir()} == there - {".held.lock"}


def test_a_damaged_folder_is_told_by_file_and_remedy(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    shard = next(copy.glob("val_*"))
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-1])
    with pytest.raises(BadInput, match=rf"{shard.name}.*{len(whole)}.*python -m roadcue.roadworld"):
        open_roadworld(copy, "val")
    shard.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    check_roadworld(copy)
    with pytest.raises(BadInput, match=f"{shard.name}.*sha256"):
        check_roadworld(copy, hashes=True)
    shard.write_bytes(whole)
    (copy / "val_roadworld.tfrecord-00001-of-00002").write_bytes(whole)
    with pytest.raises(BadInput, match=r"00001-of-00002: is not in the manifest, and may be read as data"):
        check_roadworld(copy, hashes=True)


def test_an_unknown_split_and_an_existing_folder_are_refused(folder: Path) -> None:
    with pytest.raises(BadInput, match="train, val"):
        open_roadworld(folder, "test")
    with pytest.raises(BadInput, match="exists already"):
        write_roadworld(SMALL, folder)


@pytest.mark.parametrize(
    "wrong",
    [
        {"train_sequences": -1},
        {"seconds": 0.0},
        {"seed": -1},
        {"seconds": float("nan")},
        {"stride": 0},
        {"cameras": ()},
        {"cameras": ("REAR",)},
        {"cameras": ("FRONT", "FRONT")},
    ],
)
def test_a_spec_that_cannot_be_drawn_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadInput, match="RoadWorld"):
        RoadWorldSpec(**wrong)  # type: ignore[arg-type]


def test_no_part_of_a_frame_can_be_drawn() -> None:
    with pytest.raises(BadInput, match=r"0\.15 s with 10 frames a second are 1\.5 frames\. Choose whole tenths"):
        RoadWorldSpec(seconds=0.15)
    assert all(RoadWorldSpec(seconds=tenths / 10).length == tenths for tenths in range(1, 6001))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_MANIFESTS = st.fixed_dictionaries(
    {},
    optional={
        "spec": st.dictionaries(st.sampled_from(["seed", "seconds", "width", "x"]), _JSON) | _JSON,
        "files": st.dictionaries(st.sampled_from(["a", "../a", "/etc/passwd"]), _JSON) | _JSON,
    },
)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=40) | _MANIFESTS.map(lambda manifest: json.dumps(manifest).encode()))
def test_no_manifest_but_a_true_one_passes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "manifests"
    folder.mkdir(exist_ok=True)
    (folder / CHECKSUMS_FILE).write_bytes(content)
    with pytest.raises(BadInput, match=r"python -m roadcue\.roadworld"):
        check_roadworld(folder)


def test_the_room_is_imported_without_what_draws() -> None:
    code = (
        "import sys, roadcue.roadworld, roadcue.roadworld.sidewalk.spec\n"
        "assert not {'cv2', 'numpy', 'roadcue.loaders'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "module",
    ["roadworld.__main__", "roadworld.sidewalk.__main__", "roadworld.contact_sheet", "roadworld.golden"],
)
def test_commands_say_how_they_are_called(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["anything", "--help"])
    with pytest.raises(SystemExit, match="0"):
        import_module(f"roadcue.{module}").main()
    called = module.removesuffix(".__main__")
    assert capsys.readouterr().out.startswith(f"usage: python -m roadcue.{called} [-h]")


def test_the_command_draws_checks_and_refuses(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "roadcue.roadworld", "--out", str(tmp_path / "made")]
    amount = [
        "--train",
        "1",
        "--val",
        "0",
        "--seconds",
        "0.4",
        "--stride",
        "2",
        "--cameras",
        "FRONT",
        "--workers",
        "1",
    ]
    assert subprocess.run([*command, *amount], capture_output=True, check=True).stdout
    made = open_roadworld(tmp_path / "made", "train")
    assert sorted(made.states.frame) == [0, 2]
    assert made.cameras == ("FRONT",)
    assert "as written" in subprocess.run([*command, "--check"], capture_output=True, check=True, text=True).stdout
    again = subprocess.run([*command, *amount], capture_output=True, text=True)
    assert again.returncode == 2
    assert again.stderr.startswith("error: ")
    assert "Traceback" not in again.stderr
