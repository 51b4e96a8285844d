"""Under which conditions a captioner is asked."""

import numpy as np
import pytest
from drawn import DrawnDataset

from roadcue.errors import BadInput
from roadcue.evaluation.conditions import FREE, SPOILT, parse_conditions
from roadcue.loaders import picture_file
from roadcue.models.preprocessing import Preprocessing
from roadcue.training.captions.pictures import CaptionPictures

SQUARE = Preprocessing(16, (0.5,) * 3, (0.5,) * 3, "bilinear", "squash")


def pictures_of(data, *frames_back):
    return CaptionPictures.of(data, SQUARE, "path", "FRONT", frames_back)


def on(condition, data, seed=0):
    """The data set with a condition's pictures."""
    return condition.on(pictures_of(data), seed).dataset


def test_pictures_are_those_of_the_condition():
    data = DrawnDataset("val", sequences=3, frames=4)
    free, grey, others, blur = parse_conditions("free, grey,others,blur")
    assert free.name == FREE
    assert on(free, data) is data
    assert [each.sees for each in (free, grey, others, blur)] == [True, False, False, True]
    picture = picture_file.decode(on(grey, data).image(5, "FRONT"), "here")
    assert (picture == 128).all()
    dealt = on(others, data)
    of_row = {data.image(row, "FRONT"): row for row in range(len(data))}
    taken = np.array([of_row[dealt.image(row, "FRONT")] for row in range(len(data))])
    assert (data.states.sequence[taken] != data.states.sequence).all()
    assert len({on(each, data).fingerprint for each in (free, grey, others, blur)}) == 4
    assert dealt.fingerprint != on(others, data, 1).fingerprint


@pytest.mark.parametrize("kind", SPOILT)
def test_every_kind_makes_another_picture_of_its_size(kind):
    data = DrawnDataset("val", sequences=1, frames=2)
    (condition,) = parse_conditions(kind)
    spoilt, own = (
        picture_file.decode(each.image(1, "FRONT"), "here").astype(int) for each in (on(condition, data), data)
    )
    assert spoilt.shape == own.shape
    assert (spoilt != own).mean() > 0.2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dark", "'dark' is none of free"),
        ("grey+blur", "grey and blur are both of the picture"),
        ("one_frame+shuffled", "one_frame and shuffled are both of the frames"),
        ("grey,grey", "names a condition twice"),
        ("few_shot+annotations", "without demonstrations; give one"),
        ("free+grammar", "free is all that it says"),
        ("", "'' is none of"),
    ],
)
def test_a_wrong_word_is_said(text, message):
    with pytest.raises(BadInput, match=message.replace("+", r"\+")):
        parse_conditions(text)


def test_words_are_joined():
    (one,) = parse_conditions("text_only+grammar+grey")
    assert (one.few_shot, one.text_only, one.grammar, one.pictures, one.sees) == (True, True, True, "grey", False)
    (two,) = parse_conditions("few_shot")
    assert (two.few_shot, two.text_only, two.grammar, two.pictures, two.sees) == (True, False, False, "", True)


def test_one_sequence_has_no_others():
    with pytest.raises(BadInput, match="one sequence holds"):
        on(parse_conditions("others")[0], DrawnDataset("val", sequences=1, frames=4))


def test_a_clip_is_shown_in_another_order_or_its_last_frame_alone():
    pictures = pictures_of(DrawnDataset("val", sequences=3, frames=6), 1, 2, 3)
    one_frame, shuffled = parse_conditions("one_frame,shuffled")
    assert one_frame.sees
    assert shuffled.sees
    assert one_frame.on(pictures, 0).clips[:, 0].tolist() == pictures.rows.tolist()
    assert one_frame.on(pictures, 0).frames == 1
    other = shuffled.on(pictures, 0).clips
    np.testing.assert_array_equal(np.sort(other), np.sort(pictures.clips))
    whole = np.array([len({*clip}) == 4 for clip in pictures.clips.tolist()])
    assert (other != pictures.clips).any(axis=1)[whole].all()
    assert len({tuple(np.argsort(clip)) for clip in other[whole].tolist()}) > 1, "each in an order of its own"
    np.testing.assert_array_equal(other, shuffled.on(pictures, 0).clips)
    two = pictures_of(pictures.dataset, 1)
    np.testing.assert_array_equal(shuffled.on(two, 0).clips, two.clips[:, ::-1])


def test_of_others_a_clip_is_that_of_another_row_as_a_whole():
    pictures = pictures_of(DrawnDataset("val", sequences=3, frames=4), 1, 2)
    (others,) = parse_conditions("others")
    dealt = others.on(pictures, 0)
    own = [tuple(pictures.dataset.image(row, "FRONT") for row in clip) for clip in pictures.clips.tolist()]
    shown = [tuple(dealt.dataset.image(row, "FRONT") for row in clip) for clip in dealt.clips.tolist()]
    taken = np.array([own.index(clip) for clip in shown])
    sequence = pictures.dataset.states.sequence
    assert (sequence[taken] != sequence).all()
    assert len({*taken.tolist()}) == len(own)


def test_a_run_of_single_pictures_has_no_frames():
    for word in ("one_frame", "shuffled"):
        with pytest.raises(BadInput, match=f"--conditions {word}: this run is shown single pictures"):
            on(parse_conditions(word)[0], DrawnDataset("val", sequences=3, frames=4))
