"""The miniature checkpoints shipped with RoadCue; `python -m training.pretrain_mini` trains them."""

from pathlib import Path

SMOL = Path(__file__).parent / "smol"
"""The folder of the miniature SmolVLM2."""
DESCRIPTION = "miniature shipped with RoadCue, trained on drawn RoadWorld pictures only"
"""What its weights are, for the head of a run."""
