"""Rooms that know nothing of each other agree on what all of them stand on."""

from dataclasses import fields
from typing import get_args, get_type_hints

import pytest
import torch

import roadcue.heads.pool
import roadcue.loaders.rated
import roadcue.metrics.displacement
import roadcue.models.encoder
import roadcue.models.flamingo.encoder
import roadcue.models.pooling
import roadcue.models.preprocessing
import roadcue.schema
from roadcue.errors import BadEncoder
from roadcue.loaders import registry as loaders
from roadcue.metrics.comparison import INTENTS
from roadcue.models import registry as models
from roadcue.training.config import TrainConfig


def test_states_and_waypoints_have_one_form():
    assert (roadcue.schema.PAST_STATES, roadcue.schema.WAYPOINTS, roadcue.schema.STEP_S) == (
        16,
        20,
        0.25,
    )  # WOD-E2E's
    assert len(roadcue.schema.STATE_COLUMNS) == roadcue.schema.STATE_NUMBERS
    assert max(roadcue.metrics.displacement.HORIZONS.values()) == roadcue.schema.WAYPOINTS


def test_intents_have_one_order():
    assert len(roadcue.schema.Intent) - 1 == roadcue.schema.INTENT_NUMBERS
    assert [intent.name.removeprefix("GO_").lower() for intent in roadcue.schema.Intent] == list(INTENTS)


def test_as_many_points_of_a_rated_trajectory_are_read_as_are_scored():
    assert roadcue.loaders.rated.RATED_POINTS >= roadcue.schema.WAYPOINTS


def test_the_command_line_offers_what_the_rooms_have():
    hints = get_type_hints(TrainConfig)
    assert {field.name for field in fields(TrainConfig)} == set(hints)
    for option, known in {
        "encoder_features": get_args(roadcue.models.flamingo.encoder.Features),
        "dtype": get_args(roadcue.models.encoder.Dtype),
        "aspect": get_args(roadcue.models.preprocessing.Aspect),
        "missing_camera": get_args(roadcue.heads.pool.Missing),
    }.items():
        assert set(get_args(hints[option])) == set(known), option
    for option, registry in {"data": loaders.DATASETS, "encoder": models.ENCODERS}.items():  # to which plugins add
        assert all(getattr(TrainConfig(**{option: name}), option) == name for name in registry), option
        with pytest.raises(ValueError, match=f"--{option} other: choose one of {', '.join(registry)}"):
            TrainConfig(**{option: "other"})
    poolings = roadcue.models.pooling.POOLINGS  # said when the encoder is there, since it takes torch to name them
    assert all(TrainConfig(pooling=name).pooling == name for name in poolings)
    with pytest.raises(BadEncoder, match=f"unknown pooling 'other': choose one of {', '.join(poolings)}"):
        roadcue.models.pooling.pool_tokens(torch.zeros(1, 2, 2, 1), "other", 1)
