"""The feature store does not trust its files: what is not what was written is refused, with the place."""

import io
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from damage import damaged
from hypothesis import given, settings
from hypothesis import strategies as st

from roadcue.errors import BadInput
from roadcue.loaders.contrast import CONTRAST_SHAPE
from roadcue.loaders.feature_store import FeatureStore, StoreWriter
from roadcue.loaders.npy import array_of

PARTS = {"weights": "abc"}
IDS = np.array([f"s-{row}" for row in range(6)])
FEATURES = np.random.default_rng(0).normal(size=(6, 2, 4, 3)).astype(np.float32)
CONTRAST = np.random.default_rng(1).normal(size=(6, 2, *CONTRAST_SHAPE)).astype(np.float32)
ARRAYS = ("features", "contrast", "present", "checksums", "progress")


def written(folder: Path) -> Path:
    """A finished store of six rows in two parts, of which row 1 is skipped."""
    for part in (1, 2):
        writer = StoreWriter(folder, PARTS, IDS, ["FRONT", "REAR"], (4, 3), (part, 2))
        if part == 1:
            writer.skip(1, "s-1", "bad JPEG")
        rows = writer.todo()
        writer.write(rows, FEATURES[rows], CONTRAST[rows], np.ones((len(rows), 2), bool))
    assert writer.finish()
    return folder


@pytest.fixture
def store(tmp_path):
    return written(tmp_path / "store")


def read(folder):
    """All that a training would read, in a shuffled order."""
    store = FeatureStore(folder, PARTS)
    rows = np.flatnonzero(store.usable)[::-1]
    return rows, store.features[rows], store.contrast[rows], store.present[rows], store.skipped


def flip(file, at, bit=0):
    data = bytearray(file.read_bytes())
    data[at] ^= 1 << bit
    file.write_bytes(data)


def test_flipped_bits_in_any_feature_are_said_when_the_row_is_read_first(store):
    flip(store / "rows-3-6/features.npy", -1)
    opened = FeatureStore(store, PARTS)
    for rows in (np.array([0, 2]), 3, slice(0, 3), np.array([[4], [3]])):
        opened.features[rows]
    for rows in (5, np.array([4, 5]), slice(4, None), slice(None)):
        with pytest.raises(BadInput, match=r"store: row 5 is not what was written .*delete the folder and encode"):
            opened.features[rows]


def test_a_checksum_is_looked_at_once(store, monkeypatch):
    from roadcue.loaders import stored_rows

    opened, counted = FeatureStore(store, PARTS), []
    made = stored_rows.row_checksums
    monkeypatch.setattr(stored_rows, "row_checksums", lambda rows: counted.append(len(rows)) or made(rows))
    for rows in (np.array([3, 0]), np.array([0, 3]), np.array([3, 4]), 4):
        opened.features[rows]
    assert counted == [2, 1]


@pytest.mark.parametrize("name", ["contrast", "present", "checksums"])
def test_flipped_bits_beside_the_features_are_said_on_opening(store, name):
    flip(store / f"rows-0-3/{name}.npy", -1)
    with pytest.raises(BadInput, match=r"contrast or presence of row 2 is not what was written"):
        FeatureStore(store, PARTS)


def test_a_row_that_is_said_to_be_skipped_or_written_and_is_not(store):
    progress = store / "rows-0-3/progress.npy"
    whole = progress.read_bytes()
    progress.write_bytes(whole[:-1] + b"\x02")
    with pytest.raises(BadInput, match="nothing says why s-2 was skipped"):
        FeatureStore(store, PARTS)
    progress.write_bytes(whole[:-2] + b"\x01\x01")
    with pytest.raises(BadInput, match="row 1 is not what was written"):
        FeatureStore(store, PARTS)
    progress.write_bytes(whole[:-1] + b"\x09")
    with pytest.raises(BadInput, match=r"rows-0-3/progress\.npy says 9 of a row"):
        FeatureStore(store, PARTS)


def test_rows_that_are_not_finite_are_refused_though_their_checksum_is_right(tmp_path, monkeypatch):
    from roadcue.loaders import feature_store

    monkeypatch.setattr(feature_store, "check_finite", lambda *_: None)
    writer = StoreWriter(tmp_path / "store", PARTS, IDS, ["FRONT"], (4, 3))
    features = FEATURES[:, :1].copy()
    features[4, 0, 1, 1] = np.nan
    features[2, 0, 1, 1] = np.inf
    writer.write(np.arange(6), features, CONTRAST[:, :1], np.ones((6, 1), bool))
    assert writer.finish()
    opened = FeatureStore(writer.folder, PARTS)
    opened.features[[0, 1, 3, 5]]
    for row in (2, 4):
        with pytest.raises(BadInput, match=f"row {row} is not of finite numbers"):
            opened.features[row]


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f2', 'fortran_order': False, 'shape': (1099511627776, 2, 4, 3), }",
        "{'descr': '<f2', 'fortran_order': False, 'shape': (99999999999999999999999,), }",
        "{'descr': '<f2', 'fortran_order': False, 'shape': (-3, 2, 4, 3), }",
        "{'descr': '<f2', 'fortran_order': True, 'shape': (3, 2, 4, 3), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2, 4, 3), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (3, 2, 4, 3), }",
        "{'descr': '<f2', 'fortran_order': False, 'shape': (3, 2, 2, 6), }",
        "{'descr': ((((((((((((",
        "__import__('os').system('touch canary')",
    ],
)
def test_an_npy_header_is_not_believed(store, name, header, little_room):
    file = store / f"rows-0-3/{name}.npy"
    content = header.encode().ljust(117) + b"\n"
    file.write_bytes(b"\x93NUMPY\x01\x00" + len(content).to_bytes(2, "little") + content + bytes(100))
    with pytest.raises(BadInput, match=rf"store: the store is damaged \({name}\.npy .*delete the folder and encode"):
        FeatureStore(store, PARTS)
    with pytest.raises(ValueError, match=name):
        array_of(file.read_bytes(), name)


@pytest.fixture
def little_room():
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (used + 256 * 2**20, hard))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


@pytest.mark.parametrize("key", ["parts", "cameras", "shape", "ids", "parts.weights"])
@pytest.mark.parametrize("value", [5, None, [], {}, "x", [[1]], {"weights": 5}, [1, -4], [1.5, 2], [2**70, 1], True])
def test_meta_json_with_another_type_is_refused(store, key, value):
    meta = json.loads((store / "meta.json").read_text())
    place = meta
    *path, last = key.split(".")
    for name in path:
        place = place[name]
    place[last] = value
    (store / "meta.json").write_text(json.dumps(meta))
    with pytest.raises(BadInput, match=r"store.*(delete the folder|encode again)"):
        FeatureStore(store, PARTS)


@pytest.mark.parametrize("content", ["5", "null", '"x"', "[" * 100_000])
def test_meta_json_that_is_no_table_is_refused(store, content):
    (store / "meta.json").write_text(content)
    with pytest.raises(BadInput, match=r"meta\.json: not a feature store .*delete the folder"):
        FeatureStore(store, PARTS)


def test_ids_that_have_changed_places_are_noticed(store):
    ids = json.loads((store / "index.json").read_text())
    (store / "index.json").write_text(json.dumps(ids[::-1]))
    with pytest.raises(BadInput, match=r"index\.json is not what was written"):
        FeatureStore(store, PARTS)


def test_a_store_of_another_shape_is_not_gone_on_with(store):
    with pytest.raises(BadInput, match=r"its features are \(2, 4, 3\) a row"):
        StoreWriter(store, PARTS, IDS, ["FRONT", "REAR"], (4, 5))


@pytest.fixture(scope="module")
def whole():
    with tempfile.TemporaryDirectory() as folder:
        yield written(Path(folder) / "store")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damage_of_any_file_is_refused_or_changes_nothing(whole, data):
    name = data.draw(st.sampled_from(sorted(str(f.relative_to(whole)) for f in whole.rglob("*") if f.is_file())))
    expected = read(whole)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "store"
        shutil.copytree(whole, copy)
        (copy / name).write_bytes(data.draw(damaged((whole / name).read_bytes())))
        try:
            found = read(copy)
        except BadInput:
            return
    assert all(np.array_equal(one, two) for one, two in zip(found[:4], expected[:4], strict=True))
    assert found[4].keys() == expected[4].keys()


def test_an_array_in_bytes_is_read_as_it_was_written():
    for array in (np.arange(6).reshape(2, 3), np.array(["a", "bc"]), np.zeros((0, 3), np.float32), np.array([], str)):
        file = io.BytesIO()
        np.save(file, array)
        np.testing.assert_array_equal(array_of(file.getvalue(), "x"), array)
