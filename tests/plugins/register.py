"""The file that `--plugin` names: it registers what is in the package beside it, which nobody has installed."""

import sys
from pathlib import Path

from roadcue.heads.registry import HEADS
from roadcue.loaders.registry import DATASETS
from roadcue.models.registry import CAPTIONERS, ENCODERS

sys.path.insert(0, str(Path(__file__).parent / "package"))
from road_dots.colour import build
from road_dots.data import DOTS
from road_dots.dot import DotHead
from road_dots.shouting import ShoutingCaptioner

DATASETS.register("dots", DOTS)
ENCODERS.register("colour", build)
HEADS.register("dot", DotHead)
CAPTIONERS.register("shouting", ShoutingCaptioner.from_pretrained)
