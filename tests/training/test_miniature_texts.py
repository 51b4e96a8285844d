"""What the miniatures learn to write: true texts of both views, behind the prompts that generation uses."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from roadcue.models.generation import Written
from roadcue.prompts.annotation import OBJECT_KINDS, Annotation
from roadcue.prompts.annotation_json import parse_json
from roadcue.prompts.bvpi import parse_sections
from roadcue.prompts.claims import parse_claims
from roadcue.prompts.instructions import ANNOTATION
from roadcue.roadworld.road_ahead import RoadAhead
from roadcue.training.miniatures.answers import score_answers
from roadcue.training.miniatures.miniature import MINIATURES, make_miniature
from roadcue.training.miniatures.texts import PICTURE, draw_lessons, drive_texts, view_of, walk_texts

NOTHING = dict.fromkeys(OBJECT_KINDS, ())
WALK = Annotation(
    "walk-2000000-0.jpg", "Center", "Left", NOTHING | {"obstacle": ("Center", "Right"), "grass": ("Left",)}, NOTHING
)
ROAD = RoadAhead(
    lane_ahead=(0.0,) * 8,
    lead_m=12.0,
    lead_braking=True,
    light=None,
    light_m=None,
    crossing_m=None,
    someone_crossing="none",
    crossing_closed=False,
    junction_m=None,
    left_arm=False,
    right_arm=False,
    works_m=None,
    debris_m=None,
    standing_m=None,
    cut_in=False,
    oncoming_m=None,
)
STRAIGHT_ON = np.stack([np.linspace(2, 40, 20), np.zeros(20)], axis=1).astype(np.float32)
DRIVE_TEXTS = drive_texts(ROAD, STRAIGHT_ON)
WALK_TEXTS = walk_texts(WALK, "The sidewalk is centered in the view.")


def lessons(drives, walks, count, seed=0):
    return draw_lessons([DRIVE_TEXTS] * drives + [WALK_TEXTS] * walks, count, np.random.default_rng(seed))


def views(drawn, drives):
    return Counter("drive" if place < drives else "walk" for place, _ in drawn)


def test_a_batch_sorted_by_view_is_captioned_in_both():
    assert views(lessons(48, 16, 8), 48) == {"drive": 4, "walk": 4}
    assert views(lessons(48, 16, 32), 48) == {"drive": 16, "walk": 16}


def test_where_one_view_has_too_few_the_other_fills_up():
    assert views(lessons(60, 4, 32), 60) == {"drive": 28, "walk": 4}
    assert len(lessons(5, 0, 32)) == 5


def test_every_picture_and_every_kind_of_its_texts_has_its_turn():
    drawn = Counter(lesson for seed in range(200) for lesson in lessons(3, 3, 4, seed))
    wanted = {(place, kind) for place in range(3) for kind in DRIVE_TEXTS}
    assert set(drawn) == wanted | {(place, kind) for place in range(3, 6) for kind in WALK_TEXTS}
    assert min(drawn.values()) > 0.5 * max(drawn[3, kind] for kind in WALK_TEXTS)


def test_a_drive_is_told_with_its_caption_and_its_cue():
    assert dict(DRIVE_TEXTS) == {
        "scene": "The road goes straight on. A car is braking 12 metres ahead.",
        "cue": "Keep straight, keep pace.",
    }
    left = STRAIGHT_ON + np.linspace(0, 4, 20, dtype=np.float32)[:, None] * [0, 1]
    assert drive_texts(ROAD, left.astype(np.float32))["cue"] == "Deviate left, keep pace."
    assert drive_texts(ROAD, np.minimum(STRAIGHT_ON, 8))["cue"] == "Keep straight, stop."
    assert view_of(DRIVE_TEXTS) == "drive"


def test_a_walk_is_told_in_four_ways_that_agree():
    assert WALK_TEXTS["cue"] == "Keep straight, stop."  # the road is left, and the right is blocked, too
    assert parse_sections(WALK_TEXTS["bvpi"])["Context"] == WALK_TEXTS["scene"]
    claims = parse_claims(WALK_TEXTS["bvpi"])
    assert (claims.sidewalk, claims.road, claims.relation) == ("center", "left", "left_of")
    assert parse_json(json.loads(WALK_TEXTS["annotation"]), "test") == replace(WALK, image=PICTURE)
    assert view_of(WALK_TEXTS) == "walk"


@pytest.fixture(scope="module", params=MINIATURES)
def miniature(request, tower_of_this_world):
    torch.manual_seed(0)
    made = make_miniature(request.param, [DRIVE_TEXTS, WALK_TEXTS])
    made.model.eval()
    return made


@pytest.fixture(scope="module")
def pixels():
    return torch.randint(0, 256, (2, 3, 224, 224), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


ASKED = [(0, "scene"), (1, "annotation"), (0, "cue"), (1, "cue"), *[(1, "bvpi")] * 5, (1, "scene")]
"""More than are read at a time, and not in the order of their lengths."""


@torch.no_grad()
def test_the_trained_prompts_are_those_that_generation_uses(miniature, pixels):
    texts, captioner = [DRIVE_TEXTS, WALK_TEXTS], miniature.captioner
    tokens = miniature.tokens(pixels)
    loss = miniature.text_loss(tokens, miniature.summary(tokens), ASKED, texts)
    batch = captioner.batch(
        captioner.encode(torch.stack([pixels[place] for place, _ in ASKED])),
        [captioner.prompt(miniature.instructions[kind]) for _, kind in ASKED],
        [texts[place][kind] for place, kind in ASKED],
    )
    assert float(loss) == pytest.approx(float(captioner.loss(batch)), rel=1e-4)


def test_what_nobody_asks_for_is_the_scene(miniature):
    assert miniature.instructions["scene"] == miniature.captioner.instruction
    assert len(set(miniature.instructions.values())) == 4


class HeldOut:
    """Held-out pictures: a drive and two walks."""

    texts = (DRIVE_TEXTS, WALK_TEXTS, WALK_TEXTS)

    def batch(self, positions):
        pixels = torch.zeros(len(positions), 3, 224, 224, dtype=torch.uint8)
        return {"pixels": pixels, "texts": [self.texts[position] for position in positions]}


def answered(miniature, monkeypatch, answers):
    """The scores of a model that answers so, by instruction and then by picture."""
    captioner = miniature.captioner
    said = {tuple(captioner.prompt(asked)): answer for asked, answer in answers.items()}
    monkeypatch.setattr(
        type(captioner),
        "generate",
        lambda _, visual, prompt: [Written(said.get(tuple(prompt), ""), ended=True)] * len(visual),
    )
    return score_answers(miniature, HeldOut())


def test_answers_that_are_no_annotations_or_of_other_places_count_against_it(miniature, monkeypatch):
    kinds = ("annotations of walks that are JSON of the schema", "annotations of walks with both positions right")
    elsewhere = walk_texts(replace(WALK, road="Right"), "")["annotation"]
    wanted = {"Keep straight.": [0, 0], '{"image": 3}': [0, 0], elsewhere: [1, 0], WALK_TEXTS["annotation"]: [1, 1]}
    for answer, shares in wanted.items():
        scores = answered(miniature, monkeypatch, {ANNOTATION: answer})
        assert [scores[kind] for kind in kinds] == shares


def test_sentences_count_without_their_metres_and_metres_by_themselves(miniature, monkeypatch):
    answer = "The road bends gently to the left. A car is braking 9 metres ahead. A car drives 40 metres ahead."
    scores = answered(miniature, monkeypatch, {miniature.instructions["scene"]: answer})
    assert scores["sentences of drives' captions that are written, metres aside"] == 0.5
    assert scores["metres off in these sentences, drives"] == 3
    assert scores["sentences of walks' captions that are written, metres aside"] == 0
