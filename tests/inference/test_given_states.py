"""Line 7 of "Never sure without ground": `predict` refuses the states that a manifest refuses."""

import numpy as np
import pytest
import torch

from roadcue.errors import BadInput
from roadcue.inference.given_states import given_intents, given_pasts
from roadcue.schema import Intent


def _past(value=0.0, x=0.0):
    past = np.zeros((16, 6))
    past[3, 2], past[-1, 0] = value, x
    return past


REFUSED = {
    "UTM": (np.add(_past(), [691_608.0, 5_334_760.0, 0, 0, 0, 0]), r"past\[0, 0\] is beyond 100,000; give"),
    "a map's origin": (_past(x=500.0), r"past ends at \(500\.0, 0\.0\) m, not at \(0, 0\)"),
    "newest first": (_past(x=-30.0), r"past ends at \(-30\.0, 0\.0\) m, not at \(0, 0\); .* oldest state first"),
    "1e30": (_past(1e30), r"past\[3, 2\] is beyond 100,000; give metres and seconds"),
    "1e300": (_past(1e300), r"past\[3, 2\] is not a finite number"),
    "infinity": (torch.full((16, 6), torch.inf), r"past\[0, 0\] is not a finite number"),
    "booleans": (np.zeros((16, 6), bool), "past must be 16x6 numbers"),
    "words": ([["0"] * 6] * 16, "past must be 16x6 numbers, found something else"),
    "ragged": ([[0.0] * 6] * 15 + [[0.0]], "past is no array"),
    "ragged tensors": ([torch.zeros(16, 6), torch.zeros(15, 6)], "past is no array"),
    "an empty array": (np.array([]), r"past has the shape \(0,\): expected \(16, 6\) or \(b, 16, 6\)"),
    "no sample": (np.zeros((0, 16, 6)), r"past has the shape \(0, 16, 6\)"),
    "one number": (3.0, r"past has the shape \(\)"),
    "four dimensions": (np.zeros((1, 1, 16, 6)), r"past has the shape \(1, 1, 16, 6\)"),
    "transposed": (np.zeros((6, 16)), "past must be 16x6 numbers, found 6x16"),
}


@pytest.mark.parametrize(("past", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_line_7_past_states_that_no_manifest_may_have_are_refused(past, sentence):
    with pytest.raises(BadInput, match=sentence):
        given_pasts(past)


@pytest.mark.parametrize(
    ("intent", "sentence"),
    [
        (2.7, r"^predict: intent is float '2\.7' .*GO_LEFT or 2"),
        (torch.tensor(2.7), r"^predict: intent is float '2\.7"),
        (np.float32(2), r"^predict: intent is float '2\.0"),
        (7, r"^predict: intent is int '7'"),
        (True, "^predict: intent is bool 'True'"),
        ("go left", "did you mean 'GO_LEFT'"),
        (None, "intent is null"),
        ([torch.tensor([1, 2]), torch.tensor([1])], r"^predict: intent is ndarray '\[1 2\]'"),
        ([np.zeros((2, 3)), np.zeros((2, 4))], "^predict: intent is ndarray"),
    ],
)
def test_line_7_an_intent_that_no_manifest_may_have_is_refused(intent, sentence):
    with pytest.raises(BadInput, match=sentence):
        given_intents(intent, single=True)


def test_line_7_the_sample_of_a_batch_is_named():
    past = np.zeros((3, 16, 6))
    past[2, -1, 0] = 2
    with pytest.raises(BadInput, match=r"^predict, sample 2: past ends at \(2\.0, 0\.0\) m, not at \(0, 0\)"):
        given_pasts(past)
    with pytest.raises(BadInput, match=r"^predict, sample 1: intent is int '7'"):
        given_intents([1, 7], single=False)


@pytest.mark.parametrize(
    "form",
    [
        [2, 2],
        (np.int64(2), "GO_LEFT"),
        ["GO_LEFT", "go_left"],
        [Intent.GO_LEFT, "GO_LEFT"],
        np.array([2, 2]),
        torch.tensor([2, 2]),
        [torch.tensor(2), torch.tensor(2)],
    ],
)
def test_intents_in_every_form_are_the_same(form):
    assert given_intents(form, single=False) == [Intent.GO_LEFT, Intent.GO_LEFT]
    assert given_intents(form[0], single=True) == [Intent.GO_LEFT]


def test_past_states_in_every_form_are_the_same():
    past = np.arange(2 * 16 * 6).reshape(2, 16, 6) - [[[90, 90, 0, 0, 0, 0]]] * 2
    past[:, -1, :2] = 0
    tensor = torch.from_numpy(past)
    forms = [past, past.tolist(), tensor.float().requires_grad_(), list(tensor), tuple(tensor.bfloat16())]
    for form in forms:
        states, single = given_pasts(form)
        assert (states.dtype, single) == (np.float32, False)
        np.testing.assert_array_equal(states, past)
        states, single = given_pasts(form[1])
        assert (states.shape, single) == ((1, 16, 6), True)
