import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn import DrawnDataset
from refusing_disk import read_only, stamps
from torch.nn.functional import adaptive_avg_pool2d
from waymo_shards import write_shards

from roadcue.errors import BadInput, BadRecord
from roadcue.loaders import picture_file
from roadcue.loaders.feature_store import FeatureStore
from roadcue.loaders.waymo_e2e import open_waymo_e2e
from roadcue.models.pooling import pool_tokens
from roadcue.training.build import build_run_encoder
from roadcue.training.extraction import extract, feature_parts
from roadcue.training.extraction_config import ExtractConfig


@pytest.fixture(scope="module")
def encoder():
    from roadcue.training.extraction_config import ExtractionOptions

    return build_run_encoder(ExtractionOptions())


def encode_now(dataset, encoder, row, camera, config):
    pixels = encoder.preprocess(picture_file.decode(dataset.image(row, camera), "here"))
    return pool_tokens(encoder.encode(pixels[None]), config.pooling, config.grid)[0]


@pytest.mark.parametrize("pooling", ["mean", "grid", "attention"])
def test_cached_features_are_the_uncached_ones_to_half_precision(drawn, encoder, pooling):
    config = drawn(pooling=pooling, cameras="REAR,FRONT", workers=2)
    dataset = drawn.splits["val"]
    store = extract(dataset, encoder, config)
    for row in (0, 17, 47):
        for place, camera in enumerate(("REAR", "FRONT")):
            direct = encode_now(dataset, encoder, row, camera, config)
            stored = torch.from_numpy(store.features[row][place].astype(np.float32))
            torch.testing.assert_close(stored, direct, rtol=2e-3, atol=2e-3)


def test_the_features_of_tiles_are_stored_as_one_wider_grid(drawn, encoder):
    config = drawn(aspect="tiles", grid=3)
    tiled, dataset = build_run_encoder(config), DrawnDataset("val", sequences=1, frames=6)
    store = extract(dataset, tiled, config)
    tiles = tiled.preprocess(picture_file.decode(dataset.image(5, "FRONT"), "here"))
    by_tile = adaptive_avg_pool2d(encoder.encode(tiles).permute(0, 3, 1, 2), (3, 1))[..., 0].permute(2, 0, 1)
    stored = torch.from_numpy(store.features[5][0].astype(np.float32)).unflatten(0, (3, 3))
    torch.testing.assert_close(stored, by_tile, rtol=2e-3, atol=2e-3)


def test_encoding_happens_once(drawn, encoder):
    dataset = drawn.splits["val"]
    extract(dataset, encoder, drawn())
    reads = dataset.reads
    assert reads == len(dataset)
    extract(dataset, encoder, drawn())
    assert dataset.reads == reads


def test_parts_make_the_same_store_as_one_process(drawn, encoder, tmp_path):
    dataset = drawn.splits["val"]
    whole = extract(dataset, encoder, drawn(store_dir=str(tmp_path / "whole")))
    config = drawn(store_dir=str(tmp_path / "parts"))
    assert extract(dataset, encoder, config, part=(2, 3)) is None
    assert extract(dataset, encoder, config, part=(1, 3)) is None
    parts = extract(dataset, encoder, config, part=(3, 3))
    np.testing.assert_allclose(parts.features, whole.features, rtol=2e-3, atol=2e-3)


def test_a_missing_camera_keeps_its_place(drawn, encoder):
    dataset = DrawnDataset("val", sequences=2, without_rear={3})
    store = extract(dataset, encoder, drawn(cameras="REAR,FRONT"))
    assert store.present[3].tolist() == [False, True]
    assert not store.features[3][0].any()
    assert store.features[3][1].any()
    assert store.present.sum() == 2 * len(dataset) - 1


def test_an_unreadable_picture_stops_with_its_place_or_is_counted(drawn, encoder, capsys):
    dataset = DrawnDataset("val", sequences=2, unreadable={5, 20})
    with pytest.raises(BadRecord, match=r"row 5.*--on_bad_record skip"):
        extract(dataset, encoder, drawn(workers=2))
    store = extract(dataset, encoder, drawn(workers=2), on_bad_record="skip")
    assert sorted(store.skipped) == ["val00-005", "val01-008"]
    assert store.usable.sum() == len(dataset) - 2
    assert "2 rows" in capsys.readouterr().out


def test_what_was_encoded_before_the_bad_picture_is_kept(drawn, encoder):
    dataset = DrawnDataset("val", sequences=2, unreadable={20})
    with pytest.raises(BadRecord):
        extract(dataset, encoder, drawn(encode_batch=4))
    dataset.unreadable = set()
    reads = dataset.reads
    extract(dataset, encoder, drawn(encode_batch=4))
    assert dataset.reads - reads == 4


def test_killing_the_process_loses_no_row_and_repeats_none(drawn, encoder, tmp_path):
    """The child is killed with signal 9 inside its third batch; the parent encodes only what is left."""
    script = textwrap.dedent(f"""
        import os, signal, sys, time
        sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        from drawn import DrawnDataset
        from roadcue.training.build import build_run_encoder
        from roadcue.training.config import TrainConfig
        from roadcue.training import extraction
        config = TrainConfig(store_dir={str(tmp_path)!r}, workers=0, encode_batch=8, grid=2)
        encoder = build_run_encoder(config)
        calls, encode, written = [], encoder.encode, []
        class Writer(extraction.StoreWriter):
            def write(self, *rows):
                super().write(*rows)
                written.append(1)
        def encode_or_die(pixels):
            calls.append(1)
            if len(calls) == 3:
                while len(written) < 2:  # by the main thread
                    time.sleep(0.01)
                os.kill(os.getpid(), signal.SIGKILL)
            return encode(pixels)
        encoder.encode, extraction.StoreWriter = encode_or_die, Writer
        extraction.extract(DrawnDataset("val", sequences=4), encoder, config)
    """)
    done = subprocess.run([sys.executable, "-c", script], check=False, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == -signal.SIGKILL
    dataset = drawn.splits["val"]
    store = extract(dataset, encoder, drawn(store_dir=str(tmp_path)))
    assert dataset.reads == len(dataset) - 16
    assert (np.abs(store.features).reshape(len(dataset), -1).max(axis=1) > 0).all()


def test_a_finished_store_is_used_from_a_read_only_disk(drawn, encoder):
    dataset = drawn.splits["val"]
    store = extract(dataset, encoder, drawn())
    before = stamps(store.folder.parent)
    with read_only():
        again = extract(dataset, encoder, drawn(), part=(2, 8))
    assert np.array_equal(again.features, store.features)
    assert stamps(store.folder.parent) == before


def test_a_store_of_other_weights_is_never_read(drawn, encoder):
    dataset = drawn.splits["val"]
    store = extract(dataset, encoder, drawn())
    parts = feature_parts(dataset, encoder, drawn())
    changed = next(name for name in parts if "weight" in name)
    with pytest.raises(BadInput, match=changed):
        FeatureStore(store.folder, parts | {changed: "others"})


@pytest.mark.parametrize("option", [{"grid": 3}, {"pooling": "mean"}, {"cameras": "REAR"}, {"cameras": "REAR,FRONT"}])
def test_every_option_that_decides_features_has_its_own_store(drawn, encoder, option):
    dataset = drawn.splits["val"]
    assert feature_parts(dataset, encoder, drawn()) != feature_parts(dataset, encoder, drawn(**option))


def test_attention_reads_the_store_that_grid_wrote(drawn, encoder):
    dataset = drawn.splits["val"]
    assert extract(dataset, encoder, drawn()).folder == extract(dataset, encoder, drawn(pooling="attention")).folder


@pytest.mark.parametrize("cameras", ["SIDE", "FRONT,FRONT", ""])
def test_cameras_that_are_not_there_or_twice_are_said(drawn, encoder, cameras):
    """By a training, which can name others, and by eval.py, which cannot choose a camera."""
    with pytest.raises(BadInput, match=r"FRONT.*REAR\. A training names .* of the cameras that it was trained on"):
        extract(drawn.splits["val"], encoder, drawn(cameras=cameras))


@pytest.mark.parametrize("text", ["0/2", "3/2", "a/b", "2", "-1/2", ""])
def test_a_part_that_is_none_is_said(text):
    with pytest.raises(ValueError, match=f"--part {text}: expected I/N"):
        ExtractConfig(part=text)


def test_it_is_said_why_features_of_the_same_split_are_not_taken(drawn, encoder, capsys):
    dataset = drawn.splits["val"]
    first = extract(dataset, encoder, drawn())
    assert "encoded anew" not in capsys.readouterr().out
    extract(dataset, encoder, drawn(cameras="REAR"))
    said = capsys.readouterr().out
    assert f"those of {first.folder} were made with another cameras (FRONT, here REAR)\n" in said
    dataset.fingerprint = "0" * 64
    extract(dataset, encoder, drawn(cameras="REAR"))
    assert "were made with another data_files\n" in capsys.readouterr().out
    (first.folder / "meta.json").write_text("[]")
    extract(dataset, encoder, drawn(cameras="REAR,FRONT"))
    assert "another cameras (REAR, here REAR,FRONT)\n" in capsys.readouterr().out


def test_a_copy_of_the_data_has_the_features_already(encoder, tmp_path, monkeypatch):
    """Whatever its times: it is known by what it holds."""
    monkeypatch.setenv("ROADCUE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "home").mkdir()
    write_shards(tmp_path / "home", {"val_x.tfrecord": [("0123-1", 1), ("0123-2", 2)]})
    shutil.copytree(tmp_path / "home", tmp_path / "node", copy_function=shutil.copyfile)
    os.utime(tmp_path / "node/val_x.tfrecord", ns=(0, 1))
    config = ExtractConfig(workers=0)
    home, node = (open_waymo_e2e(tmp_path / place, "val") for place in ("home", "node"))
    first = extract(home, encoder, config)
    monkeypatch.setattr(node, "image", None)
    assert extract(node, encoder, config).folder == first.folder


def test_skipped_rows_are_written_down(drawn, encoder):
    dataset = DrawnDataset("val", sequences=2, unreadable={5})
    store = extract(dataset, encoder, drawn(), on_bad_record="skip")
    lines = (store.folder / "rows-0-24/skipped.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["val00-005"]
