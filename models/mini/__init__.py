"""The miniature checkpoints shipped with RoadCue; `python -m training.pretrain_mini` trains them."""

from pathlib import Path

SMOL = Path(__file__).parent / "smol"
"""The folder of the miniature SmolVLM2."""
NAME = "RoadCue's miniature SmolVLM2"
"""What it is called where models are listed."""
DESCRIPTION = "miniature shipped with RoadCue, trained on drawn RoadWorld pictures only"
"""What its weights are, for the head of a run."""
