"""A trained run as a function: pictures, past states and intent in, named predictions with units out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor

from roadcue.errors import BadInput
from roadcue.heads.multi_head import BLIND_SUFFIX, MultiHeadModel
from roadcue.heads.ood_detector import OODDetector
from roadcue.heads.registry import WAYPOINT
from roadcue.inference.asked import Asked
from roadcue.inference.given_states import given_intents, given_pasts, warn_of_pasts
from roadcue.inference.hub import PushToHubMixin
from roadcue.inference.past_images import given_earlier
from roadcue.inference.pictures import Picture, is_single, preprocessed
from roadcue.inference.predictions import Predictions
from roadcue.inference.still_pictures import answer_of
from roadcue.loaders.contrast import CONTRAST_SHAPE, contrast
from roadcue.models.encoder import Encoder
from roadcue.models.freezing import evaluating
from roadcue.models.pooling import pool_tokens
from roadcue.schema import PAST_STATES, STATE_COLUMNS, Intent, StoredInputs
from roadcue.training.build import encoder_of_run
from roadcue.training.config import TrainConfig
from roadcue.training.extraction import encoder_parts
from roadcue.training.run_folder import RunFolder, check_same_encoder

_LACKS_PAST = "there are no past states, which a path starts from; name a manifest that has them, or --states"


class RoadPredictor(PushToHubMixin):
    """What `roadcue.load` returns."""

    def __init__(self, model: MultiHeadModel, encoder: Encoder, config: TrainConfig) -> None:
        """Parts of a finished run, on one device."""
        self.model, self.encoder, self.config = model.eval(), encoder, config
        if lacking := set(config.head_names) - set(model.heads):
            raise BadInput(f"the run's model has no head {', '.join(sorted(lacking))}, which its config.yaml names")
        self._head_of = {
            method: model.heads[name]
            for name in config.head_names
            for method in (name, name + BLIND_SUFFIX, *(baseline.name for baseline in model.heads[name].baselines))
        }
        if foreign := set(model.heads) - set(self._head_of):
            raise BadInput(f"the run's model has {', '.join(sorted(foreign))}, which its config.yaml does not name")

    @classmethod
    def of_run(cls, folder: RunFolder, config: TrainConfig, device: str, *, compile: bool = False) -> "RoadPredictor":
        """The model that a run has left; BadInput or BadCheckpoint when it or its encoder cannot be used."""
        encoder = encoder_of_run(folder, replace(config, compile=compile), device)
        check_same_encoder(folder, encoder_parts(encoder, config))
        predictor = cls(MultiHeadModel.from_pretrained(folder.model).to(device), encoder, config)
        predictor.folder = folder
        return predictor

    @torch.inference_mode()
    def predict(
        self,
        images: Any = None,
        *,
        past: Any = None,
        intent: Any = None,
        past_images: Mapping[int, Any] | None = None,
        baselines: bool = False,
    ) -> Predictions:
        """Predict with the run's heads, and with all their `baselines` where these are asked for: name -> prediction.

        That is what the head's `words` gives: a `WaypointPrediction` for a head that predicts a path, a
        `FieldPrediction` for the field head, a `CuePrediction` for the cue head, and the same for their baselines; a
        sequence of b of them for a batch.

        One sample: `images` a Picture (or camera name -> Picture), `past` (16, 6), `intent` an Intent, its name or
        its number. A batch: sequences of b of them, `past` (b, 16, 6). A run without a head that predicts paths needs
        neither `past` nor `intent`: they are unknown where they are not given. A camera that a mapping lacks is a
        missing camera. `images` may be None for a run without an encoder. A run with `--past_frames 10,20` needs
        `past_images` {10: ..., 20: ...}, each in the form of `images` and of that many frames earlier; None stands
        for a frame that is not there. BadInput when a shape or a value does not fit; past states and intents
        are refused for what a manifest's are, and those that look like other units or another frame are warned of.
        """
        states, single = self._states(past, images)
        if past is not None:
            warn_of_pasts(states.numpy(), single)
        if not len(states):
            raise BadInput("predict is given no sample: an empty batch has no prediction")
        if intent is None:
            self._needs_no_path("intent")
            intents = [int(Intent.UNKNOWN)] * len(states)
        else:
            intents = given_intents(intent, single)
        cameras = self.config.camera_names
        frames = [
            [_by_camera(picture, cameras) for picture in ([_one(frame)] if single else _listed(frame, len(states)))]
            for frame in (images, *given_earlier(past_images, self.config.frames_back, self._frames_back))
        ]
        counts = {"images": len(frames[0]), "pasts": len(states), "intents": len(intents)}
        counts |= {f"images of past_images[{back}]": len(frames[1 + i]) for i, back in enumerate(self._frames_back)}
        if len(set(counts.values())) > 1:
            *first, last = (f"{count} {name}" for name, count in counts.items())
            raise BadInput(f"{', '.join(first)} and {last}: expected as many of each")
        names = self.model.heads if baselines else self.config.head_names
        predicted = self._predicted(frames, states, intents, names)
        return Predictions({name: self._in_words(name, each, single) for name, each in predicted.items()})

    def _predicted(
        self,
        frames: Sequence[Sequence[Mapping[str, Picture]]],
        past: Tensor,
        intents: Sequence[int],
        names: Iterable[str],
    ) -> dict[str, Mapping[str, Tensor]]:
        """What the named heads and baselines make of the samples now and in each earlier frame, past (b, 16, 6)."""
        weights = chain(self.model.parameters(), self.model.buffers())
        device = next((tensor.device for tensor in weights), torch.device("cpu"))
        stored, contrasts, present = self._features(frames)
        inputs = StoredInputs(
            stored=stored.to(device),
            contrast=contrasts.to(device),
            present=present.to(device),
            past=past.to(device),
            intent=torch.tensor(intents, device=device),
        )
        with evaluating(self.model):
            predicted: dict[str, Mapping[str, Tensor]] = self.model(inputs, names)
        return predicted

    @property
    def detector(self) -> OODDetector | None:
        """What tells pictures unlike those that were learnt from; None in a run that sees none."""
        return self.model.detector

    def stored(self, pictures: Sequence[Picture]) -> tuple[Tensor, Tensor]:
        """Features (b, 1, k, d) float16 and contrast (b, 1, 11, 4) of pictures, as a store holds them.

        Each is the only one of a moment.
        """
        frames = [[{self.config.camera_names[0]: picture} for picture in pictures]]
        with torch.no_grad():
            return self._features(frames)[:2]

    def check_answerable(self, asked: Sequence[Asked]) -> None:
        """BadInput for a run that predicts paths alone, where nothing that is asked has past states."""
        if set(self.config.head_names) == {WAYPOINT} and not any(one.knows_past for one in asked):
            lacks = next((one.lacks for one in asked if one.lacks), _LACKS_PAST)
            raise BadInput(f"this run predicts paths, and {lacks}; or use roadcue.load(run).predict")

    @torch.inference_mode()
    def answers(self, asked: Sequence[Asked]) -> list[dict[str, Any]]:
        """The run's own heads' predictions of each moment as JSON, each with its sentence; no baseline's.

        A path that cannot start is said to lack past states. BadInput for a picture that cannot be read, or a moment
        without any that the run reads.
        """
        if self.encoder.width and (blind := next((one for one in asked if not one.images), None)):
            raise BadInput(f"{blind.id}: has no picture of the cameras {', '.join(self.config.camera_names)}")
        frames = [[one.images for one in asked]]
        frames += [[one.earlier.get(back, {}) for one in asked] for back in self._frames_back]
        past = torch.from_numpy(np.stack([one.past for one in asked]))
        predicted = self._predicted(frames, past, [one.intent for one in asked], self.config.head_names)
        named = {name: self._in_words(name, predicted[name], single=False) for name in self.config.head_names}
        return [
            {
                name: answer_of(several[place], one)
                if name != WAYPOINT or one.knows_past
                else {"lacks": one.lacks or _LACKS_PAST}
                for name, several in named.items()
            }
            for place, one in enumerate(asked)
        ]

    def _in_words(self, method: str, prediction: Mapping[str, Tensor], single: bool) -> Any:
        """A method's tensors as its prediction with units and words, by the head that it stands beside."""
        arrays = {key: tensor.cpu().numpy() for key, tensor in prediction.items()}
        several = self._head_of[method].words(arrays)
        return several[0] if single else several

    def _states(self, past: Any, images: Any) -> tuple[Tensor, bool]:
        """(b, 16, 6) past states, NaN where none are given, and whether one sample was asked for."""
        shape = (PAST_STATES, len(STATE_COLUMNS))
        if past is None:
            self._needs_no_path("past")
            single = is_single(images)
            return torch.full((1 if single else len(images), *shape), torch.nan), single
        states, single = given_pasts(past)
        return torch.from_numpy(states), single

    def _needs_no_path(self, missing: str) -> None:
        """BadInput when something that a predicted path starts from is missing."""
        if WAYPOINT in self.model.heads:
            raise BadInput(f"{missing} is missing: this run predicts paths, which it needs past and intent for")

    @property
    def _frames_back(self) -> tuple[int, ...]:
        """The earlier frames that are read: none without an encoder."""
        return self.config.frames_back if self.encoder.width else ()

    def _features(self, frames: Sequence[Sequence[Mapping[str, Picture]]]) -> tuple[Tensor, Tensor, Tensor]:
        """The samples now and in each earlier frame -> (b, c, k, d) float16, (b, c, 11, 4), (b, c) bool of a batch.

        Of however many, `encode_batch` pictures are in memory at once.
        """
        cameras = self.config.camera_names
        pictures = [
            [sample.get(camera) for sample in samples for camera in cameras] for samples in zip(*frames, strict=True)
        ]
        present = torch.tensor([[picture is not None for picture in row] for row in pictures])
        if self.encoder.width == 0:
            return torch.zeros(*present.shape, 0, 0), torch.zeros(*present.shape, 0), present
        if not present[:, : len(cameras)].any():
            raise BadInput(f"no image for the cameras {', '.join(cameras)} that this run was trained on")
        given = [picture for row in pictures for picture in row if picture is not None]
        size = self.config.encode_batch
        encoded = [self._encoded(given[first : first + size]) for first in range(0, len(given), size)]
        pooled, contrast_of = (torch.cat(parts) for parts in zip(*encoded, strict=True))
        stored = pooled.new_zeros(*present.shape, *pooled.shape[1:])
        stored[present.to(stored.device)] = pooled
        contrasts = torch.zeros(*present.shape, *CONTRAST_SHAPE)
        contrasts[present] = contrast_of
        return stored, contrasts.to(stored.device), present

    def _encoded(self, pictures: Sequence[Picture]) -> tuple[Tensor, Tensor]:
        """(n, k, d) float16 and (n, 11, 4) of n pictures that are encoded together."""
        pixels = torch.stack([preprocessed(one, self.encoder.preprocess, self.encoder.side) for one in pictures])
        pooled = pool_tokens(self.encoder.encode(pixels), self.config.pooling, self.config.grid)
        return pooled.half(), contrast(pixels)


def _one(images: Any) -> Any:
    """The images of one sample; BadInput for a list of them."""
    if not is_single(images):
        raise BadInput("images: several pictures beside the past (16, 6) of one sample; give one, or past (b, 16, 6)")
    return images


def _listed(images: Any, count: int) -> Sequence[Any]:
    """A batch of pictures as a sequence; an array or tensor is a batch if it has four dimensions."""
    if images is None:
        return [None] * count
    if is_single(images):
        raise BadInput(f"images: one picture beside {count} pasts; give a list of pictures, or past (16, 6) for one")
    return list(images)


def _by_camera(picture: Any, cameras: Sequence[str]) -> Mapping[str, Picture]:
    if picture is None:
        return {}
    if isinstance(picture, Mapping):
        unknown = sorted(str(name) for name in set(picture) - set(cameras))
        if unknown:
            raise BadInput(f"this run reads the cameras {', '.join(cameras)}, not {', '.join(unknown)}")
        return picture
    if len(cameras) > 1:
        raise BadInput(f"this run reads the cameras {', '.join(cameras)}: give a mapping from camera to image")
    return {cameras[0]: picture}
