"""Every file that RoadCue reads, small and whole: how it is written, and what its reader makes of it."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from damaged_data import DATA
from damages import Kind
from PIL import Image

from roadcue.command_line import parse_file
from roadcue.heads.registry import build_head, load_head
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.loaders import picture_file
from roadcue.models import mini
from roadcue.models.pickled import read_pickled
from roadcue.models.smol.loading import empty_tower
from roadcue.roadworld.checksums import check_checksums, write_checksums
from roadcue.schema import HeadInputs, HeadTargets
from roadcue.training.checkpoints import read_checkpoint, write_checkpoint
from roadcue.training.config import TrainConfig
from roadcue.training.run_folder import RunFolder
from roadcue.training.trained_rows import TRAINED_ROWS
from roadcue.weights import read_safetensors, write_safetensors


def _checkpoint(folder: Path) -> None:
    state = {"global_step": 3, "state_dict": {"w": torch.arange(6.0)}, "loops": [{"n": (1, 2)}]}
    write_checkpoint(folder / "last.safetensors", state)


def _head(folder: Path) -> None:
    torch.manual_seed(0)
    head = build_head("waypoint", WaypointConfig(hidden=4, residual="none"), 1, 3)
    rows = 40
    inputs = HeadInputs(
        features=torch.randn(rows, 1, 3),
        feature_mask=torch.ones(rows, 1, dtype=torch.bool),
        past=torch.randn(rows, 16, 6),
        intent=torch.randint(0, 4, (rows,)),
    )
    head.fit([(inputs, HeadTargets(future=torch.randn(rows, 20, 2)))])
    head.save_pretrained(folder)


def _facts(folder: Path) -> None:
    words = {"date": "2026", "device": "cpu", "command": "python train.py"}
    tables = {"data": {"train": "x"}, "rows": {"train": 3}, "encoder_parts": {"a": "b"}, "versions": {"roadcue": "1"}}
    RunFolder(folder).write_facts({**words, **tables, "seconds": 1.5, "skipped": 0, "seed": 0})


@dataclass(frozen=True)
class _Spec:
    seed: int


def _drawn(folder: Path) -> None:
    (folder / "shard").write_bytes(b"drawn")
    write_checksums(folder, [folder / "shard"], "1", asdict(_Spec(7)))


def _picture(format: str) -> Callable[[Path], None]:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    return lambda folder: Image.fromarray(pixels).save(folder / "picture", format)


def _read_picture(folder: Path) -> Any:
    pixels = picture_file.decode((folder / "picture").read_bytes(), str(folder / "picture"))
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3
    return pixels.tolist()


def _tensors(folder: Path) -> None:
    torch.save({"a": torch.arange(6.0), "b": torch.ones(2, 2)}, folder / "checkpoint.pt")


def _plain(tensors: Mapping[str, torch.Tensor]) -> Any:
    return {name: repr(tensor.tolist()) for name, tensor in tensors.items()}  # NaN is not equal to itself


def _config(folder: Path) -> None:
    (folder / "config.yaml").write_text("encoder: none\nhead: waypoint\nepochs: 3\nlr: 0.01\n")


def _read_tower(folder: Path) -> Any:
    return {name: list(weight.shape) for name, weight in empty_tower(folder, held=100).state_dict().items()}


KINDS: Mapping[str, Kind] = {
    **DATA,
    "run.json": Kind(_facts, lambda folder: RunFolder(folder).read_facts(), "run.json"),
    "last.safetensors": Kind(
        _checkpoint,
        lambda folder: repr(read_checkpoint(folder / "last.safetensors")),
        "last.safetensors",
        sealed=True,
    ),
    "head config": Kind(_head, lambda folder: _plain(load_head(folder).state_dict()), "config.json"),
    "head weights": Kind(_head, lambda folder: _plain(load_head(folder).state_dict()), "model.safetensors"),
    "drawn manifest": Kind(
        _drawn,
        lambda folder: check_checksums(folder, _Spec, "world", "python -m draw", hashes=True).seed,
        "manifest.json",
    ),
    "JPEG": Kind(_picture("JPEG"), _read_picture, "picture"),
    "PNG": Kind(_picture("PNG"), _read_picture, "picture"),
    "WebP": Kind(_picture("WEBP"), _read_picture, "picture"),
    "checkpoint.pt": Kind(_tensors, lambda folder: _plain(read_pickled(folder / "checkpoint.pt")), "checkpoint.pt"),
    "tower config": Kind(
        lambda folder: shutil.copy(mini.SMOL / "config.json", folder),
        _read_tower,
        "config.json",
    ),
    "trained rows": Kind(
        lambda folder: write_safetensors(folder / TRAINED_ROWS, {"rows": torch.arange(4)}),
        lambda folder: _plain(dict(read_safetensors(folder / TRAINED_ROWS))),
        TRAINED_ROWS,
    ),
    "config.yaml": Kind(
        _config,
        lambda folder: repr(parse_file(TrainConfig, folder / "config.yaml")),
        "config.yaml",
    ),
}
