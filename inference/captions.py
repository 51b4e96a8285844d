"""A trained caption run as a function: pictures in, texts out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from roadcue.errors import BadInput
from roadcue.inference.pictures import Picture, is_single, preprocessed
from roadcue.models.captioner import Captioner
from roadcue.models.registry import build_captioner
from roadcue.training.config import CAPTION, TrainConfig
from roadcue.training.run_folder import RunFolder


@dataclass(frozen=True)
class CaptionPrediction:
    """What is said of a picture."""

    sentence: str
    """The captioner's text."""

    def to_json(self) -> dict[str, Any]:
        """The text."""
        return {"text": self.sentence}


class CaptionPredictor:
    """What `roadcue.load` returns for a caption run."""

    def __init__(self, captioner: Captioner) -> None:
        """A trained captioner, on its device."""
        self.captioner = captioner.eval()

    @classmethod
    def of_run(cls, folder: RunFolder, config: TrainConfig, device: str) -> "CaptionPredictor":
        """The captioner that a run has left; BadCheckpoint when it cannot be used."""
        folder.read_facts()  # which a run that is not finished lacks
        captioner = build_captioner(config.encoder, checkpoint=str(folder.model), aspect=config.aspect)
        return cls(captioner.to(device))

    @torch.no_grad()
    def predict(self, images: Any) -> dict[str, Any]:
        """{"caption": a CaptionPrediction} of one Picture, or a list of them for a sequence of b.

        BadInput for an empty one, or what is no picture.
        """
        single = is_single(images)
        pictures: Sequence[Picture] = [images] if single else images
        if not len(pictures):
            raise BadInput("predict is given no picture: an empty batch has no prediction")
        pixels = torch.stack(
            [preprocessed(picture, self.captioner.preprocess, self.captioner.preprocess.side) for picture in pictures]
        )
        texts = [CaptionPrediction(text) for text in self.captioner.generate(pixels, self.captioner.instruction)]
        return {CAPTION: texts[0] if single else texts}

    def answers(self, pictures: Sequence[Path]) -> list[dict[str, Any]]:
        """The prediction of each file as JSON, with its sentence."""
        texts = self.predict(list(pictures))[CAPTION]
        return [{CAPTION: {**text.to_json(), "sentence": text.sentence}} for text in texts]
