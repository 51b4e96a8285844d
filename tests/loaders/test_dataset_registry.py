"""Data sets by name: what is known of one before it is opened, and those of plugins and installed packages."""

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from drawn import DrawnDataset

import roadcue.registry
from roadcue.errors import BadInput
from roadcue.loaders.registry import DATASETS, DatasetEntry, open_dataset
from roadcue.plugins import load_plugins
from roadcue.registry import resolve

MINE = DatasetEntry("drawn:DrawnDataset", camera="REAR")
"""As the entry point of an installed package."""


@pytest.fixture
def own_datasets(monkeypatch: pytest.MonkeyPatch):
    """What a test registers is gone behind it."""
    monkeypatch.setattr(DATASETS, "_own", dict(DATASETS._own))
    monkeypatch.setattr(DATASETS, "_entry_points", None)
    yield
    DATASETS._entry_points = None


def test_every_data_set_has_its_function_and_its_camera():
    entries = {name: DATASETS.find(name) for name in DATASETS}
    assert all(callable(resolve(entry.open)) for entry in entries.values() if isinstance(entry.open, str))
    assert {name for name, entry in entries.items() if entry.camera == "CHEST"} == {"sensation", "sidewalk"}
    assert {entry.camera for entry in entries.values()} == {"CHEST", "FRONT"}
    assert {name for name, entry in entries.items() if not entry.needs_folder} == {"roadworld", "sidewalk"}
    assert {name: e.whole_split for name, e in entries.items() if e.whole_split != "all"} == {"sensation": "grouped"}


def test_the_names_cost_no_import():
    heavy = ("numpy", "pyarrow", "torch")
    code = f"import sys, roadcue.loaders.registry; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "more", "message"),
    [
        (
            "waymo_e2",
            {},
            r"there is no data set 'waymo_e2'; did you mean waymo_e2e\? There are roadworld, .*bdd100k",
        ),
        ("manifest", {}, "--data manifest needs --data_dir"),
        (
            "roadworld",
            {"image_root": Path()},
            "--image_root belongs to --data bdd100k or manifest or sensation, not to roadworld",
        ),
    ],
)
def test_what_cannot_be_opened_is_said(name, more, message):
    with pytest.raises(BadInput, match=message):
        open_dataset(name, None, "train", **more)


def test_a_plugin_registers_a_data_set(own_datasets, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from drawn import DrawnDataset\n"
        "from roadcue.loaders.registry import DATASETS, DatasetEntry\n"
        "def open_mine(folder, split, *, on_bad_record):\n"
        "    assert folder is None and on_bad_record == 'skip'\n"
        "    return DrawnDataset(split)\n"
        "DATASETS.register('mine', DatasetEntry(open_mine, needs_folder=False, camera='REAR'))\n"
    )
    load_plugins([tmp_path / "mine.py"])
    dataset = open_dataset("mine", None, "val", on_bad_record="skip")
    assert isinstance(dataset, DrawnDataset)
    assert dataset.split == "val"
    assert DATASETS.find("mine").camera == "REAR"
    with pytest.raises(BadInput, match="data set 'mine' is there already"):
        DATASETS.register("mine", MINE)


def test_an_installed_package_brings_a_data_set(own_datasets, monkeypatch):
    point = EntryPoint("theirs", f"{__name__}:MINE", "roadcue.datasets")
    monkeypatch.setattr(
        roadcue.registry, "entry_points", lambda group: [point] if group == "roadcue.datasets" else []
    )
    assert "theirs" in DATASETS
    assert DATASETS.find("theirs").camera == "REAR"


@pytest.mark.parametrize(("code", "why"), [("import sys; sys.exit(0)", "SystemExit"), ("1 / 0", "division by zero")])
def test_a_plugin_that_fails_or_ends_the_program_is_said(tmp_path, code, why):
    (tmp_path / "bad.py").write_text(code)
    with pytest.raises(BadInput, match=f"--plugin .*bad.py: fails .*{why}"):
        load_plugins([tmp_path / "bad.py"])


@pytest.mark.parametrize("name", ["", "a b", "../x", "a.b", "a-b"])
def test_a_name_that_cannot_be_an_option_is_refused(own_datasets, name):
    with pytest.raises(BadInput, match="a name has letters, digits and underscores"):
        DATASETS.register(name, MINE)


def test_what_is_no_data_set_is_refused_with_the_plugin_that_offers_it(own_datasets, tmp_path):
    (tmp_path / "mine.py").write_text("from roadcue.loaders.registry import DATASETS\nDATASETS.register('x', 5)\n")
    with pytest.raises(BadInput, match=r"^--plugin \S+mine\.py: data set 'x': 5 is no DatasetEntry"):
        load_plugins([tmp_path / "mine.py"])
    with pytest.raises(BadInput, match="data set 'x': its `open` is 5; it must be the function"):
        DATASETS.register("x", DatasetEntry(5))
    assert "x" not in DATASETS


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("no_such_module:X", "no_such_module:X cannot be imported .*No module named"),
        (f"{__name__}:NOWHERE", "cannot be imported .*NOWHERE"),
        ("roadcue.errors:BadInput", "is no DatasetEntry"),
    ],
)
def test_what_an_installed_package_offers_in_vain(own_datasets, monkeypatch, where, reason):
    monkeypatch.setattr(roadcue.registry, "entry_points", lambda group: [EntryPoint("theirs", where, group)])
    with pytest.raises(BadInput, match=f"data set 'theirs'.*{reason}"):
        DATASETS.find("theirs")
