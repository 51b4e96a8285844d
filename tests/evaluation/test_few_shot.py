"""Which pictures are shown before the one in question."""

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from drawn import DrawnDataset

from roadcue.errors import BadInput
from roadcue.evaluation.few_shot import SHOTS, FewShot
from roadcue.models.generation import GenerationSettings
from roadcue.training.captions.visual_store import VisualStore

SETTINGS = GenerationSettings(max_new_tokens=10)


@dataclass
class Pictures:
    """Of a data set in memory: a picture is one token, its row; a text is its row too."""

    dataset: DrawnDataset
    rows: np.ndarray = field(init=False)

    def __post_init__(self):
        self.rows = np.arange(len(self.dataset))
        self.clips = self.rows[:, None]

    def text(self, row):
        return str(row)

    def clip(self, row):
        """Two frames, of which the first is a tenth less."""
        return torch.tensor([[[row - 0.1]], [[float(row)]]])


class Captioner:
    """Reads `longest` tokens; a demonstration takes ten."""

    def __init__(self, longest, frames):
        self.longest, self.frames = longest, frames

    def prompt_ids(self, instruction, demonstrations, *, text_only, frames):
        assert frames == self.frames
        return [int(text) for text in demonstrations for _ in range(10)] + [-1]

    def encode(self, pixels):
        return pixels


def shown(longest, text_only=False, frames=1, store=None):
    asked = Pictures(DrawnDataset("val", sequences=2, frames=3))
    few_shot = FewShot.random(asked, Pictures(DrawnDataset("train", sequences=3, frames=3)), seed=0, store=store)
    seen = torch.tensor([[99.9, 100.0], [100.9, 101.0]])[:, -frames:, None, None]
    captioner = Captioner(longest, frames)
    return few_shot, *few_shot.shown(captioner, "", SETTINGS, [4, 1], seen, text_only=text_only)


def test_the_picture_in_question_is_the_last():
    few_shot, visual, prompts = shown(1000)
    assert visual.shape == (2, SHOTS + 1, 1, 1)
    assert visual[:, -1].flatten().tolist() == [100, 101]
    for row, place in enumerate([4, 1]):
        assert visual[row, :-1].flatten().tolist() == few_shot.places[place].tolist()
        assert prompts[row][:-1:10] == few_shot.places[place].tolist()


def test_demonstrations_are_clips_where_clips_are_asked_about():
    few_shot, visual, _ = shown(1000, frames=2)
    assert visual.shape == (2, 2 * SHOTS + 2, 1, 1)
    for row, place in enumerate([4, 1]):
        expected = [each for other in few_shot.places[place].tolist() for each in (other - 0.1, other)]
        assert visual[row].flatten().tolist() == pytest.approx([*expected, 99.9 + row, 100.0 + row])


def test_what_leaves_no_room_for_the_answer_is_not_shown():
    few_shot, visual, prompts = shown(31)
    assert visual.shape == (2, 3, 1, 1)
    assert [len(prompt) for prompt in prompts] == [21, 21]
    assert visual[0, :2].flatten().tolist() == few_shot.places[4, 2:].tolist()


def test_texts_alone_show_no_other_picture():
    _, visual, prompts = shown(1000, text_only=True)
    assert visual.flatten().tolist() == [100, 101]
    assert [len(prompt) for prompt in prompts] == [41, 41]


class FakeStore:
    """Of pictures with a token each."""

    def __init__(self, vectors):
        self.features = np.array(vectors, np.float16)[:, None, None]
        self.present = np.ones((len(vectors), 1), bool)


def test_the_most_similar_of_other_walks_are_shown_the_nearest_last():
    asked, training = (Pictures(DrawnDataset(split, sequences=2, frames=2)) for split in ("val", "train"))
    queries = VisualStore(FakeStore([[1, 0], [0, 1], [1, 1], [1, 0.1]]), np.arange(4))
    candidates = VisualStore(FakeStore([[1, 0.2], [0, 1], [1, 0], [1, 0.9]]), np.arange(4))
    few_shot = FewShot.similar((asked, queries), (training, candidates), shots=2)
    assert few_shot.places.tolist() == [[0, 2], [3, 1], [0, 3], [2, 0]]
    assert few_shot.store is candidates
    for each in (asked, training):
        each.dataset.states.sequence[:] = ["a", "a", "b", "b"]
    own = FewShot.similar((asked, queries), (training, candidates), shots=2)
    assert own.places.tolist() == [[3, 2], [2, 3], [1, 0], [1, 0]], "none of its own walk"


class Store:
    """Of training pictures whose token is their row, times a thousand."""

    def of_clips(self, clips):
        return torch.tensor(clips, dtype=torch.float16)[..., None, None] * 1000


def test_stored_pictures_are_not_encoded_again():
    _, visual, prompts = shown(31, store=Store())
    assert [prompt[:-1:10] for prompt in prompts] == (visual[:, :-1, 0, 0] / 1000).int().tolist()
    assert visual[:, -1].flatten().tolist() == [100, 101]


@pytest.mark.parametrize("text_only", [False, True])
def test_more_than_the_model_reads_is_refused_with_the_numbers(text_only):
    few_shot, *_ = shown(1000)
    few_shot.check_room(Captioner(51, 1), "", SETTINGS, text_only=text_only, frames=1)
    message = "--shots 4: .* has 41 tokens, .* up to 10 that is more than the 50 that the model reads; 3 of them fit"
    with pytest.raises(BadInput, match=message):
        few_shot.check_room(Captioner(50, 1), "", SETTINGS, text_only=text_only, frames=1)


def test_too_few_training_pictures_are_said():
    data = DrawnDataset("val", sequences=1, frames=3)
    with pytest.raises(BadInput, match="--conditions few_shot"):
        FewShot.random(Pictures(data), Pictures(data), seed=0)
