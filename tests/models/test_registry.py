import subprocess
import sys

import numpy as np
import pytest
import torch

from roadcue.errors import BadEncoder
from roadcue.models.encoder import Encoder
from roadcue.models.registry import ENCODERS, build_encoder


def test_naming_encoders_imports_neither_torch_nor_transformers():
    code = (
        "import sys\nfrom roadcue.models.registry import ENCODERS\n"
        "assert not {'torch', 'transformers'} & set(sys.modules); print(*ENCODERS)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == list(ENCODERS), done.stderr


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
    with pytest.raises(
        BadEncoder, match=r"unknown encoder 'smoll': did you mean 'smol'\? the encoders are smol, flamingo, none"
    ):
        build_encoder("smoll")


def test_the_run_is_told_what_the_miniature_has_seen():
    description = build_encoder("smol", dtype="bf16").description
    assert description == (
        "SmolVLM2 vision tower: miniature shipped with RoadCue, trained on drawn RoadWorld pictures only, "
        "1.6 M parameters, bf16"
    )
