"""The benchmark of unfreezing: what it trains, what it says of unlike pictures, and that it goes on where it was."""

from argparse import Namespace
from pathlib import Path

import pytest
import unfreezing
from rich.console import Console
from unlike_pictures import ANOTHER_SEED, CLEAN, FLAGGED
from unlike_tables import seeds_table

from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.training.run_folder import RunFolder
from roadcue.training.sweep.stage_two import CONTROL, UNFREEZING

NO_FIGURES = '{"figures": []}'


def shares(**of_kinds):
    return {kind: {FLAGGED: {"value": share, "low": share, "high": share}} for kind, share in of_kinds.items()}


def found(nothing_sure, otherwise):
    """As benchmarks/unlike_pictures.py writes it, NaN as null."""
    like = {**shares(snow=otherwise), CLEAN: shares(x=0.02)["x"], ANOTHER_SEED: shares(x=0.04)["x"]}
    like["snow"][FLAGGED]["low"] = None
    return {"unlike": shares(black=1.0, blur=nothing_sure), "like": like}


def test_line_5_all_settings_and_controls_stand_beside_stage_one():
    all_of = unfreezing.trainings(Path("one"), 3, 2, Path("wide"))
    assert len(all_of) == 9 * 3
    assert len({each.name for each in all_of}) == len(all_of)
    first = [each for each in all_of if each.words[-1] == "0"]
    assert first[0].settings == CONTROL, "compared with all that follow"
    by_name = {each.name: each.words for each in first}
    ranks = {(words[words.index("--lora.rank") + 1], words[words.index("--lora.last") + 1])
             for words in by_name.values() if "--lora.rank" in words}  # fmt: skip
    assert ranks == {("8", "1"), ("8", "all"), ("32", "1"), ("32", "all")}
    assert by_name["full-seed0"][-4:] == ("--stage", "full", "--seed", "0")
    augmented = [name for name, words in by_name.items() if "--augment" in words]
    assert augmented == ["longer,augmented-seed0", "lora,augmented-seed0"], "the control first"
    for name, words in by_name.items():
        run = "wide" if name.startswith("bigger") else "one"
        assert words[:4] == ("--from", run, "--epochs", "2"), "as many more steps"


def test_line_5_the_lists_of_unlike_pictures_are_told_for_each_seed():
    runs = {"stage one": [found(0.9, 0.05)], "adapter": [found(0.5, 0.3), found(0.7, 0.05)]}
    told = {name: [unfreezing.shares_unlike(one) for one in of] for name, of in runs.items()}
    assert told["adapter"][0] == {
        "nothing sure, mean": 0.75,
        "least": 0.5,
        "still told, mean": pytest.approx(0.12),
        "most": 0.3,
        "as they are": 0.02,
        ANOTHER_SEED: 0.04,
        "demands missed": 2 / 5,
    }
    console = Console(width=120)
    with console.capture() as said:
        console.print(seeds_table("waypoint", told))
    lines = [line.strip() for line in said.get().splitlines()]
    assert next(line for line in lines if line.startswith("adapter")).split()[1:4] == ["80%", "60%", "8%"]
    assert any("75–85" in line and "50–70" in line for line in lines)


def test_line_5_it_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    monkeypatch.setenv("ROADCUE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(unfreezing, "FEW_WALKS", SidewalkSpec(4, 0, width=64, height=48))
    begun, fails = [], True

    def train(words):
        folder = Path(words[words.index("--run_dir") + 1])
        begun.append(folder.name)
        if fails and folder.name == "longer-seed0":
            return 1
        folder.mkdir(parents=True)
        RunFolder(folder).facts.touch()
        return 0

    monkeypatch.setattr(unfreezing.train, "main", train)
    monkeypatch.setattr(unfreezing, "conclude", lambda *of: (of[-1] / UNFREEZING).write_text(NO_FIGURES))
    monkeypatch.setattr(unfreezing, "scored_run", lambda *_: (None, None))
    monkeypatch.setattr(unfreezing.StageOne, "of", lambda *_: None)
    monkeypatch.setattr(unfreezing, "captions", lambda *_: 0)
    options = Namespace(out=str(tmp_path), quick=True, seeds=1, epochs=1, processes=0, device="cpu")
    with pytest.raises(unfreezing.BadInput, match=r"train\.py has ended with 1"):
        unfreezing.benchmark(options)
    assert begun == ["one", "longer-seed0"]
    fails = False
    unfreezing.benchmark(options)
    assert begun[2:] == ["longer-seed0", "lora.rank=8,lora.last=all-seed0"], "what is finished is not trained again"
