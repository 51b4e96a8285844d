"""Line 1: a covered or dazzled lens and a broken camera are unlike in every run, however few its rows."""

import numpy as np
import pytest
from fitted import fit

import roadcue
from roadcue.heads.cue.config import CueConfig
from roadcue.loaders import jpeg
from roadcue.loaders.contrast import CONTRAST_SHAPE
from roadcue.models.registry import build_encoder
from roadcue.training.heads.covered_lens import SPOILT, covered_pictures


@pytest.fixture
def config(drawn):
    return drawn(head="cue", head_options={"cue": CueConfig(hidden=16)}, epochs=1, on_bad_record="skip")


def test_a_run_of_few_rows_takes_nothing_for_like_that_shows_nothing(config, drawn, capsys):
    run = fit(config).path
    predictor, picture = roadcue.load(run), np.zeros((60, 80, 3), np.uint8)
    for name, spoil in SPOILT.items():
        answer = predictor.predict(spoil(picture))["cue"]
        assert not answer.in_distribution, name
        assert not answer.sure


def test_lowering_the_threshold_is_said_with_what_it_costs(config, drawn, capsys):
    """Training pictures that are themselves black, noisy and white lie nowhere else."""
    train = drawn.splits["train"]
    some = [spoil(np.zeros((60, 80, 3), np.uint8)) for spoil in SPOILT.values()]
    train._jpegs = [jpeg.encode(some[row % 3], 95) for row in range(len(train))]
    train.fingerprint = "covered"
    fit(config)
    said = " ".join(capsys.readouterr().out.split())
    assert "black, white or noisy pictures lie among them" in said
    assert "% of these rows are unlike, too; more sequences would part them better" in said


def test_the_first_picture_that_can_be_read_gives_the_size(config, drawn):
    encoder, train = build_encoder("smol"), drawn.splits["train"]
    expected, contrast = covered_pictures(train, encoder, config)
    assert expected.shape == (3, 4, encoder.width)
    assert contrast.shape == (3, *CONTRAST_SHAPE)
    train.unreadable = {0, 1}
    assert covered_pictures(train, encoder, config)[0].equal(expected)
    train.unreadable = set(range(len(train)))
    assert covered_pictures(train, encoder, config) is None


def test_a_run_that_sees_nothing_needs_none(config, drawn):
    assert covered_pictures(drawn.splits["train"], build_encoder("none"), config) is None
