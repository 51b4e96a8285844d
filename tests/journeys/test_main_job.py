"""The main job from its commands to its report: on RoadWorld, on real photographs, and as a library."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from main_job import ade_5s, exit_code, scored, train_and_score
from PIL import Image
from udacity_drive import write_udacity_manifest

import roadcue
from roadcue import eval as scoring
from roadcue.heads.registry import head_class
from roadcue.loaders.manifest.dataset import open_manifest
from roadcue.roadworld import RoadWorldSpec
from roadcue.roadworld.write import write_roadworld

SPEC = RoadWorldSpec(6, 4, seconds=1, stride=1, width=243, height=270, cameras=("FRONT",))
LEARNS = (
    "--cameras",
    "FRONT",
    "--epochs",
    40,
    "--batch_size",
    32,
    "--lr",
    3e-3,
    "--grid",
    2,
    "--waypoint.hidden",
    128,
)


@pytest.fixture(scope="module")
def roadworld(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "roadworld"
    write_roadworld(SPEC, folder, workers=1)
    return folder


@pytest.fixture(scope="module")
def photograph_run(udacity_manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on every second photograph of the drive, long enough to learn its training rows."""
    run = tmp_path_factory.mktemp("photographs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROADCUE_CACHE", str(run.parent / "cache"))
        data = ("--data", "manifest", "--data_dir", udacity_manifest, "--split_by", "sequence", "--frame_stride", 2)
        learns = (*LEARNS, "--waypoint.residual", "none")  # which the few photographs alone would not choose
        metrics = train_and_score(run, *data, *learns)
    assert "own data" in metrics["run"]["data"]
    assert "The data are drawn" not in (run / "report.html").read_text()
    return run


def test_main_job_on_roadworld(roadworld: Path, tmp_path: Path):
    metrics = train_and_score(tmp_path / "run", "--data_dir", roadworld, "--epochs", 2, "--grid", 2)
    assert "RoadWorld" in metrics["run"]["data"]
    assert (metrics["samples"], metrics["sequences"]) == (40, 4)
    assert metrics["sees_image"] == ["waypoint"]
    page = (tmp_path / "run" / "report.html").read_text()
    assert "The data are drawn" in page
    assert "The encoder is a miniature" in page


def test_main_job_without_an_encoder(roadworld: Path, tmp_path: Path):
    metrics = train_and_score(tmp_path / "run", "--data_dir", roadworld, "--epochs", 2, "--encoder", "none")
    assert metrics["sees_image"] == []
    assert "The encoder is a miniature" not in (tmp_path / "run" / "report.html").read_text()
    assert not (tmp_path / "cache" / "features").exists()


def test_main_job_with_the_head_of_the_source_document(roadworld: Path, tmp_path: Path):
    head = ("--waypoint.residual", "none", "--waypoint.normalize", "false", "--pooling", "mean")
    metrics = train_and_score(tmp_path / "run", "--data_dir", roadworld, "--epochs", 2, *head)
    assert "mean features" in metrics["run"]["head"]


def test_main_job_on_real_photographs(photograph_run: Path):
    """On the rows that it was trained on, a head that has learned is far below the path that it started from."""
    error = ade_5s(scored(photograph_run, "--split", "train"))
    assert error["waypoint"] < 0.5 * error["ridge"] < 0.5 * error["constant velocity"]


def test_the_run_on_photographs_as_a_library(photograph_run: Path, udacity_manifest: Path):
    drive = open_manifest(udacity_manifest, "all")
    photograph = drive.image(0, "FRONT")
    assert photograph
    road = roadcue.load(photograph_run)
    predictions = road.predict(images=photograph, past=drive.states.past[0], intent="UNKNOWN", baselines=True)
    baselines = [baseline.name for baseline in head_class("waypoint").baselines]
    assert predictions.keys() == {"waypoint", "waypoint without features", *baselines}
    path = predictions["waypoint"].waypoints_m
    assert np.abs(path - drive.states.future[0]).max() < 10
    as_pixels = road.predict(images=Image.open(BytesIO(photograph)), past=drive.states.past[0], intent=0)
    np.testing.assert_allclose(as_pixels["waypoint"].waypoints_m, path, atol=0.05, rtol=2e-3)  # rounding of pixels


def test_a_run_on_roadworld_is_scored_on_photographs(
    roadworld: Path, udacity: Path, udacity_manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run = tmp_path / "run"
    train_and_score(run, "--data_dir", roadworld, "--epochs", 2, "--grid", 2)
    own = (run / "metrics.json").read_bytes()
    elsewhere = ("--data", "manifest", "--split_by", "sequence", "--data_dir")
    metrics = scored(run, *elsewhere, udacity_manifest, out=tmp_path / "elsewhere")
    assert "own data" in metrics["run"]["data"]
    assert (run / "metrics.json").read_bytes() == own, "--out keeps them apart"

    renamed = write_udacity_manifest(udacity, tmp_path / "renamed", every=40)
    renamed.write_text(renamed.read_text().replace('"FRONT"', '"center"'))
    capsys.readouterr()
    assert exit_code(scoring.main, "--run", run, *elsewhere, renamed) == 2
    assert "manifest val has no camera 'FRONT'; it has center" in capsys.readouterr().err
