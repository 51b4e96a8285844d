"""Paths among the options of a run, in whole: its config.yaml then says in any folder what was meant in this one."""

from dataclasses import replace
from typing import Any

from roadcue.files import user_path
from roadcue.training.captions.config import CAPTION, CaptionOptions

_PATHS = ("data_dir", "image_root", "store_dir", "from_run")
_NAMED_CHECKPOINTS = ("mini", "full")


def whole_paths(config: Any) -> dict[str, Any]:
    """The options of a `TrainConfig` that name a path, with all of it.

    A checkpoint is a path where there is such a folder; else it is a name, or to be looked for on the model hub.
    """
    found: dict[str, Any] = {name: _whole(named) for name in _PATHS if (named := getattr(config, name)) is not None}
    if config.checkpoint not in _NAMED_CHECKPOINTS and user_path(config.checkpoint).is_dir():
        found["checkpoint"] = _whole(config.checkpoint)
    captions = config.head_options.get(CAPTION)
    if isinstance(captions, CaptionOptions) and captions.clip_filter and user_path(captions.clip_filter).is_dir():
        of_clip = replace(captions, clip_filter=_whole(captions.clip_filter))
        found["head_options"] = {**config.head_options, CAPTION: of_clip}
    return found


def whole_if_there(named: Any) -> Any:
    """A path that is there with all of it, to be compared with another; whatever else, as it is."""
    return _whole(named) if isinstance(named, str) and user_path(named).exists() else named


def _whole(named: str) -> str:
    return str(user_path(named).absolute())
