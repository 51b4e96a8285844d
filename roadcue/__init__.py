"""RoadCue as a library: `roadcue.load("runs/x").predict(images=..., past=..., intent=...)`."""

import os
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from roadcue.heads.cue.words import CuePrediction
    from roadcue.heads.field.words import FieldPrediction
    from roadcue.heads.waypoint.words import WaypointPrediction
    from roadcue.inference.captions import CaptionPrediction, CaptionPredictor
    from roadcue.inference.predictor import RoadPredictor
    from roadcue.schema import Intent

__version__ = "0.1.0"
__all__ = [
    "CaptionPrediction",
    "CaptionPredictor",
    "CuePrediction",
    "FieldPrediction",
    "Intent",
    "RoadPredictor",
    "WaypointPrediction",
    "load",
]

_ROOT = Path(__file__).parents[1]
# In a checkout the rooms lie beside this folder, whatever is installed; in the wheel they lie in it.
if (_ROOT / "heads" / "registry.py").exists():
    __path__.append(str(_ROOT))

# A notebook hands its way of showing figures on to every command that is typed in it. Where that package is not
# installed no import of matplotlib works, and RoadCue's figures, which go into files, need none.
if os.environ.get("MPLBACKEND", "").startswith("module://"):
    _PACKAGE = os.environ["MPLBACKEND"].removeprefix("module://").partition(".")[0]
    if not _PACKAGE or find_spec(_PACKAGE) is None:
        del os.environ["MPLBACKEND"]

_WHERE = {
    "CuePrediction": "roadcue.heads.cue.words",
    "FieldPrediction": "roadcue.heads.field.words",
    "CaptionPrediction": "roadcue.inference.captions",
    "CaptionPredictor": "roadcue.inference.captions",
    "Intent": "roadcue.schema",
    "RoadPredictor": "roadcue.inference.predictor",
    "WaypointPrediction": "roadcue.heads.waypoint.words",
}
"""Imported when they are asked for: naming the library must not cost an import of torch."""


def load(
    run: str | Path,
    device: str = "cpu",
    plugins: Sequence[str] = (),
    revision: str | None = None,
    compile: bool = False,
    checkpoint: str | Path | None = None,
) -> "RoadPredictor | CaptionPredictor":
    """The predictor of a finished run folder; BadInput or BadCheckpoint when it or its weights cannot be used.

    `run` is a folder, or "org/name" on the model hub, there at `revision`, main where none is given; a folder goes
    first. `plugins` are Python files that the run was trained with: code, which is never loaded unless it is named
    here. `compile` lets torch.compile make code of the encoder when it is first called, as predict.py's --compile.
    `checkpoint` is where the one that the run was trained with lies now; other weights are refused.
    """
    from roadcue.inference.run import load as load_run

    return load_run(run, device, plugins, revision, compile, checkpoint)


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'roadcue' has no attribute {name!r}")
