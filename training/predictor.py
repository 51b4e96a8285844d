"""A trained run as a function: pictures, past states and intent in, named predictions with units out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from loaders import jpeg
from loaders.errors import BadInput
from loaders.sample import FUTURE_STEPS, PAST_STEPS, STATE_COLUMNS, STEP_S, Intent
from models.encoder import Encoder
from models.pooling import pool_tokens
from training.batches import StoredBatch
from training.build import build_run_encoder
from training.command_line import parse_file
from training.config import TrainConfig
from training.extraction import encoder_parts
from training.road_model import RoadModel
from training.run_folder import RunFolder, check_same_encoder

Picture = Image.Image | np.ndarray | Tensor | bytes
"""PIL; NumPy (H, W, 3) uint8 RGB; torch (3, H, W) or (H, W, 3) uint8 RGB; or the bytes of a JPEG."""


@dataclass(frozen=True)
class WaypointPrediction:
    """Where to go. For a batch every array gets a leading dimension b.

    `waypoints_m` (20, 2) metres, ego frame: x forward, y left, origin at the rear axle at t = 0;
    `times_s` (20,) seconds after t = 0: 0.25 ... 5.
    """

    waypoints_m: np.ndarray
    times_s: np.ndarray


class RoadPredictor:
    """What `roadcue.load` returns."""

    def __init__(self, model: RoadModel, encoder: Encoder, config: TrainConfig) -> None:
        """Parts of a finished run, on one device."""
        self.model, self.encoder, self.config = model.eval(), encoder, config

    @classmethod
    def load(cls, run: str | Path, device: str = "cpu") -> "RoadPredictor":
        """Read the run folder `run`; BadInput or BadCheckpoint when it or its encoder's weights cannot be used."""
        folder = RunFolder.of(run)
        config = parse_file(TrainConfig, folder.config)
        encoder = build_run_encoder(config, device)
        check_same_encoder(folder, encoder_parts(encoder, config))
        return cls(RoadModel.from_pretrained(folder.model).to(device), encoder, config)

    @torch.no_grad()
    def predict(self, images: Any = None, *, past: Any, intent: Any) -> dict[str, WaypointPrediction]:
        """Predict with the run's head and all its baselines: name -> prediction.

        One sample: `images` a Picture (or camera name -> Picture), `past` (16, 6), `intent` an Intent, its name or
        its number. A batch: sequences of b of them, `past` (b, 16, 6). A camera that a mapping lacks is a missing
        camera. `images` may be None for a run without an encoder. BadInput when a shape or a value does not fit.
        """
        states = torch.as_tensor(past, dtype=torch.float32, device="cpu").detach()
        single = states.ndim == 2
        states = states[None] if single else states
        if states.ndim != 3 or states.shape[1:] != (PAST_STEPS, len(STATE_COLUMNS)) or not states.isfinite().all():
            raise BadInput(
                f"past has the shape {tuple(states.shape)}: expected ({PAST_STEPS}, {len(STATE_COLUMNS)}) or "
                f"(b, {PAST_STEPS}, {len(STATE_COLUMNS)}) finite numbers, columns {', '.join(STATE_COLUMNS)}"
            )
        intents = [_intent(value) for value in ([intent] if single else intent)]
        samples = [
            _by_camera(picture, self.config.camera_names)
            for picture in ([images] if single else _listed(images, len(states)))
        ]
        if not len(states) == len(intents) == len(samples):
            raise BadInput(
                f"{len(samples)} images, {len(states)} pasts and {len(intents)} intents: expected as many of each"
            )
        device = next(self.model.buffers()).device
        stored, present = self._features(samples)
        batch = StoredBatch(
            stored=stored.to(device),
            present=present.to(device),
            past=states.to(device),
            intent=torch.tensor(intents, device=device),
            future=torch.full((len(states), FUTURE_STEPS, 2), torch.nan, device=device),
        )
        times = STEP_S * np.arange(1, FUTURE_STEPS + 1)
        return {
            name: WaypointPrediction(waypoints[0] if single else waypoints, times)
            for name, waypoints in (
                (name, prediction["waypoints"].cpu().numpy()) for name, prediction in self.model(batch).items()
            )
        }

    def _features(self, samples: Sequence[Mapping[str, Picture]]) -> tuple[Tensor, Tensor]:
        """(b, c, k, d) float16 as the store would hold them, (b, c) bool present."""
        cameras = self.config.camera_names
        present = torch.tensor([[camera in sample for camera in cameras] for sample in samples])
        if self.encoder.width == 0:
            return torch.zeros(len(samples), len(cameras), 0, 0), present
        named = [sample[camera] for sample in samples for camera in cameras if camera in sample]
        pictures = [self._preprocessed(picture) for picture in named]
        if not pictures:
            raise BadInput(f"no image for the cameras {', '.join(cameras)} that this run was trained on")
        pooled = pool_tokens(self.encoder.encode(torch.stack(pictures)), self.config.pooling, self.config.grid)
        stored = pooled.new_zeros(*present.shape, *pooled.shape[1:], dtype=torch.float16)
        stored[present.to(stored.device)] = pooled.half()
        return stored, present

    def _preprocessed(self, picture: Picture) -> Tensor:
        """(3, S, S) uint8; a JPEG is decoded as the features that the heads were trained on."""
        if isinstance(picture, bytes):
            return self.encoder.preprocess(*jpeg.decode_at_least(picture, "images", self.encoder.side))
        return self.encoder.preprocess(_rgb(picture))


def _listed(images: Any, count: int) -> Sequence[Any]:
    """A batch of pictures as a sequence; an array or tensor is a batch if it has four dimensions."""
    return [None] * count if images is None else list(images)


def _by_camera(picture: Any, cameras: Sequence[str]) -> Mapping[str, Picture]:
    if picture is None:
        return {}
    if isinstance(picture, Mapping):
        unknown = set(picture) - set(cameras)
        if unknown:
            raise BadInput(f"this run reads the cameras {', '.join(cameras)}, not {', '.join(sorted(unknown))}")
        return picture
    if len(cameras) > 1:
        raise BadInput(f"this run reads the cameras {', '.join(cameras)}: give a mapping from camera to image")
    return {cameras[0]: picture}


def _intent(value: Any) -> int:
    try:
        return int(Intent[value.upper()] if isinstance(value, str) else Intent(int(value)))
    except (KeyError, ValueError, TypeError):
        names = ", ".join(f"{intent.name} ({intent.value})" for intent in Intent)
        raise BadInput(f"intent {value!r} is unknown; choose one of {names}") from None


def _rgb(picture: Image.Image | np.ndarray | Tensor) -> np.ndarray:
    """(H, W, 3) uint8 RGB."""
    if isinstance(picture, Image.Image):
        return np.array(picture.convert("RGB"))
    array = picture.cpu().numpy() if isinstance(picture, Tensor) else np.asarray(picture)
    if array.ndim == 3 and array.shape[0] == 3 and array.shape[2] != 3:
        array = array.transpose(1, 2, 0)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8:
        raise BadInput(f"image of shape {array.shape} and type {array.dtype}: expected (H, W, 3) uint8 RGB")
    return np.ascontiguousarray(array)
