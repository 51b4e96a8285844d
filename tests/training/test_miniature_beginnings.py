"""What is drawn for the miniatures, and what they begin with: said in folders, and refused when it is other."""

import shutil
from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from roadcue.errors import BadCheckpoint, BadInput
from roadcue.models import mini
from roadcue.options_as_text import as_yaml
from roadcue.training.miniatures import __main__ as recipe
from roadcue.training.miniatures import drawing, texts
from roadcue.training.miniatures.beginning import keep_beginning
from roadcue.training.miniatures.card import _cell
from roadcue.training.miniatures.config import PretrainConfig
from roadcue.training.miniatures.drawing import Example
from roadcue.training.miniatures.drawn_folder import claim, drawn_folder, identity_of
from roadcue.training.miniatures.flamingo import FlamingoMiniature
from roadcue.training.miniatures.knowledge import FLAGS, REASON_FLAGS
from roadcue.training.miniatures.readings import reason_scores
from roadcue.training.run_folder import RunFolder

REASONS = [flag.removeprefix("reason ") for flag in REASON_FLAGS]


def config(drawn, out, **changes):
    settings = {"drives": 2, "stride": 50, "walks": 2, "pairs": 2} | changes
    return PretrainConfig(**settings, drawn=str(drawn), run_dir=str(out), device="cpu")


def pretrain(config):
    recipe.main(config, as_yaml(config))


@pytest.fixture
def shipped(tower_of_this_world, tmp_path, monkeypatch):
    """The folder of the miniature SmolVLM2, which has learnt this world; a test may change its files."""
    folder = shutil.copytree(tower_of_this_world, tmp_path / "shipped")
    monkeypatch.setattr(mini, "SMOL", folder)
    return folder


def test_a_folder_of_other_pictures_is_refused_before_anything_is_drawn(tmp_path, monkeypatch):
    """Other words of the texts, with no version raised, are enough; and a folder that does not say what it holds."""
    drawn = tmp_path / "drawn"
    here = config(drawn, tmp_path / "run")
    monkeypatch.setattr(recipe, "draw_examples", lambda *_: pytest.fail("it is drawn"))
    claim(drawn, identity_of(here))
    claim(drawn, identity_of(replace(here, drives=3, walks=3, pairs=3)))
    with pytest.raises(BadInput, match=r"drawn otherwise than now \(stride, texts, labels differ\)"):
        pretrain(replace(here, stride=40, run_dir=str(tmp_path / "other")))
    before = drawn_folder(replace(here, drawn=None), identity_of(here))
    monkeypatch.setattr(texts, "caption", lambda ahead: "A road.")
    with pytest.raises(BadInput, match=r"drawn otherwise than now \(texts differ\)"):
        pretrain(here)
    assert drawn_folder(replace(here, drawn=None), identity_of(here)) != before
    monkeypatch.setattr("roadcue.training.miniatures.drawn_folder.PAIRS_VERSION", "0")
    with pytest.raises(BadInput, match=r"drawn otherwise than now \(pairs, texts differ\)"):
        pretrain(here)
    (drawn / "identity.json").unlink()
    (drawn / "drives-000000.safetensors").touch()
    with pytest.raises(BadInput, match=r"no identity\.json"):
        pretrain(here)


def test_no_scene_is_learnt_and_held_out(tmp_path, monkeypatch):
    """Seed, number and attempt decide a drive, and seed and number a walk: no two files have one of either."""
    scenes = defaultdict(set)
    nothing = Example(torch.empty(0), np.empty(0), (np.empty(0), np.zeros(len(FLAGS))), {})

    def of_drive(spec, driven, painter, position):
        scenes[now].add(driven.streams.key)
        return nothing

    def of_walk(spec, walk, frame):
        scenes[now].add((spec.seed, walk.annotation(frame).image.split("-")[1], "walk"))
        return nothing

    monkeypatch.setattr(drawing, "_of_drive", of_drive)
    monkeypatch.setattr(drawing, "_of_walk", of_walk)
    here = config(tmp_path, tmp_path)
    of_files = {"drives": [drawing._of_drives], "walks": [drawing._of_walks]}
    of_files["pairs"] = [drawing._of_drive_pairs, drawing._of_walk_pairs]
    for now in [(name, i) for name in of_files for i in range(2)]:
        for of_file in of_files[now[0]]:
            list(of_file(here, now[1]))
    assert [len(of_file) for of_file in scenes.values()] == [1, 1, 1, 1, len(REASONS), len(REASONS)]
    assert len(set().union(*scenes.values())) == 4 + 2 * len(REASONS)


def test_one_drive_and_walk_in_fifty_and_one_pair_in_four_are_held_out(tmp_path):
    here = config(tmp_path, tmp_path, drives=100, walks=100, pairs=10)
    for name, count in (("drives", 100), ("walks", 100), ("pairs", 10)):
        for i in range(count):
            (tmp_path / f"{name}-{i:06d}.safetensors").touch()
    train, held_out = recipe.draw_examples(here, tmp_path, 2)
    assert not set(train.files) & set(held_out.files)
    counts = [Counter(path.name.split("-")[0] for path in split.files) for split in (train, held_out)]
    assert counts == [{"drives": 98, "walks": 98, "pairs": 7}, {"drives": 2, "walks": 2, "pairs": 3}]


def test_the_interval_of_a_reason_is_over_pairs():
    """Of four pairs two are told right, so half is right; resampled by pair, all may be wrong, or right."""
    wanted = torch.full((10, len(REASONS)), torch.nan)
    wanted[:8, 2] = torch.tensor([0.0, 1.0] * 4)
    told = torch.zeros(10, len(REASONS), dtype=torch.bool)
    told[:8, 2] = torch.tensor([0, 1, 0, 1, 1, 0, 1, 0])
    ((name, score),) = reason_scores(told, wanted).items()
    assert name == f"balanced accuracy of reason {REASONS[2]}, 4 pairs"
    assert (score.value, score.low, score.high) == (0.5, 0.0, 1.0)
    assert _cell(score) == "0.50 (0.00 to 1.00)"
    assert _cell(replace(score, low=np.nan)) == "0.50"


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("workers", 0, "--workers 0: must be at least 1"),
        ("drives", 1_000_001, "--drives 1000001: must be at most 1000000; the numbers from there on"),
        ("walks", 1_000_001, "--walks 1000001: must be at most 1000000"),
        ("pairs", 1_000_000, "--pairs 1000000: must be at most"),
    ],
)
def test_what_cannot_be_drawn_is_refused(option, value, words):
    with pytest.raises(ValueError, match=words):
        PretrainConfig(**{option: value})
    PretrainConfig(drives=1_000_000, walks=1_000_000, workers=1)


@pytest.mark.parametrize(("made", "of"), [("pair_of", "_of_drive_pairs"), ("PairedWalk", "_of_walk_pairs")])
def test_a_pair_that_is_not_found_is_named_by_its_reason(made, of, tmp_path, monkeypatch):
    def none(spec, number):
        raise BadInput("pair 997000000")

    monkeypatch.setattr(drawing, made, none)
    reasons = "|".join(REASONS)
    with pytest.raises(BadInput, match=rf"^pair 2 of 2 of the reason ({reasons}): no moment of world seed 0 has"):
        next(getattr(drawing, of)(config(tmp_path, tmp_path), 1))


def test_a_tower_of_another_world_is_refused_before_anything_is_drawn(tmp_path, shipped, monkeypatch):
    here = config(tmp_path, tmp_path / "run", model="flamingo")
    monkeypatch.setattr(recipe, "draw_examples", lambda *_: pytest.fail("it is drawn"))
    (shipped / "world.json").write_text('{"RoadWorld": "3", "sidewalk view": "1"}')
    with pytest.raises(BadCheckpoint, match=r"learnt from RoadWorld 3, sidewalk view 1, and this is .*--model smol"):
        pretrain(here)
    (shipped / "world.json").unlink()
    with pytest.raises(BadCheckpoint, match=r"does not say \(world\.json\) which world"):
        pretrain(here)


def test_a_run_does_not_go_on_with_another_tower(tmp_path, shipped):
    folder = RunFolder(tmp_path / "run")
    keep_beginning(folder, FlamingoMiniature.begins_with())
    folder.last.parent.mkdir()
    folder.last.touch()
    keep_beginning(folder, FlamingoMiniature.begins_with())
    tensors = load_file(shipped / "model.safetensors")
    tensors["model.vision_model.post_layernorm.bias"] += 1
    save_file(tensors, shipped / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BadInput, match="began with another tower"):
        keep_beginning(folder, FlamingoMiniature.begins_with())
