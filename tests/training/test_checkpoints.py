"""`last.safetensors`: a run goes on from what it has written, or not at all."""

import json

import pytest
import torch
from damage import damaged
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from roadcue.errors import BadInput
from roadcue.training.checkpoints import read_checkpoint, write_checkpoint
from roadcue.training.module import TrainingModule

STATE = {
    "global_step": 7,
    "state_dict": {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.zeros(2)},
    "optimizer_states": [{"state": {0: {"step": torch.tensor(7.0)}}, "groups": [(0.9, 0.999)]}],
    "none": None,
}


@pytest.fixture
def file(tmp_path):
    write_checkpoint(tmp_path / "checkpoint/last.safetensors", STATE)
    return tmp_path / "checkpoint/last.safetensors"


def same(one, two):
    if isinstance(one, torch.Tensor):
        return isinstance(two, torch.Tensor) and one.dtype == two.dtype and torch.equal(one, two)
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    if isinstance(one, list | tuple):
        return type(one) is type(two) and all(map(same, one, two))
    return one == two


def again(file, change):
    """The same file with its tensors and its metadata changed, which safetensors takes for whole."""
    with safe_open(file, framework="pt") as opened:
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - not a dict
        about = dict(opened.metadata())
    change(tensors, about)
    save_file(tensors, file, metadata=about)


def test_what_is_written_is_read(file):
    assert same(read_checkpoint(file), STATE)


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors, about: tensors.pop("state_dict.weight"),
        lambda tensors, about: tensors["state_dict.weight"].mul_(2),
        lambda tensors, about: tensors["state_dict.bias"].fill_(torch.nan),
        lambda tensors, about: tensors.update(more=torch.zeros(1)),
        lambda tensors, about: about.pop("state"),
        lambda tensors, about: about.pop("checksum"),
        lambda tensors, about: about.update(state=about["state"].replace("7", "8")),
        lambda tensors, about: about.update(state="["),
        lambda tensors, about: about.clear(),
    ],
)
def test_missing_tensors_and_changed_ones_are_refused(file, change):
    again(file, change)
    with pytest.raises(BadInput, match=r"last\.safetensors: not a checkpoint as it was written .*train again"):
        read_checkpoint(file)


def test_a_state_of_another_form_is_refused_though_its_checksum_is_right(file):
    from roadcue.training.checkpoints import _checksum

    for state in ("[]", "5", "null", "{}", '{"global_step": "x"}', '{"a": {"__tensor__": []}}', "[" * 5000):

        def change(tensors, about, state=state):
            about.update(state=state, checksum=_checksum(tensors, state))

        again(file, change)
        with pytest.raises(BadInput, match="not a checkpoint as it was written"):
            read_checkpoint(file)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damage_is_refused_or_changes_nothing(file, data):
    whole = file.read_bytes()
    try:
        file.write_bytes(data.draw(damaged(whole)))
        try:
            found = read_checkpoint(file)
        except BadInput:
            return
        assert same(found, STATE)
    finally:
        file.write_bytes(whole)


def test_the_checkpoint_of_another_model_is_said():
    class Training(TrainingModule):
        def __init__(self, *layers):
            super().__init__(lr=1.0, steps=1, shape="constant", learnt_from={"pictures": "same"})
            self.layers = nn.Sequential(*layers)

    one, wider, deeper = (
        Training(*layers) for layers in ([nn.Linear(2, 3)], [nn.Linear(2, 4)], [nn.Linear(2, 3), nn.Linear(3, 3)])
    )
    saved = {"state_dict": one.state_dict()}
    one.on_save_checkpoint(saved)
    one.on_load_checkpoint(saved)
    for other, name in ((wider, "layers.0.weight"), (deeper, "layers.1.weight")):
        with pytest.raises(BadInput, match=rf"checkpoint is of another model \({name} does not fit"):
            other.on_load_checkpoint(saved)


def test_a_checkpoint_is_plain_text_and_numbers(file):
    with safe_open(file, framework="pt") as opened:
        assert json.loads(opened.metadata()["state"])["global_step"] == 7


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (30, r"\(Read-only file system\); name a place where you may write"),
        (28, r"\(No space left on device\); free"),
    ],
)
def test_a_disk_that_takes_nothing_is_said_with_what_helps(tmp_path, monkeypatch, number, remedy):
    def refuse(*_, **__):
        raise SafetensorError(f"Error while serializing: I/O error: so it says (os error {number})")

    monkeypatch.setattr("roadcue.weights.save_file", refuse)
    with pytest.raises(BadInput, match=rf"last\.safetensors: cannot be written {remedy}"):
        write_checkpoint(tmp_path / "last.safetensors", {"global_step": 1, "weight": torch.zeros(2)})
