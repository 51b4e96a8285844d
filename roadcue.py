"""RoadCue as a library: `roadcue.load("runs/x").predict(images=..., past=..., intent=...)`."""

from loaders.sample import Intent
from training.predictor import RoadPredictor, WaypointPrediction

load = RoadPredictor.load

__all__ = ["Intent", "RoadPredictor", "WaypointPrediction", "load"]
