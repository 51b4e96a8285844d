"""What of a run folder is for everybody: its model, its options and what it is, and no place of the user's machine.

config.json        the options of config.yaml, without those that name a place
run.json           what the run was, of the facts those that say nothing of the machine but its device
model/             the trained heads, or the captioner, as they are: safetensors and JSON
adapter/, encoder/ what a stage two has made of the encoder, where there was one
trained_rows.safetensors    hashes of the rows that they saw, so that no such sequence is scored as held out
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

from roadcue.cache import cache_root
from roadcue.errors import BadInput
from roadcue.files import user_path
from roadcue.options_as_text import as_yaml
from roadcue.training.config import TrainConfig
from roadcue.training.run_folder import PUBLIC_CONFIG, RunFolder
from roadcue.training.trained_rows import TRAINED_ROWS

WEIGHT_FOLDERS = ("model", "adapter", "encoder")
"""What a run may have learnt, each in a folder of its own."""
_MODEL_FILES = tuple(f"{folder}/*.{kind}" for folder in WEIGHT_FOLDERS for kind in ("safetensors", "json", "jinja"))
PUBLIC_FILES = (PUBLIC_CONFIG, "run.json", TRAINED_ROWS, *_MODEL_FILES)
"""Patterns of the files that such a run consists of, in which * is any part of a path; none of them is a pickle."""
_PLACES = ("data_dir", "image_root", "store_dir", "run_dir")
"""Options that name a folder."""
_FACTS = (
    *("date", "data", "rows", "calibration", "limit", "cameras", "not_learnt", "untaught", "skipped"),
    *("texts", "clip_filter"),
    *("encoder", "stage_two", "captioner", "encoder_parts", "seed", "versions", "device", "seconds"),
)
"""Of run.json; all but the command, hashes of the data and warnings, which name files."""
_ABSOLUTE = re.compile(r"(?:,?\s(?:in|from|of|below))?(?:^|(?<=\s)|\s)(?:~|/|[A-Za-z]:[\\/])[^;,]*")
"""A whole path in a sentence, with the word before it, up to the end of its clause."""


def write_public_run(folder: RunFolder, config: TrainConfig, into: Path, checkpoint: str | None) -> TrainConfig:
    """Write it; returns the options that others see.

    `checkpoint` is where others find the encoder's weights. BadInput when they are in a folder and it is not given,
    as others could not load the run.
    """
    public = replace(config, checkpoint=_checkpoint(folder, config, checkpoint))
    options = _each(yaml.safe_load(as_yaml(public)), _without_folder)
    options = {name: value for name, value in options.items() if name not in _PLACES}
    options["plugin"] = [Path(file).name for file in config.plugin]
    if config.from_run is not None:
        options["from_run"] = user_path(config.from_run).name
    _write_json(into / PUBLIC_CONFIG, options)
    _write_json(into / "run.json", _public_facts(folder, config))
    for file in sorted(folder.path.rglob("*")):
        name = file.relative_to(folder.path).as_posix()
        if file.is_file() and (name == TRAINED_ROWS or any(fnmatch(name, pattern) for pattern in _MODEL_FILES)):
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            _link(file.resolve(), into / name)
    return public


def public_sentence(text: str, config: TrainConfig) -> str:
    """A sentence about the data or the encoder of a run without the folders that it names."""
    named = [getattr(config, name) for name in _PLACES]
    if _in_folder(config.checkpoint):
        text = text.replace(config.checkpoint, "a folder")
    for place in sorted({*filter(None, named), str(cache_root())}, key=len, reverse=True):
        for written in (str(user_path(place).absolute()), place):
            text = text.replace(written, "/")  # so that what follows it goes, too
    return _ABSOLUTE.sub("", text)


def _public_facts(folder: RunFolder, config: TrainConfig) -> dict[str, Any]:
    facts = folder.read_facts()
    kept = {name: facts[name] for name in _FACTS if name in facts}
    parts = {"encoder_parts": kept.pop("encoder_parts")}  # compared word by word when the run is loaded
    public: dict[str, Any] = _each(kept, lambda text: public_sentence(text, config))
    return {**public, **parts, "command": f"python train.py --config {PUBLIC_CONFIG}"}


def _checkpoint(folder: RunFolder, config: TrainConfig, given: str | None) -> str:
    """What the option is for others; a captioner that learnt whole has its weights with it."""
    if config.captions and config.lora and config.from_run:
        raise BadInput(
            f"{folder.path}: its adapter stands on the run {config.from_run}, which others do not have; merge both "
            f"(python -m roadcue.training.merge --run {folder.path} --out FOLDER) and push a run of that "
            "(--checkpoint FOLDER --epochs 0)"
        )
    if given is not None:
        if _in_folder(given):
            raise BadInput(f"checkpoint={given!r}: is a folder of this machine, too; name 'full' or a hub id")
        return given
    if not _in_folder(config.checkpoint):
        return config.checkpoint
    if (config.captions and not config.lora) or config.stage == "full":  # whose weights go with the run
        return user_path(config.checkpoint).name
    raise BadInput(
        f"{folder.path}: the weights of its encoder are in {config.checkpoint}, which others do not have; say where "
        "they find the same ones: push_to_hub(..., checkpoint='full') or a hub id. Loading refuses any others."
    )


def _in_folder(checkpoint: str) -> bool:
    return checkpoint not in ("mini", "full") and (
        os.path.isabs(user_path(checkpoint)) or user_path(checkpoint).is_dir()
    )


def _without_folder(value: str) -> str:
    """The name alone of what an option of a head or a plugin may name by its whole path."""
    return user_path(value).name if value.startswith(("/", "~")) else value


def _each(value: Any, change: Callable[[str], str]) -> Any:
    """The same with every text in it changed."""
    if isinstance(value, Mapping):
        return {name: _each(one, change) for name, one in value.items()}
    if isinstance(value, list):
        return [_each(one, change) for one in value]
    return change(value) if isinstance(value, str) else value


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _link(file: Path, place: Path) -> None:
    """A captioner has gigabytes, which need not be copied to be read once."""
    try:
        place.symlink_to(file)
    except OSError:  # a system without links
        shutil.copyfile(file, place)
