"""Which pictures show a row to a captioner, and what is learnt of them."""

import numpy as np
import pytest
import torch
from drawn import DrawnDataset

from roadcue.errors import BadInput, BadRecord
from roadcue.models.registry import build_captioner
from roadcue.training.captions.clips import clips_of, encoded, without
from roadcue.training.captions.config import CaptionOptions
from roadcue.training.captions.fine_tuning import clips_said
from roadcue.training.captions.lessons import LessonPlan
from roadcue.training.captions.pictures import CaptionPictures
from roadcue.training.captions.validation import claims_f1
from roadcue.training.config import TrainConfig
from roadcue.training.weather import drawn_weather


@pytest.fixture(scope="module", autouse=True)
def _gentle(one_thread):
    pass


@pytest.fixture(scope="module")
def captioner():
    return build_captioner("smol").eval()


def pictures_of(captioner, *frames_back, target="path", **data) -> CaptionPictures:
    """Of two drives of five frames."""
    drives = DrawnDataset("train", sequences=2, frames=5, **data)
    return CaptionPictures.of(drives, captioner.preprocess, target, "FRONT", frames_back)


def test_a_clip_is_in_the_order_of_time_and_begins_with_the_first_frame_that_is_there():
    data = DrawnDataset("train", sequences=2, frames=5)
    clips = clips_of(data.states, (1, 3), np.ones(10, bool))
    assert clips[:5].tolist() == [[0, 0, 0], [0, 0, 1], [1, 1, 2], [0, 2, 3], [1, 3, 4]]
    np.testing.assert_array_equal(clips[5:], clips[:5] + 5)
    np.testing.assert_array_equal(clips, clips_of(data.states, (3, 1), np.ones(10, bool)))
    there = np.arange(10) != 2
    assert clips_of(data.states, (1, 3), there)[3].tolist() == [0, 3, 3]
    assert clips_of(data.states, (), there).tolist() == [[row] for row in range(10)]


def test_the_frame_behind_stands_in_for_one_that_cannot_be_read():
    clips = np.array([[0, 1, 2], [1, 2, 3], [3, 3, 3]])
    assert without(clips, [1, 2]).tolist() == [[0, 2, 2], [3, 3, 3], [3, 3, 3]]
    assert without(clips, []).tolist() == clips.tolist()


def test_a_batch_holds_the_clips(captioner):
    pictures = pictures_of(captioner, 1, 2)
    batch = pictures.batch(np.array([2, 6]))
    assert batch["clips"].shape == (2, 3, *captioner.preprocess.shape)
    for clip, own, rows in zip(batch["clips"], batch["pixels"], ([0, 1, 2], [5, 5, 6]), strict=True):
        assert torch.equal(clip, torch.stack([pictures.picture(row) for row in rows]))
        assert torch.equal(clip[-1], own)
    with torch.no_grad():
        seen = encoded(captioner, batch["clips"])
        torch.testing.assert_close(seen[1, 0], captioner.encode(pictures.picture(5)[None])[0])


def test_an_earlier_frame_that_cannot_be_read_is_counted_and_stood_in_for(captioner):
    pictures = pictures_of(captioner, 1, unreadable=[1])
    with pytest.raises(BadRecord, match="row 1: this picture cannot be read; --on_bad_record skip"):
        pictures.readable("raise")
    kept, faults = pictures.readable("skip")
    assert len(faults) == 1
    assert kept.rows.tolist() == [row for row in range(10) if row != 1]
    assert kept.clips[2].tolist() == [2, 2]


def test_an_earlier_frame_needs_no_text(captioner):
    pictures = pictures_of(captioner, 1, target="cue", no_future=[3])
    assert 3 not in pictures.rows
    assert pictures.clips[4].tolist() == [3, 4]


def test_more_frames_than_the_model_reads_are_said_before_a_training(captioner):
    pictures = pictures_of(captioner, *range(1, captioner.longest))
    with pytest.raises(BadInput, match=rf"smol captioner: a prompt with {captioner.longest - 1} earlier frames has"):
        pictures.fitting(captioner)
    fit = next(n for n in range(captioner.longest) if len(captioner.prompt("Where?", frames=n + 2)) > 1800) + 1
    pictures = pictures_of(captioner, *range(1, fit + 4))
    assert captioner.longest - 256 < len(pictures.prompt(captioner)) < captioner.longest
    with pytest.raises(BadInput, match=r"an answer of up to 256 \(max_new_tokens\) that is more than the 2048"):
        pictures.fitting(captioner)


def test_a_run_says_what_share_of_its_rows_has_each_frame_and_what_stands_in(captioner):
    pictures = pictures_of(captioner, 1, 4)
    said = clips_said(pictures, TrainConfig(head="caption", past_frames="1,4"))
    assert "1 frames back 80 %, 4 frames back 20 %; the first frame that is there stands in" in said
    with pytest.raises(BadInput, match="has a frame 9 frames before it"):
        clips_said(pictures, TrainConfig(head="caption", past_frames="9"))
    assert clips_said(pictures, TrainConfig(head="caption")) == ""


def test_a_lesson_shows_the_clip_and_those_of_its_demonstrations(captioner):
    pictures = pictures_of(captioner, 1).fitting(captioner)
    plan = LessonPlan(pictures, captioner, CaptionOptions(few_shot=1.0), seed=0)
    lessons = plan.lessons(0, pictures.batch(np.array([3])))
    shown = pictures.rows[plan.plan(0).shown[3]]
    assert torch.equal(lessons.pictures[0], torch.cat([pictures.clip(row) for row in [*shown, 3]]))
    image = captioner.tokenizer.convert_tokens_to_ids(captioner.image_token)
    assert lessons.prompts[0].count(image) == 2 * (len(shown) + 1) * captioner.placeholders


def test_all_frames_of_a_clip_are_in_the_same_weather(captioner):
    pictures = pictures_of(captioner, 1)
    plan = LessonPlan(pictures, captioner, CaptionOptions(weather=1.0), seed=0)
    for place in (2, 3, 8):
        (clip,) = plan.lessons(0, pictures.batch(np.array([place]))).pictures
        changed = [
            pictures.picture(row, drawn_weather(1.0, np.random.default_rng([0, 0, place, 1])))
            for row in (place - 1, place)
        ]
        assert torch.equal(clip, torch.stack(changed))


def test_written_texts_of_validation_are_of_clips(captioner, monkeypatch):
    pictures, given = pictures_of(captioner, 1, target="cue"), []
    generate = type(captioner).generate

    def watched(self, visual, prompts, *rest):
        given.append((visual.shape[1], prompts))
        return generate(self, visual, prompts, *rest)

    monkeypatch.setattr(type(captioner), "generate", watched)
    claims_f1(captioner, pictures, 2)
    assert given == [(2, pictures.prompt(captioner))]


def test_a_clip_has_no_tiles():
    with pytest.raises(ValueError, match="the frames of --past_frames are one tile each"):
        TrainConfig(head="caption", past_frames="10", aspect="tiles")
    assert TrainConfig(past_frames="10", aspect="tiles").frames_back == (10,)
