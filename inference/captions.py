"""A trained caption run as a function: pictures in, texts out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from roadcue.errors import BadInput
from roadcue.heads.ood_detector import OODDetector
from roadcue.heads.prediction import PicturePrediction
from roadcue.inference.asked import Asked
from roadcue.inference.hub import PushToHubMixin
from roadcue.inference.pictures import Picture, is_single, preprocessed
from roadcue.inference.still_pictures import answer_of
from roadcue.models.captioner import Captioner
from roadcue.models.registry import build_captioner
from roadcue.training.captions.config import CAPTION
from roadcue.training.captions.detector import CaptionDetector
from roadcue.training.captions.fine_tuning import caption_options
from roadcue.training.captions.targets import instruction_for
from roadcue.training.config import TrainConfig
from roadcue.training.run_folder import RunFolder


@dataclass(frozen=True)
class CaptionPrediction(PicturePrediction):
    """What is said of a picture."""

    text: str
    """What the captioner writes, whatever the picture is."""

    @property
    def sentence(self) -> str:
        """What can be said aloud: the text, or why it is not to be relied on."""
        return f"Not sure: {self.reason}." if self.reason else self.text

    def to_json(self) -> dict[str, Any]:
        """The text, and what is known of the picture."""
        return {"text": self.text, **self.about_picture()}


class CaptionPredictor(PushToHubMixin):
    """What `roadcue.load` returns for a caption run."""

    def __init__(
        self,
        captioner: Captioner,
        camera: str,
        detector: CaptionDetector | None = None,
        instruction: str | None = None,
    ) -> None:
        """A trained captioner, on its device, the camera whose pictures it has learnt from, and what tells others.

        `instruction`: what it is asked; what it is asked by itself, if nothing is said.
        """
        self.captioner, self.camera, self._detector = captioner.eval(), camera, detector
        self.instruction = captioner.instruction if instruction is None else instruction

    @classmethod
    def of_run(cls, folder: RunFolder, config: TrainConfig, device: str) -> "CaptionPredictor":
        """The captioner that a run has left; BadCheckpoint when it cannot be used."""
        folder.read_facts()  # which a run that is not finished lacks
        captioner = build_captioner(config.encoder, checkpoint=str(folder.model), aspect=config.aspect)
        detector = CaptionDetector.of_run(folder.model, config, device)
        asked = instruction_for(caption_options(config).target, captioner)
        predictor = cls(captioner.to(device), config.camera_names[0], detector, asked)
        predictor.folder, predictor.config = folder, config
        return predictor

    @torch.no_grad()
    def predict(self, images: Any) -> dict[str, Any]:
        """{"caption": a CaptionPrediction} of one Picture, or a list of them for a sequence of b.

        BadInput for an empty one, or what is no picture.
        """
        single = is_single(images)
        pictures: Sequence[Picture] = [images] if single else images
        if not len(pictures):
            raise BadInput("predict is given no picture: an empty batch has no prediction")
        pixels = self._pixels(pictures)
        captioner = self.captioner
        written = captioner.generate(captioner.encode(pixels), captioner.prompt(self.instruction))
        scores = [None] * len(written) if self._detector is None else self._detector(pixels).tolist()
        texts = [CaptionPrediction(one.text, ood_score=score) for one, score in zip(written, scores, strict=True)]
        return {CAPTION: texts[0] if single else texts}

    @property
    def detector(self) -> OODDetector | None:
        """What tells pictures unlike those that were learnt from; None in a run that has none."""
        return None if self._detector is None else self._detector.detector

    def stored(self, pictures: Sequence[Picture]) -> tuple[Tensor, Tensor]:
        """Features (b, 1, k, d) float16 and contrast (b, 1, 11, 4) of pictures, of a run that has a detector."""
        if self._detector is None:
            raise BadInput("this run has no detector of unlike pictures")
        return self._detector.stored(self._pixels(pictures))

    def _pixels(self, pictures: Sequence[Picture]) -> Tensor:
        """(b, 3, S, S) uint8."""
        preprocess = self.captioner.preprocess
        return torch.stack([preprocessed(picture, preprocess, preprocess.least_side) for picture in pictures])

    def check_answerable(self, asked: Sequence[Asked]) -> None:
        """Every picture has an answer."""

    def answers(self, asked: Sequence[Asked]) -> list[dict[str, Any]]:
        """The prediction of each moment as JSON, with its sentence; BadInput for one without a picture."""
        if blind := next((one for one in asked if self.camera not in one.images), None):
            raise BadInput(f"{blind.id}: has no picture of the camera {self.camera}")
        texts = self.predict([one.images[self.camera] for one in asked])[CAPTION]
        return [{CAPTION: answer_of(text, one)} for text, one in zip(texts, asked, strict=True)]
