"""Augmentation: the same again for the same generator, about as many rows as asked, and edges that stay."""

import numpy as np
import pytest
from drawn_road import drawn_road

from roadcue.schema import PAST_STATES, WAYPOINTS, Intent, SampleTargets
from roadcue.training.stage_two.augmentation import LOOKS, Augmentation
from roadcue.training.weather import changed

PAST = np.ones((PAST_STATES, 6), np.float32)
TARGETS = SampleTargets(future=np.ones((WAYPOINTS, 2), np.float32), fields={"road_pos": "Left"})


def augmented(seed, share=1.0, mirrors=True, pictures=None):
    pictures = pictures or {"FRONT": drawn_road(80, 60)}
    rng = np.random.default_rng(seed)
    return Augmentation(share, mirrors)(pictures, PAST, Intent.GO_LEFT, TARGETS, rng)


def test_the_same_generator_gives_the_same_row_and_others_give_others():
    rows = [augmented((1, 2, row)) for row in range(12)]
    again = augmented((1, 2, 3))
    assert np.array_equal(rows[3].pictures["FRONT"], again.pictures["FRONT"])
    assert rows[3].intent is again.intent
    assert len({row.pictures["FRONT"].tobytes() for row in rows}) == 12


def test_half_of_the_augmented_rows_are_mirrored_as_a_whole():
    rows = [augmented(seed) for seed in range(200)]
    turned = [row.intent is Intent.GO_RIGHT for row in rows]
    assert 0.4 < np.mean(turned) < 0.6
    for row, other in zip(rows, turned, strict=True):
        assert row.past[0].tolist() == ([1, -1] * 3 if other else [1] * 6)
        assert row.targets.future[0].tolist() == [1, -1 if other else 1]
        assert row.targets.fields == {"road_pos": "Right" if other else "Left"}
        red = row.pictures["FRONT"][33].astype(int) @ [2, -1, -1]  # the car is at a quarter of the width
        assert (red.argmax() > 40) == other or red.max() < 60


def test_of_a_share_of_the_rows_the_rest_stays():
    same = [np.array_equal(augmented(s, share=0.3).pictures["FRONT"], drawn_road(80, 60)) for s in range(200)]
    assert 0.6 < np.mean(same) < 0.8
    kept = augmented(0, share=0.0)
    assert kept.targets is TARGETS
    assert kept.past is PAST


def test_all_cameras_of_a_row_are_in_the_same_light():
    both = {"FRONT_LEFT": drawn_road(80, 60), "FRONT_RIGHT": drawn_road(80, 60)}
    for seed in range(20):
        left, right = augmented(seed, pictures=both).pictures.values()
        assert np.array_equal(left, right)


def test_without_the_other_sides_camera_nothing_is_mirrored(capsys):
    augmentation = Augmentation.of(1.0, ("FRONT", "FRONT_LEFT"), [])
    assert not augmentation.mirrors
    assert "without mirrors, as no camera looks to the other side of FRONT_LEFT" in capsys.readouterr().out
    assert all(augmented(s, mirrors=False).intent is Intent.GO_LEFT for s in range(20))
    assert Augmentation.of(1.0, ("FRONT",), []).mirrors


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.__name__)
def test_every_look_changes_a_picture_and_gives_whole_levels(look):
    picture = drawn_road()
    after = changed(look, picture, np.random.default_rng(1))
    assert after.dtype == np.uint8
    assert after.shape == picture.shape
    assert 0.2 < np.abs(after.astype(int) - picture).mean() < 100
