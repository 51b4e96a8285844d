"""The miniature checkpoints shipped with RoadCue; `python -m roadcue.training.miniatures` trains them."""

from pathlib import Path

SMOL = Path(__file__).parent / "smol"
"""The folder of the miniature SmolVLM2."""
FLAMINGO = Path(__file__).parent / "flamingo"
"""The folder of the miniature OpenFlamingo."""
SIDE, PATCH = 224, 16
"""Of the square picture that they read, and of its patches, in pixels: both are taught by the same drawn pictures."""
FOLDERS = {"smol": SMOL, "flamingo": FLAMINGO}
"""Name of an encoder -> the folder of its miniature."""
NAMES = {"smol": "RoadCue's miniature SmolVLM2", "flamingo": "RoadCue's miniature OpenFlamingo"}
"""What they are called where models are listed."""
DESCRIPTION = "miniature shipped with RoadCue, trained on drawn RoadWorld pictures only"
"""What their weights are, for the head of a run."""
