"""A trained caption run as a function: pictures in, texts out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from roadcue.errors import BadInput
from roadcue.heads.ood_detector import OODDetector
from roadcue.heads.prediction import PicturePrediction
from roadcue.inference.asked import Asked
from roadcue.inference.hub import PushToHubMixin
from roadcue.inference.past_images import given_earlier
from roadcue.inference.pictures import Picture, is_single, preprocessed
from roadcue.inference.predictions import Predictions
from roadcue.inference.still_pictures import answer_of
from roadcue.models.captioner import Captioner
from roadcue.models.freezing import evaluating
from roadcue.models.generation import GenerationSettings
from roadcue.training.captions.adapted import finished_captioner
from roadcue.training.captions.config import CAPTION
from roadcue.training.captions.detector import CaptionDetector
from roadcue.training.captions.fine_tuning import caption_options
from roadcue.training.captions.targets import instruction_for, settings_for
from roadcue.training.config import TrainConfig
from roadcue.training.run_folder import RunFolder

_AT_ONCE = 16
"""Pictures that are encoded, and texts that are written, together."""


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
        frames_back: Sequence[int] = (),
        settings: GenerationSettings | None = None,
    ) -> None:
        """A trained captioner, on its device, the camera whose pictures it has learnt from, and what tells others.

        `instruction`: what it is asked; what it is asked by itself, if nothing is said. `frames_back`: the earlier
        frames that it is shown, too. `settings`: how it writes; by default as `GenerationSettings` has it.
        """
        self._frames_back = sorted(frames_back, reverse=True)
        self.captioner, self.camera, self._detector = captioner.eval(), camera, detector
        self.instruction = captioner.instruction if instruction is None else instruction
        self._settings = settings or GenerationSettings()

    @classmethod
    def of_run(cls, folder: RunFolder, config: TrainConfig, device: str) -> "CaptionPredictor":
        """The captioner that a run has left; BadCheckpoint when it cannot be used."""
        folder.read_facts()  # which a run that is not finished lacks
        captioner, detector = finished_captioner(folder, config, device)
        target, camera = caption_options(config).target, config.camera_names[0]
        asked, settings = instruction_for(target, captioner), settings_for(target)
        predictor = cls(captioner, camera, detector, asked, config.frames_back, settings)
        predictor.folder, predictor.config = folder, config
        return predictor

    def predict(self, images: Any, *, past_images: Mapping[int, Any] | None = None) -> Predictions:
        """{"caption": a CaptionPrediction} of one Picture, or a list of them for a sequence of b.

        A run with `--past_frames 10,20` needs `past_images` {10: ..., 20: ...}, each in the form of `images` and of
        that many frames earlier; None stands for a frame that is not there, for which the next one does. BadInput for
        no picture, what is none, and other numbers of them.
        """
        single = is_single(images)
        pictures: Sequence[Picture] = [images] if single else images
        if not len(pictures):
            raise BadInput("predict is given no picture: an empty batch has no prediction")
        earlier = [
            [each] if single else [None] * len(pictures) if each is None else list(each)
            for each in given_earlier(past_images, self._frames_back, self._frames_back)
        ]
        if any(len(each) != len(pictures) for each in earlier):
            raise BadInput(f"past_images: expected as many of each as the {len(pictures)} images")
        texts = self._texts([_filled(clip) for clip in zip(*earlier, pictures, strict=True)])
        return Predictions({CAPTION: texts[0] if single else texts})

    def _texts(self, clips: Sequence[Sequence[Picture]]) -> list[CaptionPrediction]:
        """What is said of each of b clips, whose pictures are in the order of time: of however many, few at once."""
        size = max(1, _AT_ONCE // max(map(len, clips)))
        with evaluating(self.captioner):
            return [
                text for first in range(0, len(clips), size) for text in self._written(clips[first : first + size])
            ]

    @torch.no_grad()
    def _written(self, clips: Sequence[Sequence[Picture]]) -> list[CaptionPrediction]:
        """What is said of clips that are written of together."""
        lengths = [len(clip) for clip in clips]
        prompts = [self._prompt(length) for length in lengths]
        parts = self._pixels([picture for clip in clips for picture in clip]).split(_AT_ONCE)
        seen = torch.cat([self.captioner.encode(part) for part in parts]).split(lengths)
        written = self.captioner.generate(pad_sequence(seen, batch_first=True), prompts, self._settings)
        scores: list[float | None] = [None] * len(clips)
        if self._detector is not None:
            of_pictures = torch.cat([self._detector(part) for part in parts]).split(lengths)
            scores = [float(of_clip.max()) for of_clip in of_pictures]
        return [CaptionPrediction(one.text, ood_score=score) for one, score in zip(written, scores, strict=True)]

    def _prompt(self, frames: int) -> list[int]:
        """What a clip of so many pictures comes with; BadInput where no room is left for the answer."""
        try:
            prompt = self.captioner.prompt(self.instruction, frames=frames)
            self._settings.check_room(len(prompt), self.captioner.longest)
        except ValueError as error:
            raise BadInput(f"a captioner cannot be shown {frames} pictures at once: {error}") from error
        return prompt

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
        clips = []
        for one in asked:
            backs = sorted(one.earlier, reverse=True)
            clips.append(_filled([*(one.earlier[back].get(self.camera) for back in backs), one.images[self.camera]]))
        texts = self._texts(clips)
        return [{CAPTION: answer_of(text, one)} for text, one in zip(texts, asked, strict=True)]


def _filled(pictures: Sequence[Picture | None]) -> list[Picture]:
    """Pictures in the order of time, in which the next one stands in for one that is not there."""
    filled: list[Picture] = []
    for picture in reversed(pictures):
        filled.insert(0, filled[0] if picture is None else picture)
    return filled
