"""Where weights come from and how they are read: safetensors and JSON only, strictly, no more than is asked for."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from roadcue.errors import BadCheckpoint
from roadcue.files import read_text, user_path
from roadcue.models import mini
from roadcue.weights import formats_in, read_safetensors

FULL = {"smol": "HuggingFaceTB/SmolVLM2-2.2B-Instruct", "flamingo": "openflamingo/OpenFlamingo-3B-vitl-mpt1b"}
"""What `--checkpoint full` means with each encoder: the published models of https://huggingface.co."""
VISION_ARCHITECTURE = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_channels",
    "image_size",
    "patch_size",
    "hidden_act",
    "layer_norm_eps",
)
"""All that is read from a `vision_config`: a file from elsewhere decides sizes, not how code is loaded or run."""
HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
"""What a name on the hub looks like: org/name."""
ADAPTER_CONFIG = "adapter_config.json"
"""The file by which the folder of an adapter is known (`models.adapters`)."""
_PUBLISHED_FILES = ("*.safetensors", "*.json", "chat_template.jinja")


def resolve_checkpoint(name: str, encoder: str = "smol") -> Path:
    """The folder of a checkpoint: "mini" (shipped), "full" (the published model), a folder, or a hub id "org/name".

    A folder goes before a hub id of the same name, and where there is a folder `org` a name is a path in it. A hub id
    is downloaded, or found in the cache when HF_HUB_OFFLINE is set. BadCheckpoint when there is nothing under the
    name; nothing else is taken instead.
    """
    place = local_or_hub(name, encoder)
    return place if isinstance(place, Path) else download(place)


def local_or_hub(name: str, encoder: str) -> Path | str:
    """The folder of a checkpoint that is here, or the hub id of one that is not; BadCheckpoint as above."""
    if name in ("mini", "full") and encoder not in FULL:
        raise BadCheckpoint(f"checkpoint {name!r}: RoadCue has none for {encoder}; name a folder or a hub id")
    if name == "mini":
        return mini.FOLDERS[encoder]
    folder = user_path(name)
    refuse_adapter(folder, name)
    _refuse_run(folder, name)
    if folder.is_dir():
        return folder
    hub_id = FULL[encoder] if name == "full" else name
    if name != "full" and HUB_ID.fullmatch(name) and folder.parent.is_dir():
        raise BadCheckpoint(
            f"checkpoint {name!r}: no such folder in {folder.parent}, which is here, so that the model hub is not "
            "asked; correct the path, or for a published model give the folder that hf download names"
        )
    if not HUB_ID.fullmatch(hub_id):
        raise BadCheckpoint(f"checkpoint {name!r}: no such folder, and it is not mini, full or a hub id org/name")
    return hub_id


def refuse_adapter(folder: Path, name: str) -> None:
    """BadCheckpoint for the folder of an adapter, which may have its checkpoint's config.json, and no weights."""
    if (folder / ADAPTER_CONFIG).exists() and not any(folder.glob("model*.safetensors*")):
        raise BadCheckpoint(
            f"checkpoint {name!r}: is an adapter, which changes a checkpoint and is none; name the run that it was "
            "trained in (--run), or the checkpoint that it is for"
        )


def _refuse_run(folder: Path, name: str) -> None:
    """BadCheckpoint for a run folder, which has its checkpoint in a folder of its own."""
    if (folder / "config.yaml").exists() and (folder / "run.json").exists():
        raise BadCheckpoint(
            f"checkpoint {name!r}: is a run folder, not a checkpoint; go on from it with --from, merge its adapter "
            "(python -m roadcue.training.merge), or name its folder encoder, or of a captioner model"
        )


def describe_checkpoint(name: str, encoder: str = "smol") -> str:
    """Which weights a name stands for, in words."""
    if name == "mini":
        return mini.DESCRIPTION
    if user_path(name).is_dir():
        return f"checkpoint in {name}"
    return f"published checkpoint {FULL.get(encoder, name) if name == 'full' else name}"


def public_name(name: str, encoder: str) -> str | None:
    """What the weights of a checkpoint are called in public; None for what may be anybody's."""
    if name == "mini":
        return mini.NAMES.get(encoder)
    if user_path(name).is_dir():
        return None
    return FULL.get(encoder) if name == "full" else name


def download(hub_id: str, files: Sequence[str] = _PUBLISHED_FILES) -> Path:
    """The folder of those files of a model on the hub, from its cache if they are there; BadCheckpoint if nowhere."""
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(hub_id, allow_patterns=list(files)))
    except (OSError, ValueError) as error:  # every error of the hub's client is one of the two
        reason = str(error).splitlines()[0]
        raise BadCheckpoint(
            f"checkpoint {hub_id}: no such folder here, and the model hub did not give it: {reason}\n"
            f"Download it where there is a network (hf download {hub_id}), or pass its folder as the checkpoint."
        ) from error


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; BadCheckpoint when the file is not there or holds something else."""
    try:
        value = json.loads(read_text(path))
    except FileNotFoundError:
        raise BadCheckpoint(f"{path}: missing; the checkpoint's folder must hold it, download it again") from None
    except (OSError, ValueError, RecursionError) as error:
        raise BadCheckpoint(f"{path}: cannot be read as JSON ({error}); download it again") from error
    if not isinstance(value, dict):
        raise BadCheckpoint(f"{path}: holds a {type(value).__name__} and not an object; download it again")
    return value


def read_tensors(folder: Path, prefix: str = "") -> dict[str, Tensor]:
    """The tensors whose keys start with `prefix`, without it, on the CPU in the dtype they are stored in.

    Reads `model.safetensors`, or through `model.safetensors.index.json` only the shards that hold such a key.
    BadCheckpoint when a file is missing or damaged, when a shard lacks what the index promises, or when no key has
    the prefix.
    """
    tensors: dict[str, Tensor] = {}
    for path, promised in _files(folder, prefix).items():
        held = dict(read_safetensors(path, prefix))
        if lacking := sorted(promised - held.keys()):
            raise BadCheckpoint(f"{path}: lacks {_few(lacking)}, which the index promises; download it again")
        tensors |= held
    if prefix and not tensors:
        raise BadCheckpoint(f"{folder}: no key starts with {prefix!r}; this is not a checkpoint that has this part")
    return {key.removeprefix(prefix): tensor for key, tensor in tensors.items()}


def tensor_names(folder: Path) -> set[str]:
    """The keys of all tensors of a checkpoint, of which an index or the beginning of one file is read.

    BadCheckpoint as in `read_tensors`.
    """
    files = _files(folder, "")
    return {key for path, promised in files.items() for key in promised or formats_in(path)}


def stored_formats(folder: Path) -> dict[str, str]:
    """The key of every tensor of a checkpoint, and its number format as safetensors calls it.

    Only the beginnings of the files are read. BadCheckpoint as in `read_tensors`.
    """
    return {key: number_format for path in _files(folder, "") for key, number_format in formats_in(path).items()}


def _files(folder: Path, prefix: str) -> dict[Path, set[str]]:
    """Each safetensors file to read, and the keys that the index promises in it."""
    single, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if single.exists():
        return {single: set()}
    if not index.exists():
        raise BadCheckpoint(
            f"{folder}: holds neither {single.name} nor {index.name}; only safetensors are read (pickled weights are "
            "refused): download the checkpoint again, or convert it with its save_pretrained"
        )
    files: dict[Path, set[str]] = {}
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict):
        raise BadCheckpoint(f"{index}: has no weight_map; download it again")
    for key, name in weight_map.items():
        if not isinstance(name, str) or name != Path(name).name or name in ("", ".", ".."):
            raise BadCheckpoint(f"{index}: {key} is said to be in {name!r}, which is no file name in this folder")
        if key.startswith(prefix):
            files.setdefault(folder / name, set()).add(key)
    return files


def _few(keys: list[str], shown: int = 4) -> str:
    return ", ".join(keys[:shown]) + (f" and {len(keys) - shown} more" if len(keys) > shown else "")
