"""The layers of the field and the cue head: with past states and intent, and without them."""

import pytest
import torch
import torch.nn.functional as F

from roadcue.heads.cue.config import CueConfig
from roadcue.heads.field.labels import no_fields
from roadcue.heads.trunk import HIDDEN_ROWS, Trunk
from roadcue.schema import HeadInputs, HeadTargets


def walks(rows, seed):
    """Of walks with states: which third of the picture is free, told with noise, and how the walker came there."""
    random = torch.Generator().manual_seed(seed)
    side = torch.randint(3, (rows,), generator=random)
    features = F.one_hot(side, 3)[:, None] + 0.6 * torch.randn(rows, 1, 3, generator=random)
    inputs = HeadInputs(
        features=features,
        feature_mask=torch.ones(rows, 1, dtype=torch.bool),
        past=torch.randn(rows, 16, 6, generator=random),
        intent=torch.ones(rows, dtype=torch.int64),  # GO_STRAIGHT, as all walks have it
    )
    return inputs, side


def labels(rows, on_foot=True):
    """As much of a training set's targets as tells a pedestrian's rows from a driver's."""
    positions, objects = no_fields(rows)
    return HeadTargets(positions=torch.zeros_like(positions) if on_foot else positions, objects=objects)


def blind(inputs):
    features, mask = torch.zeros(len(inputs["past"]), 0, 0), torch.zeros(len(inputs["past"]), 0, dtype=torch.bool)
    return HeadInputs({**inputs, "features": features, "feature_mask": mask})


def stateless(inputs):
    nothing = torch.full_like(inputs["past"], torch.nan), torch.zeros_like(inputs["intent"])
    return HeadInputs({**inputs, "past": nothing[0], "intent": nothing[1]})


@pytest.mark.parametrize("seeing", [True, False])
def test_what_was_trained_with_states_answers_without_them_nearly_as_well(seeing):
    torch.manual_seed(0)
    see = (lambda inputs: inputs) if seeing else blind
    inputs, side = walks(300, seed=0)
    trunk = Trunk(CueConfig(hidden=32, layers=1, dropout=0.3), int(seeing), 3 * seeing, 3)
    trunk.fit([(see(inputs), labels(300))])
    optimizer = torch.optim.Adam(trunk.parameters(), lr=1e-2)
    for _ in range(100):
        optimizer.zero_grad()
        F.cross_entropy(trunk(see(inputs)), side).backward()
        optimizer.step()
    trunk.eval()
    inputs, side = walks(2000, seed=1)
    with torch.no_grad():
        known, unknown = (F.cross_entropy(trunk(see(some)), side) for some in (inputs, stateless(inputs)))
    assert unknown < 1.05 * known
    assert unknown < (0.8 if seeing else 1.15)  # ln 3 = 1.10 nats is who knows nothing


def test_past_and_intent_of_a_row_are_hidden_together_and_in_training_only():
    inputs, _ = walks(2000, seed=0)
    trunk, seen = Trunk(CueConfig(hidden=8, layers=1, dropout=0.0), 1, 3, 3), []
    trunk.fit([(inputs, labels(2000))])
    trunk.layers.register_forward_pre_hook(lambda module, arguments: seen.append(arguments[0][:, -99:]))
    trunk.train()(inputs), trunk.eval()(inputs)
    trained, asked = seen
    hidden = (trained == 0).all(dim=1)
    assert hidden.float().mean() == pytest.approx(HIDDEN_ROWS, abs=0.03)
    assert torch.equal(trained[~hidden], asked[~hidden])
    assert (asked[:, -3:] == torch.tensor([1.0, 0.0, 0.0])).all()


def test_of_drives_nothing_is_hidden():
    inputs, _ = walks(200, seed=0)
    trunk = Trunk(CueConfig(hidden=8, layers=1, dropout=0.0), 1, 3, 3)
    trunk.fit([(inputs, labels(200, on_foot=False))])
    assert torch.equal(trunk.train()(inputs), trunk.eval()(inputs))


def test_states_and_intents_that_no_training_row_has_say_nothing_in_use():
    inputs, _ = walks(20, seed=0)
    trunk = Trunk(CueConfig(hidden=8, layers=1, dropout=0.0), 1, 3, 3).eval()
    trunk.fit([(stateless(inputs), labels(20))])
    assert torch.equal(trunk(inputs), trunk(stateless(inputs)))
    trunk.fit([(inputs, labels(20))])
    left = HeadInputs({**inputs, "intent": torch.full_like(inputs["intent"], 2)})
    unknown = HeadInputs({**inputs, "intent": torch.zeros_like(inputs["intent"])})
    assert torch.equal(trunk(left), trunk(unknown))
