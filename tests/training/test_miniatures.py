"""The miniatures' recipe at the smallest size: it runs, stops, goes on, and ends as a checkpoint that loads."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import SmolVLMForConditionalGeneration

from roadcue.errors import BadInput
from roadcue.models import mini
from roadcue.models.checkpoint import read_tensors
from roadcue.models.flamingo.encoder import FlamingoEncoder
from roadcue.models.flamingo.loading import FlamingoFiles
from roadcue.models.generation import GenerationSettings
from roadcue.models.smol.encoder import SmolEncoder
from roadcue.models.smol.loading import PREFIX
from roadcue.options_as_text import as_yaml
from roadcue.roadworld.sidewalk.spec import VIEW_VERSION
from roadcue.roadworld.spec import WORLD_VERSION
from roadcue.training import trainer as stepwise
from roadcue.training.miniatures import __main__ as recipe
from roadcue.training.miniatures import texts
from roadcue.training.miniatures.config import PretrainConfig
from roadcue.training.miniatures.flamingo import FlamingoMiniature
from roadcue.training.miniatures.knowledge import DRIVE_REASONS, WALK_REASONS
from roadcue.training.miniatures.miniature import MINIATURES, make_miniature
from roadcue.training.miniatures.objectives import Objectives
from roadcue.training.miniatures.smol import SmolMiniature
from roadcue.training.miniatures.texts import VIEWS, view_of
from roadcue.weights import digest

REASONS = (*DRIVE_REASONS, *WALK_REASONS)
pytestmark = [pytest.mark.filterwarnings("ignore::UserWarning"), pytest.mark.usefixtures("tower_of_this_world")]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Where the pictures of this file's runs are kept: the first run draws them."""
    return tmp_path_factory.mktemp("drawn")


def config(drawn, out, **changes):
    settings = {"drives": 2, "stride": 50, "walks": 2, "pairs": 2, "workers": 2}
    settings |= {"epochs": 2, "batch_size": 9, "captioned": 4}
    return PretrainConfig(**settings | changes, drawn=str(drawn), run_dir=str(out), checkpoint_every=1, device="cpu")


def pretrain(config):
    recipe.main(config, as_yaml(config))


@pytest.mark.parametrize("model", MINIATURES)
def test_a_stopped_run_goes_on_to_the_same_weights(model, drawn, tmp_path, monkeypatch):
    pretrain(config(drawn, tmp_path / "whole", model=model))

    class Stop(stepwise.SayProgress):
        def on_train_batch_start(self, trainer, *_):
            if trainer.global_step == 2:
                raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(stepwise, "SayProgress", Stop)
        with pytest.raises(KeyboardInterrupt):
            pretrain(config(drawn, tmp_path / "stopped", model=model))
    pretrain(config(drawn, tmp_path / "stopped", model=model))
    whole, stopped = (load_file(tmp_path / name / "model/model.safetensors") for name in ("whole", "stopped"))
    assert all(torch.equal(whole[key], stopped[key]) for key in whole)
    with pytest.raises(BadInput, match=r"other options: --lr 0\.01, and the run has 0\.001; use another --run_dir"):
        pretrain(config(drawn, tmp_path / "stopped", model=model, lr=0.01))


@pytest.mark.parametrize("model", MINIATURES)
def test_the_checkpoint_loads_by_the_path_of_the_published_one(model, drawn, tmp_path):
    pretrain(config(drawn, tmp_path, model=model))
    if model == "smol":
        encoder = SmolEncoder.from_pretrained(tmp_path / "model", origin="test")
    else:
        encoder = FlamingoEncoder.from_files(
            FlamingoFiles(str(tmp_path / "model")), features="perceiver", origin="test"
        )
    tokens = encoder.encode(torch.zeros(1, 3, 224, 224, dtype=torch.uint8))
    assert tokens.shape == (1, *encoder.grid, encoder.width)
    assert tokens.isfinite().all()
    card = (tmp_path / "model" / "README.md").read_text()
    assert "It has seen nothing but drawn pictures" in card
    for text in ("scene of drives", "scene of walks", "cue of drives", "cue of walks", "bvpi of walks"):
        assert f"| {text}, nats per token |" in card
    assert "| annotations of walks that are JSON of the schema |" in card
    assert "| balanced accuracy of reason car_from_kerb, 1 pairs |" in card
    assert "captioner.generate(pixels, instruction)" in card
    assert f"RoadWorld {WORLD_VERSION} " in card
    read_world = json.loads((tmp_path / "model" / "world.json").read_text())
    assert read_world == {"RoadWorld": WORLD_VERSION, "sidewalk view": VIEW_VERSION}
    if model == "flamingo":
        assert f"(weights `{digest(read_tensors(mini.SMOL, PREFIX))[:16]}`)" in card


def test_a_run_does_not_go_on_with_other_pictures(drawn, tmp_path, monkeypatch):
    here = config(drawn, tmp_path / "run")
    monkeypatch.setattr(recipe, "is_finished", lambda *_: False)
    pretrain(here)
    monkeypatch.setattr(texts, "caption", lambda ahead: "A road.")
    with pytest.raises(BadInput, match="began with another set of drawn pictures"):
        pretrain(replace(here, drawn=str(tmp_path / "others")))
    (tmp_path / "run" / "began_with.json").unlink()
    with pytest.raises(BadInput, match="began with another set of drawn pictures"):
        pretrain(here)


def test_each_half_of_a_pair_says_which_it_is(drawn, tmp_path):
    """Of the reasons' flags that of its own pair alone is known, in the half without it and in the one with it."""
    recipe.draw_examples(config(drawn, tmp_path), drawn, 2)
    for file in sorted(drawn.glob("pairs-*")):
        reasons = load_file(file)["flags"][:, -len(REASONS) :]
        assert len(reasons) == 2 * len(REASONS)
        told = [(int(kind), float(half[kind])) for half in reasons for kind in (~half.isnan()).nonzero()]
        assert sorted(told) == [(kind, there) for kind in range(len(REASONS)) for there in (0.0, 1.0)]
        assert [there for _, there in told] == [0.0, 1.0] * len(REASONS)


@pytest.mark.parametrize("model", MINIATURES)
def test_every_text_ends_before_an_answer_is_cut_off(model, drawn, tmp_path):
    train, held_out = recipe.draw_examples(config(drawn, tmp_path), drawn, 2)
    miniature = make_miniature(model, train.texts)
    questions = {kind: len(miniature.captioner.prompt(asked)) for kind, asked in miniature.instructions.items()}
    for kind, text in (told for split in (train, held_out) for each in split.texts for told in each.items()):
        answer = miniature.captioner.answer_ids(text)
        assert len(answer) < GenerationSettings().max_new_tokens
        assert len(answer) + questions[kind] < 512


def test_both_splits_have_drives_walks_and_pairs(drawn, tmp_path):
    for split in recipe.draw_examples(config(drawn, tmp_path), drawn, 2):
        assert {path.name.split("-")[0] for path in split.files} == {"drives", "walks", "pairs"}
        assert {view_of(texts) for texts in split.texts} == set(VIEWS)


def test_flags_that_few_pictures_have_weigh_as_much_as_the_others():
    objectives = Objectives(width=8, kinds=2, numbers=1, flags=2)
    flags = torch.tensor([[0.0, torch.nan]] * 98 + [[1.0, 1.0], [1.0, 0.0]])
    objectives.learn_scales(torch.zeros(100, 1), flags)
    assert objectives.flag_weight.tolist() == pytest.approx([1.0, 12.5])
    assert objectives.flag_share.tolist() == pytest.approx([0.02, 0.5])
    tokens = torch.zeros(100, 14, 14, 8)
    batch = {"kinds": torch.full((100, 14, 14, 2), 0.5), "numbers": torch.zeros(100, 1), "flags": flags}
    with torch.no_grad():
        objectives.of_grid.bias.copy_(torch.tensor([0.0, 0.0, 8.0]))
        objectives.flag_share[:] = 0.5
        loss = objectives(tokens, None, batch)["grid flags"]
    rare, cost = (0.0003354 + 8.0003354) / 2, 2 * 0.5 * 0.6931472
    assert float(loss) == pytest.approx(0.5 * (100 * 0.6931472 + 2 * 12.5 * rare) / 125 / cost, rel=1e-3)


def test_the_flamingo_starts_from_the_tower_of_the_other(drawn, tmp_path):
    """What is new between the two towers, the first norm, the class token and no last norm, leaves much as it was."""
    train, _ = recipe.draw_examples(config(drawn, tmp_path), drawn, 2)
    pixels = train.batch(np.arange(2))["pixels"]
    torch.manual_seed(0)
    tokens = FlamingoMiniature(["A car drives 10 metres ahead."]).tokens(pixels)
    smol = SmolMiniature(["A car drives 10 metres ahead."])
    fresh = smol.tokens(pixels)
    smol.model = SmolVLMForConditionalGeneration.from_pretrained(mini.SMOL, dtype=torch.float32)
    learnt = smol.tokens(pixels)
    taken, unlike = likeness(tokens, learnt), likeness(fresh, learnt)
    assert 1 - taken < 0.5 * (1 - unlike), (taken, unlike)


def likeness(one, other):
    """Correlation of how alike any two patches are, which no rotation or scale of the features changes."""
    grams = [torch.corrcoef(tokens.flatten(0, 2))[None].flatten() for tokens in (one, other)]
    return float(torch.corrcoef(torch.stack(grams))[0, 1])
