"""Rooms that know nothing of each other agree on what all of them stand on."""

from dataclasses import fields
from typing import get_args, get_type_hints

import heads.inputs
import loaders
import loaders.rated
import loaders.sample
import metrics.displacement
import metrics.raters
import models
import models.flamingo.encoder
import models.pooling
import models.preprocessing
import models.smol
from metrics.groups import INTENTS
from training.config import TrainConfig


def test_states_and_waypoints_have_one_form():
    assert heads.inputs.PAST_STATES == loaders.sample.PAST_STEPS
    assert len(loaders.sample.STATE_COLUMNS) == heads.inputs.STATE_NUMBERS
    assert heads.inputs.WAYPOINTS == loaders.sample.FUTURE_STEPS == max(metrics.displacement.HORIZONS.values())
    assert heads.inputs.STEP_S == loaders.sample.STEP_S


def test_intents_have_one_order():
    assert len(loaders.sample.Intent) - 1 == heads.inputs.INTENT_NUMBERS
    assert [intent.name.removeprefix("GO_").lower() for intent in loaders.sample.Intent] == list(INTENTS)


def test_as_many_rated_trajectories_are_read_as_are_scored():
    assert loaders.rated.RATERS == metrics.raters.RATERS
    assert loaders.rated.RATED_POINTS >= metrics.displacement.POINTS


def test_the_command_line_offers_what_the_rooms_have():
    hints = get_type_hints(TrainConfig)
    assert {field.name for field in fields(TrainConfig)} == set(hints)
    for option, known in {
        "data": loaders.DATASETS,
        "encoder": models.ENCODERS,
        "encoder_features": get_args(models.flamingo.encoder.Features),
        "dtype": get_args(models.smol.Dtype),
        "aspect": get_args(models.preprocessing.Aspect),
        "pooling": get_args(models.pooling.Pooling),
        "missing_camera": get_args(models.pooling.Missing),
    }.items():
        assert set(get_args(hints[option])) == set(known), option
