"""Every file of a data set that RoadCue reads, and of what it keeps of one, small and whole."""

import json
import os
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
from damages import Kind

from roadcue.loaders import jpeg
from roadcue.loaders.bdd100k.labels import read_frames
from roadcue.loaders.contrast import CONTRAST_SHAPE
from roadcue.loaders.feature_store import FeatureStore, StoreWriter
from roadcue.loaders.manifest.dataset import open_manifest
from roadcue.loaders.poses import read_poses
from roadcue.loaders.sensation import open_sensation
from roadcue.loaders.sensation.files import ANNOTATIONS, CAPTIONS
from roadcue.loaders.tfrecord import RecordWriter
from roadcue.loaders.waymo_e2e import open_waymo_e2e
from roadcue.loaders.waymo_e2e.clusters import read_clusters
from roadcue.loaders.waymo_e2e.frame import encode_frame
from roadcue.schema import Intent

PAST = np.stack([np.arange(-15, 1.0), *np.zeros((1, 16)), np.full(16, 4.0), *np.zeros((3, 16))], axis=1)
PAST[:, 0] *= 0.25 * 4
FUTURE = np.stack([np.arange(1, 21.0), np.zeros(20)], axis=1)
PICTURE = jpeg.encode(np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3), 90)


def _line(number: int) -> dict[str, Any]:
    calibration = {"intrinsic": [100.0, 100, 8, 8, 0, 0, 0, 0, 0], "extrinsic": np.eye(4).ravel().tolist()}
    return {
        "id": f"a{number}",
        "sequence": "a",
        "frame": number,
        "images": {"FRONT": f"{number}.jpg"},
        "past": PAST.tolist(),
        "intent": "GO_LEFT",
        "future": FUTURE.tolist(),
        "fields": {"weather": "rain"},
        "caption": "Brake for the bus.",
        "calibration": {"FRONT": {**calibration, "width": 16, "height": 16}},
    }


def _pictures(folder: Path) -> None:
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(PICTURE)


def _manifest(folder: Path) -> None:
    _pictures(folder)
    (folder / "manifest.jsonl").write_text("".join(json.dumps(_line(number)) + "\n" for number in range(3)))


def _parquet(folder: Path) -> None:
    _pictures(folder)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([_line(n) for n in range(3)]), folder / "manifest.parquet")


def _rows(dataset: Any) -> dict[str, Any]:
    """All that a data set hands out, by the id of its row; and what it has left out is said."""
    states, found = dataset.states, {}
    for row in range(len(dataset)):
        target = dataset.targets(row)
        pictures = {camera: dataset.image(row, camera) for camera in dataset.cameras_of(row)}
        cameras = [dataset.calibration(row, camera) for camera in pictures]
        motion = states.past[row].tolist(), states.future[row].tolist()
        found[str(states.id[row])] = repr((motion, int(states.intent[row]), pictures, target, cameras))
        assert not (np.abs(states.past[row]) > 1e5).any()
    assert all(str(one) for one in dataset.skipped)
    return found


def _shard(folder: Path) -> None:
    with RecordWriter(folder / "val_x.tfrecord") as writer:
        for number in range(3):
            writer.write(encode_frame(f"s-{number}", {"FRONT": PICTURE}, {}, PAST, Intent.GO_LEFT, FUTURE))


def _indexed(folder: Path) -> None:
    _shard(folder)
    with _cache(folder):
        open_waymo_e2e(folder, "val")
    (index,) = (folder / "waymo_e2e").iterdir()
    index.rename(folder / "index")


def _read_cached(folder: Path) -> dict[str, Any]:
    with _cache(folder):
        return _rows(open_waymo_e2e(folder, "val", on_bad_record="skip"))


def _read_indexed(folder: Path) -> dict[str, Any]:
    from roadcue.loaders.waymo_e2e.index import _index_file

    with _cache(folder):
        place = _index_file(folder / "val_x.tfrecord")
        place.parent.mkdir(exist_ok=True)
        place.write_bytes((folder / "index").read_bytes())
    return _read_cached(folder)


@contextmanager
def _cache(folder: Path) -> Any:
    before = os.environ.get("ROADCUE_CACHE")
    os.environ["ROADCUE_CACHE"] = str(folder)
    try:
        yield
    finally:
        os.environ.pop("ROADCUE_CACHE")
        if before is not None:
            os.environ["ROADCUE_CACHE"] = before


_PARTS = {"weights": "abc"}


def _store(folder: Path) -> None:
    ids = np.array([f"s-{row}" for row in range(4)])
    writer = StoreWriter(folder / "store", _PARTS, ids, ["FRONT"], (2, 3))
    writer.skip(3, "s-3", "bad JPEG")
    rows = np.arange(3)
    features = np.random.default_rng(0).normal(size=(3, 1, 2, 3))
    writer.write(rows, features, np.ones((3, 1, *CONTRAST_SHAPE)), np.ones((3, 1), bool))
    writer.finish()


def _read_store(folder: Path) -> Any:
    store = FeatureStore(folder / "store", _PARTS)
    rows = np.flatnonzero(store.usable)
    return [store.ids, store.features[rows].tolist(), store.contrast[rows].tolist(), sorted(store.skipped)]


def _poses(folder: Path) -> None:
    rows = "".join(f"{0.1 * step:.1f},{step},0.5,0.0\n" for step in range(60))
    (folder / "poses.csv").write_text(f"t_s,x_m,y_m,heading_rad\n{rows}")


def _read_poses(folder: Path) -> Any:
    log = read_poses(folder / "poses.csv")
    return log.past(5.0).tolist()


def _bdd(folder: Path) -> None:
    box = {"category": "car", "box2d": {"x1": 10.0, "y1": 20.5, "x2": 60, "y2": 90}}
    frames = [
        {"name": f"{n}.jpg", "attributes": {"weather": "clear", "timeofday": "daytime"}, "labels": [box]}
        for n in range(3)
    ]
    (folder / "labels.json").write_text(json.dumps(frames))


def _sensation(folder: Path) -> None:
    from roadcue.loaders.sensation.annotation_files import write_annotations
    from roadcue.loaders.sensation.captions import IMAGE_FOLDERS, Caption, write_captions
    from roadcue.prompts.annotation import OBJECT_KINDS, Annotation

    names = [f"film_{number:06d}.jpg" for number in range(3)]
    captions = [Caption(f"{IMAGE_FOLDERS['train']}/{name}", "The way is clear.", "train") for name in names]
    write_captions(folder / CAPTIONS, captions)
    none: dict[str, tuple[str, ...]] = dict.fromkeys(OBJECT_KINDS, ())
    write_annotations(folder / ANNOTATIONS, [Annotation(one.image, "Center", "Left", none, none) for one in captions])
    for one in captions:
        (folder / one.image_path).parent.mkdir(parents=True, exist_ok=True)
        (folder / one.image_path).write_bytes(PICTURE)


def _read_sensation(folder: Path) -> Any:
    return _rows(open_sensation(folder, "train", on_bad_record="skip"))


def _clusters(folder: Path) -> None:
    (folder / "c.json").write_text('{"s": {"scenario_cluster": "Pedestrian"}}')


DATA: Mapping[str, Kind] = {
    "store features": Kind(_store, _read_store, "store/rows-0-4/features.npy", sealed=True),
    "store progress": Kind(_store, _read_store, "store/rows-0-4/progress.npy", sealed=True),
    "store checksums": Kind(_store, _read_store, "store/rows-0-4/checksums.npy", sealed=True),
    "store skipped": Kind(_store, _read_store, "store/rows-0-4/skipped.jsonl", sealed=True),
    "store index": Kind(_store, _read_store, "store/index.json", sealed=True),
    "store meta": Kind(_store, _read_store, "store/meta.json", sealed=True),
    "shard": Kind(_shard, _read_cached, "val_x.tfrecord", sealed=True),
    "shard index": Kind(_indexed, _read_indexed, "index", sealed=True),
    "manifest.jsonl": Kind(
        _manifest,
        lambda folder: _rows(open_manifest(folder, "all", on_bad_record="skip")),
        "manifest.jsonl",
    ),
    "manifest.parquet": Kind(
        _parquet,
        lambda folder: _rows(open_manifest(folder, "all", on_bad_record="skip")),
        "manifest.parquet",
    ),
    "poses.csv": Kind(_poses, _read_poses, "poses.csv"),
    "labels.json": Kind(_bdd, lambda folder: repr(read_frames(folder / "labels.json", "skip")), "labels.json"),
    "annotations": Kind(_sensation, _read_sensation, ANNOTATIONS),
    "captions": Kind(_sensation, _read_sensation, CAPTIONS),
    "clusters": Kind(
        _clusters,
        lambda folder: read_clusters(folder / "c.json"),
        "c.json",
    ),
}
