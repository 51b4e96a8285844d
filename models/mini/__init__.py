"""The miniature checkpoints shipped with RoadCue; `python -m models.mini` makes them."""

from pathlib import Path

SMOL = Path(__file__).parent / "smol"
"""The folder of the miniature SmolVLM2."""
DESCRIPTION = "miniature shipped with RoadCue, random weights (nothing learnt yet)"
"""What its weights are, for the head of a run."""
