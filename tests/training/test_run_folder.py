"""What a run folder is asked before it is used: whose encoder it was trained with, and what it holds."""

import pytest

from roadcue.errors import BadInput
from roadcue.training.run_folder import PROBE, RunFolder, check_same_encoder

PARTS = {"checkpoint": "mini", "pooling": "grid 2", PROBE: "1f"}


@pytest.fixture
def folder(tmp_path):
    run = RunFolder(tmp_path)
    run.write_facts({"encoder_parts": PARTS})
    return run


def test_the_encoder_that_it_was_trained_with_is_taken(folder):
    check_same_encoder(folder, PARTS)


def test_a_pixel_that_another_torch_rounds_otherwise_is_no_reason_to_refuse(folder):
    check_same_encoder(folder, {**PARTS, PROBE: "2e"})


@pytest.mark.parametrize("now", [{**PARTS, "pooling": "mean"}, {**PARTS, "aspect": "crop"}, {"checkpoint": "mini"}])
def test_another_encoder_is_refused_by_the_part_that_differs(folder, now):
    (part,) = {name for name in {*PARTS, *now} - {PROBE} if PARTS.get(name) != now.get(name)}
    with pytest.raises(BadInput, match=f"trained on features with {part} = .*put the checkpoint of the run back"):
        check_same_encoder(folder, now)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"encoder_parts": [1]}', "[" * 100_000])
def test_damaged_facts_are_said(folder, text):
    folder.facts.write_text(text)
    with pytest.raises(BadInput, match=r"run\.json: cannot be read"):
        folder.read_facts()
