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
from roadcue.evaluation.conditions import FREE, Condition, parse_conditions
from roadcue.evaluation.config import EvalConfig
from roadcue.evaluation.cost import Cost, cost_of
from roadcue.evaluation.few_shot import SHOTS, FewShot
from roadcue.evaluation.frames import scored_as
from roadcue.evaluation.seen_pictures import Seen, SeenPictures
from roadcue.evaluation.written_texts import TextFile, WrittenText
from roadcue.models.captioner import Captioner
from roadcue.models.generation import GenerationSettings, Written
from roadcue.models.grammar import Grammar
from roadcue.models.visual_parts import visual_parts_learn
from roadcue.progress import ProgressLine
from roadcue.prompts.annotation import Annotation
from roadcue.prompts.annotation_json import CLOSED_SCHEMA, with_annotation
from roadcue.prompts.bvpi_grammar import BVPI_EBNF
from roadcue.prompts.path_text import PATH_EBNF
from roadcue.sentences import show
from roadcue.training.build import device, open_split
from roadcue.training.captions.adapted import finished_captioner
from roadcue.training.captions.clips import encoded
from roadcue.training.captions.detector import CaptionDetector
from roadcue.training.captions.fine_tuning import caption_options, caption_pictures
from roadcue.training.captions.pictures import CaptionPictures
from roadcue.training.captions.targets import annotation_of, instruction_for, settings_for
from roadcue.training.captions.visual_store import VisualStore, bearable_store, visual_store
from roadcue.training.config import TrainConfig
from roadcue.training.run_folder import RunFolder

GRAMMARS: Mapping[str, Callable[[], Grammar]] = {
    "bvpi": lambda: Grammar(BVPI_EBNF),
    "json": lambda: Grammar.of_schema(CLOSED_SCHEMA),
    "path": lambda: Grammar(PATH_EBNF),
}
"""Kind of text -> what it may be held to; free words have no form."""
_AT_ONCE = 16
"""Pictures of a batch: of more, the answers are hardly written faster, and what stops loses them."""


@dataclass(frozen=True)
class CaptionRun:
    """What a caption run has left, and the pictures of a split that can be read; `bad` are the others' faults."""

    folder: RunFolder
    options: TrainConfig
    config: EvalConfig
    captioner: Captioner
    detector: CaptionDetector | None
    pictures: CaptionPictures
    bad: Sequence[str]

    @classmethod
    def of(cls, folder: RunFolder, options: TrainConfig, config: EvalConfig) -> "CaptionRun":
        """BadCheckpoint or BadInput when the run or the pictures cannot be used.

        `config` says which split is asked, and how; its seed decides which pictures are shown or dealt out where a
        condition draws them.
        """
        captioner, detector = finished_captioner(folder, options, device(options.device))
        pictures, bad = caption_pictures(options, captioner, caption_options(options), config.split or "val")
        return cls(folder, options, config, captioner, detector, pictures, bad)

    def asked(self, condition: Condition) -> dict[str, Any]:
        """All that decides the texts of a condition, as JSON has it."""
        decided = {
            **scored_as(self.folder, self.options, self.config.split or "val"),
            "fingerprint": self.pictures.dataset.fingerprint,
            "pictures": len(self.pictures),
            "target": self.pictures.target,
            "instruction": self.instruction,
            "condition": condition.name,
            "seed": self.config.seed,
            "settings": asdict(self.settings),
            **(demonstrations_asked(self.config) if condition.few_shot else {}),
        }
        return dict(json.loads(json.dumps(decided)))

    @property
    def instruction(self) -> str:
        """What each picture comes with."""
        return instruction_for(self.pictures.target, self.captioner)

    @property
    def settings(self) -> GenerationSettings:
        """How its kind of text is written."""
        return settings_for(self.pictures.target)

    def write(self, condition: Condition, file: TextFile) -> list[WrittenText]:
        """The texts of all pictures; those that the file lacks are written now, and into it as they come."""
        self._check(condition)
        done, pictures = len(file.lines), self._pictures(condition)
        if done == len(pictures):
            show(f"{file.path}: all {done:,} texts are there")
            return file.lines
        if done:
            show(f"{file.path}: goes on after {done:,} of {len(pictures):,} texts")
        batches = self._seen.batches(pictures, done, _AT_ONCE)
        with ProgressLine(f"writing captions, {condition.name}", len(pictures) - done, "pictures") as advance:
            for seen in batches:
                file.append(self._texts(condition, seen))
                advance(len(seen.rows))
        return file.lines

    def sees(self, condition: Condition) -> bool:
        """Whether what is asked depends on the row's own picture, which also chooses similar demonstrations."""
        return condition.sees or (condition.few_shot and self.config.demonstrations == "similar")

    def cost(self, condition: Condition) -> Cost:
        """What a text costs under a condition, of the first pictures."""
        pictures = self._pictures(condition)
        learnt = sum(weight.numel() for weight in self.captioner.trainable_parameters().values())

        def answer(place: int) -> None:
            batch = pictures.batch(np.array([place]))
            self._written(condition, batch["rows"].tolist(), encoded(self.captioner, batch["clips"]))

        return cost_of(answer, len(pictures), learnt, device(self.options.device))

    def _pictures(self, condition: Condition) -> CaptionPictures:
        return condition.on(self.pictures, self.config.seed)

    def _check(self, condition: Condition) -> None:
        """BadInput where nobody can be asked so."""
        if condition.annotations:
            if self.pictures.target == "json":
                raise BadInput("--conditions annotations: of json texts they are the answer; leave it out")
            if not any(self._annotation(row) for row in self.pictures.rows.tolist()):
                raise BadInput("--conditions annotations: no picture has labels that could be told; leave it out")
        if condition.few_shot and self.config.shots is not None:
            frames, text_only = self._pictures(condition).frames, condition.text_only
            self._few_shot.check_room(
                self.captioner, self.instruction, self.settings, text_only=text_only, frames=frames
            )

    def _annotation(self, row: int) -> Annotation | None:
        return annotation_of(self.pictures.dataset.targets(row))

    @torch.no_grad()
    def _texts(self, condition: Condition, seen: Seen) -> Iterator[WrittenText]:
        """Of every picture what is written of it; the loss where it is asked as it has learnt."""
        states, all_written = self.pictures.dataset.states, self._written(condition, seen.rows, seen.visual)
        for row, own, written, score in zip(seen.rows, seen.visual, all_written, seen.scores, strict=True):
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
        try:
            visual, prompts = self._asked_of(condition, rows, seen)
            return self.captioner.generate(visual, prompts, self.settings, grammar)
        except ValueError as error:  # a prompt that leaves no room
            raise BadInput(f"{self.folder.path}, asked {condition.name}: {error}") from error

    def _asked_of(self, condition: Condition, rows: Sequence[int], seen: Tensor) -> tuple[Tensor, list[list[int]]]:
        """Visual tokens (b, p, n, d) and prompts of b rows; ValueError for a prompt that leaves no room."""
        if condition.few_shot:
            places = np.searchsorted(self.pictures.rows, rows).tolist()
            return self._few_shot.shown(
                self.captioner, self.instruction, self.settings, places, seen, text_only=condition.text_only
            )
        asked = [self.instruction] * len(rows)
        if condition.annotations:
            told = [self._annotation(row) for row in rows]
            asked = [with_annotation(self.instruction, one) if one else self.instruction for one in told]
        return seen, [self.captioner.prompt(each, frames=seen.shape[1]) for each in asked]

    @cached_property
    def _seen(self) -> SeenPictures:
        return SeenPictures(self.captioner, self.detector, self.pictures, self._store(self.pictures))

    def _store(self, pictures: CaptionPictures) -> VisualStore | None:
        """The visual tokens of pictures as they are, where they are to be stored."""
        choice, where = self.config.store_visual or "auto", self.options.store_dir
        if choice == "yes":
            return visual_store(pictures, self.captioner, store_dir=where)
        if choice == "no" or not self._read_again:
            return None
        return bearable_store(pictures, self.captioner, store_dir=where)

    @property
    def _read_again(self) -> bool:
        """Whether the same tokens are read again: to compare pictures, by other conditions, or by other runs, whose
        visual parts are these where they have not learnt.
        """
        conditions = parse_conditions(self.config.conditions or FREE)
        unlearnt = not self.options.epochs or not visual_parts_learn(self.captioner)
        several = sum(not condition.pictures for condition in conditions) > 1
        return unlearnt or several or self.config.demonstrations == "similar"

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
        training, shots = replace(training, signs=reading.signs), self.config.shots or SHOTS
        if self.options.on_bad_record == "skip":
            training, _ = training.readable("skip")
        if self.config.demonstrations != "similar":
            # Fewer are encoded one by one than are in the store.
            store = self._store(training) if shots * len(reading) >= len(training) else None
            return FewShot.random(reading, training, self.config.seed, shots, store)
        own, others = self._seen.store, self._store(training)
        if own is None or others is None:
            raise BadInput(
                "--demonstrations similar: pictures are compared by their stored visual tokens, and none are stored; "
                "store them with --store_visual yes"
            )
        return FewShot.similar((reading, own), (training, others), shots)


def demonstrations_asked(config: EvalConfig) -> dict[str, Any]:
    """What decides the demonstrations that are shown."""
    return {"demonstrations": config.demonstrations or "random", "shots": config.shots}
