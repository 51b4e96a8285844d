"""What a run says of the halves of drawn pairs, counted by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from roadcue.errors import BadInput
from roadcue.evaluation.frames import Frames
from roadcue.evaluation.pairs import pairs_json, pairs_table, score_pairs
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.roadworld.pairs import PAIRS

FEW = Bootstrap(resamples=50)
NAMES = [f"walk-300000{pair}-{half}" for pair in range(3) for half in (0, 500)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pairs: two of an obstacle, one of the sun."""
    kinds = ("obstacle", "obstacle", "sun")
    lines = [
        {"frame": f"{name}.jpg", "pair": at // 2, "half": ("without", "with")[at % 2], "kind": kinds[at // 2]}
        for at, name in enumerate(NAMES)
    ]
    (tmp_path / PAIRS).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


@pytest.fixture
def frames() -> Frames:
    """In another order than the pairs: each cue with its truth, and paths of which one half of two is 3 m aside."""
    order = [5, 0, 3, 1, 4, 2]
    answers = np.array(["left", "stop", "left", "left", "left", "right"])
    truth = np.array(["left", "stop", "left", "stop", "left", "left"])
    path = np.zeros((6, 20, 2), np.float32)
    path[1, :, 1] = 3
    columns = {
        "id": np.array(NAMES),
        "cue:cue:answer": answers,
        "true:cue": truth,
        "waypoint:path": path.reshape(6, 40),
        "logged:path": np.zeros((6, 40), np.float32),
    }
    return Frames(
        {"questions": {"waypoint": [], "cue": ["cue"]}}, {name: each[order] for name, each in columns.items()}
    )


def test_halves_are_compared_by_kind(frames: Frames, folder: Path) -> None:
    kinds = score_pairs(frames, folder, FEW)
    assert {kind: each.pairs for kind, each in kinds.items()} == {"obstacle": 2, "sun": 1}
    obstacle, sun = kinds["obstacle"], kinds["sun"]
    assert (obstacle.answers["cue"].value, obstacle.truth["cue"].value) == (0.5, 1.0)
    assert (sun.answers["cue"].value, sun.truth["cue"].value) == (1.0, 0.0)
    assert obstacle.paths_m["waypoint"].value == 1.5
    assert obstacle.paths_m["logged"].value == sun.paths_m["waypoint"].value == 0
    assert pairs_json(kinds)["sun"]["answers"]["cue"] == {"value": 1.0, "low": None, "high": None}


def test_the_table_names_kinds_and_truth(frames: Frames, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Console(width=80).print(pairs_table(score_pairs(frames, folder, FEW)))
    words = capsys.readouterr().out.split()
    assert words[:6] == ["The", "two", "halves", "of", "3", "pairs"]
    assert {"obstacle", "sun", "50%", "100%", "1.50"} <= set(words)


def test_halves_that_were_not_scored_are_no_pair(frames: Frames, folder: Path) -> None:
    some = Frames(frames.about, {name: column[:3] for name, column in frames.columns.items()})
    assert score_pairs(some, folder, FEW) == {}


def test_a_folder_without_pairs_has_none_and_a_broken_list_is_said(frames: Frames, folder: Path) -> None:
    (folder / PAIRS).write_text('{"frame": 3}\n')
    with pytest.raises(BadInput, match="is no list of pairs"):
        score_pairs(frames, folder, FEW)
    (folder / PAIRS).unlink()
    assert score_pairs(frames, folder, FEW) == {}
