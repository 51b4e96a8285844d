"""Where things that can be made again are kept between runs."""

import os
from pathlib import Path

import platformdirs

from roadcue.files import user_path


def cache_root() -> Path:
    """The folder of the environment variable ROADCUE_CACHE, or this system's user cache folder for RoadCue."""
    named = os.environ.get("ROADCUE_CACHE")
    return user_path(named) if named else Path(platformdirs.user_cache_dir("roadcue"))
