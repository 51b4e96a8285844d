"""A caption run that writes: its captioner, its pictures, and how it is asked under a condition."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from roadcue.errors import BadInput
from roadcue.evaluation.conditions import FREE, Condition
from roadcue.evaluation.cost import Cost, cost_of
from roadcue.evaluation.few_shot import FewShot
from roadcue.evaluation.frames import scored_as
from roadcue.evaluation.written_texts import TextFile, WrittenText
from roadcue.models.captioner import Captioner
from roadcue.models.generation import GenerationSettings, Written
from roadcue.models.grammar import Grammar
from roadcue.models.registry import build_captioner
from roadcue.progress import ProgressLine
from roadcue.prompts.annotation_json import CLOSED_SCHEMA
from roadcue.prompts.bvpi_grammar import BVPI_EBNF
from roadcue.prompts.path_text import PATH_EBNF
from roadcue.training.build import device, open_split
from roadcue.training.captions.clips import encoded
from roadcue.training.captions.detector import CaptionDetector
from roadcue.training.captions.fine_tuning import caption_options, caption_pictures
from roadcue.training.captions.pictures import CaptionPictures
from roadcue.training.captions.targets import instruction_for
from roadcue.training.config import TrainConfig
from roadcue.training.run_folder import RunFolder
from roadcue.training.steps import InOrder

GRAMMARS: Mapping[str, Callable[[], Grammar]] = {
    "bvpi": lambda: Grammar(BVPI_EBNF),
    "json": lambda: Grammar.of_schema(CLOSED_SCHEMA),
    "path": lambda: Grammar(PATH_EBNF),
}
"""Kind of text -> what it may be held to; free words have no form."""
_LONGEST = {"json": 640}
"""Kind of text -> new tokens at most, where that is more than the default: a whole annotation in the miniature's
tokens takes 460 to 530."""


_AT_ONCE = 16
"""Pictures of a batch: of more, the answers are hardly written faster, and what stops loses them."""


@dataclass(frozen=True)
class CaptionRun:
    """What a caption run has left, and the pictures of a split that can be read; `bad` are the others' faults."""

    folder: RunFolder
    options: TrainConfig
    split: str
    captioner: Captioner
    detector: CaptionDetector | None
    pictures: CaptionPictures
    bad: Sequence[str]
    seed: int

    @classmethod
    def of(cls, folder: RunFolder, options: TrainConfig, split: str, seed: int) -> "CaptionRun":
        """BadCheckpoint or BadInput when the run or the pictures cannot be used; `seed` decides which pictures are
        shown or dealt out where a condition draws them.
        """
        captioner = build_captioner(options.encoder, checkpoint=str(folder.model), aspect=options.aspect)
        captioner.to(device(options.device)).eval()
        pictures, bad = caption_pictures(options, captioner, caption_options(options), split)
        detector = CaptionDetector.of_run(folder.model, options, device(options.device))
        return cls(folder, options, split, captioner, detector, pictures, bad, seed)

    def asked(self, condition: Condition) -> dict[str, Any]:
        """All that decides the texts of a condition, as JSON has it."""
        decided = {
            **scored_as(self.folder, self.options, self.split),
            "fingerprint": self.pictures.dataset.fingerprint,
            "pictures": len(self.pictures),
            "target": self.pictures.target,
            "instruction": self.instruction,
            "condition": condition.name,
            "seed": self.seed,
            "settings": asdict(self.settings),
        }
        return dict(json.loads(json.dumps(decided)))

    @property
    def instruction(self) -> str:
        """What each picture comes with."""
        return instruction_for(self.pictures.target, self.captioner)

    @property
    def settings(self) -> GenerationSettings:
        """Greedy, up to a length that the kind of text needs."""
        default = GenerationSettings()
        return replace(default, max_new_tokens=_LONGEST.get(self.pictures.target, default.max_new_tokens))

    def write(self, condition: Condition, file: TextFile) -> list[WrittenText]:
        """The texts of all pictures; those that the file lacks are written now, and into it as they come."""
        done, pictures = len(file.lines), self._pictures(condition)
        if done == len(pictures):
            print(f"{file.path}: all {done:,} texts are there", flush=True)
            return file.lines
        if done:
            print(f"{file.path}: goes on after {done:,} of {len(pictures):,} texts", flush=True)
        rest = replace(pictures, rows=pictures.rows[done:])
        with ProgressLine(f"writing captions, {condition.name}", len(rest), "pictures") as advance:
            for batch in InOrder(rest, _AT_ONCE):
                file.append(self._texts(condition, batch["rows"].tolist(), batch["clips"]))
                advance(len(batch["rows"]))
        return file.lines

    def cost(self, condition: Condition) -> Cost:
        """What a text costs under a condition, of the first pictures."""
        pictures = self._pictures(condition)
        learnt = sum(weight.numel() for weight in self.captioner.trainable_parameters().values())

        def answer(place: int) -> None:
            batch = pictures.batch(np.array([place]))
            self._written(condition, batch["rows"].tolist(), encoded(self.captioner, batch["clips"]))

        return cost_of(answer, len(pictures), learnt, device(self.options.device))

    def _pictures(self, condition: Condition) -> CaptionPictures:
        return condition.on(self.pictures, self.seed)

    @torch.no_grad()
    def _texts(self, condition: Condition, rows: Sequence[int], clips: Tensor) -> Iterator[WrittenText]:
        """Of every picture what is written of it; the loss where it is asked as it has learnt."""
        scores = [None] * len(rows) if self.detector is None else self.detector.of_clips(clips).tolist()
        states, seen = self.pictures.dataset.states, encoded(self.captioner, clips)
        for row, own, written, score in zip(rows, seen, self._written(condition, rows, seen), scores, strict=True):
            id, target = str(states.id[row]), self.pictures.text(row)
            yield WrittenText(
                id=id,
                image=f"{id}.jpg",
                sequence=str(states.sequence[row]),
                prediction=written.text,
                target=target,
                ended=written.ended,
                loss=self._loss(own, target) if condition.name == FREE else None,
                ood_score=score,
            )

    def _loss(self, seen: Tensor, target: str) -> float:
        prompt = self.pictures.prompt(self.captioner)
        return float(self.captioner.loss(self.captioner.batch(seen[None], prompt, [target])))

    @torch.no_grad()
    def _written(self, condition: Condition, rows: Sequence[int], seen: Tensor) -> list[Written]:
        """What is written of b rows of the data set, whose pictures' visual tokens (b, p, n, d) are `seen`."""
        grammar = self._grammar if condition.grammar else None
        visual, prompts = seen, [self.captioner.prompt(self.instruction, frames=seen.shape[1])] * len(rows)
        if condition.few_shot:
            places = np.searchsorted(self.pictures.rows, rows).tolist()
            visual, prompts = self._few_shot.shown(
                self.captioner, self.instruction, self.settings, places, seen, text_only=condition.text_only
            )
        try:
            return self.captioner.generate(visual, prompts, self.settings, grammar)
        except ValueError as error:  # a prompt that leaves no room
            raise BadInput(f"{self.folder.path}, asked {condition.name}: {error}") from error

    @cached_property
    def _grammar(self) -> Grammar:
        """BadInput for a kind of text without a form, or where the package is missing."""
        target = self.pictures.target
        if target not in GRAMMARS:
            raise BadInput(
                f"--conditions grammar: texts of the kind {target} have no grammar; leave it out, or train on "
                f"{', '.join(GRAMMARS)}"
            )
        return GRAMMARS[target]()

    @cached_property
    def _few_shot(self) -> FewShot:
        reading = self.pictures
        data = open_split(self.options, "train")
        back = self.options.frames_back
        training = CaptionPictures.of(data, self.captioner.preprocess, reading.target, reading.camera, back)
        return FewShot.of(reading, replace(training, signs=reading.signs), self.seed)
