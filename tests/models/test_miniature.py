import json

import torch
from safetensors.torch import load_file

from models import mini
from models.mini.__main__ import write


def test_the_recipe_gives_the_shipped_miniature_to_the_bit(tmp_path):
    write(tmp_path)
    made, shipped = (load_file(folder / "model.safetensors") for folder in (tmp_path, mini.SMOL))
    assert made.keys() == shipped.keys()
    assert all(made[key].dtype == shipped[key].dtype and torch.equal(made[key], shipped[key]) for key in made)
    for name in ("config.json", "preprocessor_config.json"):
        ours, theirs = (json.loads((folder / name).read_text()) for folder in (tmp_path, mini.SMOL))
        assert ours | {"transformers_version": ""} == theirs | {"transformers_version": ""}


def test_the_miniature_stays_small_and_says_what_it_is():
    assert sum(path.stat().st_size for path in mini.SMOL.iterdir()) < 3_000_000
    assert "random" in mini.DESCRIPTION
    assert "The weights are random" in (mini.SMOL / "README.md").read_text()
