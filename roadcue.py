"""RoadCue as a library: `roadcue.load("runs/x").predict(images=..., past=..., intent=...)`."""

from loaders.sample import Intent
from training.cue_answers import CuePrediction
from training.field_answers import FieldPrediction
from training.predictor import RoadPredictor, WaypointPrediction

load = RoadPredictor.load

__all__ = ["CuePrediction", "FieldPrediction", "Intent", "RoadPredictor", "WaypointPrediction", "load"]
