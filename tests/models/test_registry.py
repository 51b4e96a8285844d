import subprocess
import sys

import numpy as np
import pytest
import torch

from roadcue.errors import BadEncoder, BadInput
from roadcue.models.encoder import Encoder
from roadcue.models.none.encoder import NoEncoder
from roadcue.models.registry import CAPTIONERS, ENCODERS, build_captioner, build_encoder


def test_naming_encoders_and_captioners_imports_neither_torch_nor_transformers():
    code = (
        "import sys\nfrom roadcue.models.registry import CAPTIONERS, ENCODERS\n"
        "assert not {'torch', 'transformers'} & set(sys.modules); print(*ENCODERS, *CAPTIONERS)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == [*ENCODERS, *CAPTIONERS], done.stderr


@pytest.mark.parametrize("name", ENCODERS)
def test_every_encoder_keeps_the_contract(name):
    encoder: Encoder = build_encoder(name)
    picture = np.full((50, 70, 3), 200, np.uint8)
    pixels = torch.stack([encoder.preprocess(picture)] * 2)
    assert pixels.dtype == torch.uint8
    assert encoder.encode(pixels).shape == (2, *encoder.grid, encoder.width)
    assert encoder.name == name == encoder.fingerprint["encoder"]
    assert encoder.description
    assert encoder.to("cpu") is encoder
    assert all(isinstance(part, str) for part in encoder.fingerprint.values())


def test_an_unknown_encoder_is_told_what_it_may_have_meant():
    with pytest.raises(BadEncoder, match=r"no encoder 'smoll'; did you mean smol\? There are smol, flamingo, none"):
        build_encoder("smoll")
    with pytest.raises(BadEncoder, match=r"no captioner 'flamingos'; did you mean flamingo\? There are smol,"):
        build_captioner("flamingos")


def test_an_encoder_of_a_plugin_is_called_with_the_same_options(monkeypatch):
    monkeypatch.setattr(ENCODERS, "_own", dict(ENCODERS._own))
    asked = {}

    def build(**options):
        asked.update(options)
        return NoEncoder()

    ENCODERS.register("mine", build)
    assert isinstance(build_encoder("mine", checkpoint="mini", aspect="crop"), NoEncoder)
    assert asked == {"checkpoint": "mini", "dtype": "fp32", "aspect": "crop", "features": "patches"}
    with pytest.raises(BadInput, match="encoder 'smol' is there already"):
        ENCODERS.register("smol", build)


def test_the_run_is_told_what_the_miniature_has_seen():
    description = build_encoder("smol", dtype="bf16").description
    assert description == (
        "SmolVLM2 vision tower: miniature shipped with RoadCue, trained on drawn RoadWorld pictures only, "
        "1.6 M parameters, bf16"
    )


@pytest.mark.parametrize("registry", [ENCODERS, CAPTIONERS])
def test_what_builds_nothing_is_refused_when_it_is_registered(registry):
    with pytest.raises(BadEncoder, match=f"^{registry.kind} 'x': 5 cannot be called"):
        registry.register("x", 5)
    assert "x" not in registry
