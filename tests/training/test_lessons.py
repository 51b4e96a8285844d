"""What a caption run learns of its pictures, epoch by epoch: kinds of text, pictures shown before, texts left out."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from drawn_walks import drawn_walks

from roadcue.errors import BadInput
from roadcue.loaders.sensation.dataset import Sensation
from roadcue.models.registry import build_captioner
from roadcue.training.build import open_split
from roadcue.training.captions.config import CaptionOptions
from roadcue.training.captions.example import example_said
from roadcue.training.captions.lessons import SHOTS, LessonPlan
from roadcue.training.captions.module import CaptionModule
from roadcue.training.captions.pictures import CaptionPictures, learnt_parts
from roadcue.training.captions.validation import claims_f1
from roadcue.training.config import TrainConfig
from roadcue.training.steps import InOrder


@pytest.fixture(scope="module", autouse=True)
def _gentle(one_thread):
    pass


@pytest.fixture(scope="module")
def captioner():
    return build_captioner("smol").eval()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Sensation:
    """Twelve pictures of three walks."""
    folder = drawn_walks(tmp_path_factory, train=12, val=4)
    return open_split(TrainConfig(data="sensation", data_dir=str(folder)), "train")


def pictures_of(dataset, captioner, target="bvpi") -> CaptionPictures:
    return CaptionPictures.of(dataset, captioner.preprocess, target, "CHEST").fitting(captioner)


@pytest.fixture(scope="module")
def pictures(dataset, captioner):
    return pictures_of(dataset, captioner)


def plan_of(pictures, captioner, seed=0, **options) -> LessonPlan:
    return LessonPlan(pictures, captioner, CaptionOptions(**{"text_dropout": 0.0, **options}), seed)


def taught(plan, epoch=0):
    """All lessons of an epoch, as one batch."""
    (batch,) = InOrder(plan.pictures, len(plan.pictures))
    return plan.lessons(epoch, batch)


def module_of(captioner, plan) -> CaptionModule:
    settings = {"lr": 1e-3, "weight_decay": 0.0, "warm_up": 0, "steps": 1, "per_epoch": 1, "val_texts": 0}
    return CaptionModule(captioner, plan, plan.pictures, **settings)


def test_without_options_every_picture_teaches_its_own_text(pictures, captioner):
    lessons = taught(plan_of(pictures, captioner))
    assert lessons.answers == pictures.texts(pictures.rows.tolist())
    own = [pictures.picture(row)[None] for row in pictures.rows.tolist()]
    assert all(map(torch.equal, lessons.pictures, own))
    (asked,) = {tuple(prompt) for prompt in lessons.prompts}
    assert "blind pedestrian" in captioner.tokenizer.decode(asked)


def test_of_the_share_for_navigation_the_cue_is_learnt_with_its_question_and_whole(pictures, captioner):
    plan = plan_of(pictures, captioner, navigation=0.3, text_dropout=0.9)
    asked = []
    for epoch in range(30):
        lessons = taught(plan, epoch)
        for prompt, answer, row in zip(lessons.prompts, lessons.answers, pictures.rows.tolist(), strict=True):
            cue = "which way to go" in captioner.tokenizer.decode(prompt)
            asked.append(cue)
            assert (answer == pictures.text(row, "cue")) == cue
    assert 0.2 < np.mean(asked) < 0.4


def test_few_shot_lessons_show_pictures_of_other_walks_with_their_texts(pictures, captioner):
    plan = plan_of(pictures, captioner, few_shot=1.0)
    lessons, sequence = taught(plan), pictures.dataset.states.sequence
    known = {pictures.picture(int(row)).numpy().tobytes(): int(row) for row in pictures.rows}
    for seen, prompt, row in zip(lessons.pictures, lessons.prompts, pictures.rows.tolist(), strict=True):
        *before, own = [known[one.numpy().tobytes()] for one in seen]
        assert own == row
        assert len(before) == SHOTS
        assert not set(sequence[before]) & {sequence[row]}
        said = captioner.tokenizer.decode(prompt)
        for other in before:  # in the order of their pictures
            _, told, said = said.partition(pictures.text(other))
            assert told
    assert [len(one) for one in taught(plan_of(pictures, captioner, few_shot=0.0)).pictures] == [1] * 12


def test_of_the_share_with_annotations_the_question_tells_the_labels_and_no_other_picture(pictures, captioner):
    plan, told = plan_of(pictures, captioner, annotations=0.3, few_shot=0.5), []
    for epoch in range(20):
        lessons = taught(plan, epoch)
        for seen, prompt, answer, row in zip(*lessons, pictures.rows.tolist(), strict=True):
            _, known, rest = captioner.tokenizer.decode(prompt).partition("Using road annotations: ")
            told.append(bool(known))
            assert answer == pictures.text(row)
            if known:
                assert len(seen) == 1
                labels = pictures.dataset.targets(row).fields
                assert json.loads(rest[: rest.rindex("}") + 1])["road_pos"] == labels["road_pos"]
                assert "blind pedestrian" in rest
    assert 0.2 < np.mean(told) < 0.4
    lengths = plan_of(pictures, captioner, annotations=1.0).lengths(0)
    assert (lengths > plan_of(pictures, captioner).lengths(0) + 100).all(), "batches are of like length"


def test_annotations_that_cannot_be_told_are_refused(pictures, captioner, monkeypatch):
    with pytest.raises(ValueError, match="the question would tell the answer"):
        CaptionOptions(annotations=0.2, target="json")
    monkeypatch.setattr(type(captioner), "longest", 250)
    with pytest.raises(BadInput, match=r"--caption.annotations: a question .* of the 250 that the model reads"):
        plan_of(pictures, captioner, annotations=0.2)
    monkeypatch.setattr("roadcue.training.captions.lessons.annotation_of", lambda targets: None)
    with pytest.raises(BadInput, match="no training picture has labels"):
        plan_of(pictures, captioner, annotations=0.2)


def test_demonstrations_that_leave_no_room_for_the_answer_are_left_out(pictures, captioner, monkeypatch):
    plan = plan_of(pictures, captioner, few_shot=1.0)
    whole = max(len(captioner.answer_ids(pictures.text(int(row)))) for row in pictures.rows)
    room = len(taught(plan_of(pictures, captioner)).prompts[0]) + whole
    monkeypatch.setattr(type(captioner), "longest", 2 * room)
    lessons = taught(plan)
    assert {len(seen) for seen in lessons.pictures} == {2}, "as many as there is room for"
    batch = module_of(captioner, plan).batch(lessons)
    end = captioner.tokenizer.convert_tokens_to_ids(captioner.end_token)
    assert (batch["labels"] == end).any(dim=1).all(), "every answer has its end"


def test_a_mixed_batch_has_a_loss_and_learns_no_picture(pictures, captioner):
    plan = plan_of(pictures, captioner, few_shot=0.4, navigation=0.5, weather=0.5, text_dropout=0.2)
    lessons = taught(plan)
    assert len({len(seen) for seen in lessons.pictures}) == 2
    with torch.no_grad():
        batch = module_of(captioner, plan).batch(lessons)
        assert captioner.loss(batch).isfinite()
    image = captioner.tokenizer.convert_tokens_to_ids(captioner.image_token)
    assert not (batch["labels"] == image).any()


def test_an_epoch_is_the_same_again_and_another_epoch_or_seed_is_another(pictures, captioner):
    options = {"few_shot": 0.5, "navigation": 0.5, "weather": 0.5, "text_dropout": 0.5}

    def said(seed, epoch):
        lessons = taught(plan_of(pictures, captioner, seed, **options), epoch)
        return lessons.answers, lessons.prompts, [seen.numpy().tobytes() for seen in lessons.pictures]

    assert said(0, 3) == said(0, 3)
    for other in (said(0, 4), said(1, 3)):
        assert all(one != another for one, another in zip(said(0, 3), other, strict=True))


def test_the_weather_of_a_picture_changes_with_epoch_and_seed_and_leaves_those_that_are_shown(pictures, captioner):
    def seen(seed, epoch, **options):
        return taught(plan_of(pictures, captioner, seed, weather=1.0, **options), epoch).pictures

    same = [pictures.picture(row) for row in pictures.rows.tolist()]
    for other in (seen(0, 1), seen(1, 0)):
        assert not any(map(torch.equal, seen(0, 0), other))
    assert not any(torch.equal(one[0], own) for one, own in zip(seen(0, 0), same, strict=True))
    before = {one.numpy().tobytes() for each in seen(0, 0, few_shot=1.0) for one in each[:-1]}
    assert before <= {own.numpy().tobytes() for own in same}


def test_the_example_is_of_a_picture_that_is_asked_for_its_own_text_and_shows_no_other(pictures, captioner):
    places = []
    for seed in range(4):
        plan = plan_of(pictures, captioner, few_shot=0.3, navigation=0.3, seed=seed)
        places.append(plan.plain_place)
        lessons = plan.lessons(0, pictures.batch(np.array([places[-1]])))
        assert (len(lessons.pictures[0]), lessons.answers) == (1, [pictures.text(int(pictures.rows[places[-1]]))])
    assert max(places) > 0
    assert plan_of(pictures, captioner, few_shot=1.0).plain_place == 0


def test_lengths_follow_what_is_learnt_and_shown(pictures, captioner):
    plain = plan_of(pictures, captioner).lengths(0)
    assert plain.tolist() == [len(pictures.text(int(row))) for row in pictures.rows]
    assert (plan_of(pictures, captioner, navigation=1.0).lengths(0) < plain).all()
    assert (plan_of(pictures, captioner, few_shot=1.0).lengths(0) > plain + 4 * plain.min()).all()


def test_few_shot_lessons_of_one_walk_are_refused(dataset, pictures, captioner):
    own = replace(pictures, rows=pictures.rows[dataset.states.sequence[pictures.rows] == dataset.states.sequence[0]])
    with pytest.raises(BadInput, match=r"--caption\.few_shot 0\.1: all 4 training pictures are of one sequence"):
        plan_of(own, captioner, few_shot=0.1)


BAD = {
    0: "",
    1: "\n \t",
    2: "<image>",
    3: "word " * 20_000,
    4: "A car\nahead.\r\nAnother.",
    5: "A <image> car.",
    6: "A \x1b[31mred\x1b[0m [bold]car[/bold] \U0001f697.",
    7: "A car <row_1_col_1> <end_of_utterance> here.",
}


def test_bad_texts_are_left_out_or_cleaned_and_counted_and_the_rest_is_learnt(dataset, captioner, monkeypatch):
    targets = Sensation.targets
    changed = lambda self, row: replace(targets(self, row), caption=BAD.get(row, "A way."))  # noqa: E731
    monkeypatch.setattr(Sensation, "targets", changed)
    pictures = pictures_of(dataset, captioner, "caption")
    assert pictures.rows.tolist() == [4, 5, 6, 7, 8, 9, 10, 11]
    counts = pictures.counts
    assert (counts.without, counts.too_long, counts.refused, counts.cleaned) == (3, 1, 0, 4)
    assert pictures.text(4) == "A car ahead. Another."
    assert pictures.text(5) == "A car."
    assert pictures.text(6) == "A [31mred [0m [bold]car[/bold] \U0001f697."
    plan = plan_of(pictures, captioner)
    with torch.no_grad():
        assert captioner.loss(module_of(captioner, plan).batch(taught(plan))).isfinite()
    learnt_parts(dataset, CaptionOptions(target="caption"))


def test_without_a_text_that_can_be_learnt_nothing_is_begun(dataset, captioner, monkeypatch):
    targets = Sensation.targets
    monkeypatch.setattr(Sensation, "targets", lambda self, row: replace(targets(self, row), caption="word " * 20_000))
    with pytest.raises(BadInput, match="no text can be learnt; 12 have one that is longer than the model reads"):
        pictures_of(dataset, captioner, "caption")
    monkeypatch.setattr(Sensation, "targets", lambda self, row: replace(targets(self, row), future=None))
    with pytest.raises(BadInput, match=r"no row has a picture of CHEST and a path text; .* --caption\.target"):
        pictures_of(dataset, captioner, "path")


def test_the_exact_prompt_and_an_example_are_shown_with_what_is_learnt_marked(pictures, captioner):
    lessons = taught(plan_of(pictures, captioner))
    batch = captioner.batch(captioner.encode(lessons.pictures[0]), lessons.prompts[:1], lessons.answers[:1])
    prompt, example = example_said(captioner, batch).split("\n")
    assert prompt.startswith("prompt: <|im_start|>User:<fake_token_around_image><global-img><image> x 49<fake")
    assert prompt.endswith("Only mention objects you can see.<end_of_utterance>\\nAssistant:")
    before, _, learnt = example.removesuffix("]]").rpartition("[[")
    assert learnt.strip() == f"{pictures.text(int(pictures.rows[0]))}<end_of_utterance>"
    assert before.endswith("Assistant:")


def test_claims_of_written_texts_are_compared_with_those_of_the_pictures_own(pictures, captioner):
    texts = {pictures.picture(int(row)).numpy().tobytes(): pictures.text(int(row)) for row in pictures.rows}

    class Copier(torch.nn.Module):
        """Writes what belongs to the pictures, or what belongs to another."""

        instruction = ""
        encode = staticmethod(lambda pixels: pixels)
        prompt = staticmethod(lambda *_, frames: [1])

        def generate(self, pixels, prompt, settings):
            assert (self.training, settings.max_new_tokens) == (False, 256)
            return [type("Written", (), {"text": change(texts[one.numpy().tobytes()])}) for (one,) in pixels]

    change = str
    copier = Copier()
    assert claims_f1(copier, pictures, 12) == 1.0
    assert copier.training, "as it was before"
    change = lambda _: "A way."  # noqa: E731
    assert claims_f1(copier, pictures, 3) == 0.0
    assert 0.0 < claims_f1(captioner, pictures, 4) <= 1.0
