"""Runs of heads beside a tiny tower."""

import pytest
from drawn_configs import drawn_configs
from fitted import fit
from tiny_smol import write_tiny_smol

from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.training.run_folder import RunFolder

LINEAR = {"waypoint": WaypointConfig(kind="linear", residual="none")}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Returns a function that trains a stage one of other options, once for each."""
    folder = tmp_path_factory.mktemp("runs")
    tower = write_tiny_smol(folder / "tower")
    trained: dict[str, RunFolder] = {}
    with pytest.MonkeyPatch.context() as patch:
        config = drawn_configs(patch, folder)

        def run(name: str = "plain", **options) -> RunFolder:
            if name not in trained:
                options = {"head": "waypoint,field", "head_options": LINEAR, "checkpoint": str(tower), **options}
                trained[name] = fit(config(run_dir=str(folder / name), **options))
            return trained[name]

        run.splits = config.splits
        yield run
