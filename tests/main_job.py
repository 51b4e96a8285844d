"""The main job as a person runs it, train.py and then eval.py, and what must be there afterwards."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from markupsafe import escape

from roadcue import eval as scoring
from roadcue import train
from roadcue.heads.multi_head import BLIND_SUFFIX
from roadcue.heads.registry import WAYPOINT, head_class


def exit_code(main: Callable[[list[str]], int], *words: object) -> int:
    """What a command would tell the shell."""
    try:
        return main([str(word) for word in words])
    except SystemExit as stop:
        return int(stop.code or 0)


def train_and_score(run: Path, *words: object, score: tuple[object, ...] = ()) -> dict[str, Any]:
    """Both commands; returns what metrics.json says. `words` are for train.py, `score` for eval.py."""
    assert exit_code(train.main, *words, "--run_dir", run, "--workers", 0) == 0
    return scored(run, *score)


def scored(run: Path, *words: object, out: Path | None = None) -> dict[str, Any]:
    """eval.py on a finished run: the rows and pages that every run must have are there."""
    assert exit_code(scoring.main, "--run", run, "--resamples", 100, *words, *(["--out", out] if out else [])) == 0
    metrics: dict[str, Any] = json.loads(((out or run) / "metrics.json").read_text())
    figures = {method["name"]: method["overall"] for method in metrics["methods"]}
    twin = {f"waypoint{BLIND_SUFFIX}"} if metrics["sees_image"] else set()
    assert figures.keys() == {"waypoint", *twin, *(baseline.name for baseline in head_class(WAYPOINT).baselines)}
    for name, overall in figures.items():
        assert all(math.isfinite(figure["value"]) for figure in overall.values()), name
    page = ((out or run) / "report.html").read_text()
    assert escape(metrics["run"]["data"]) in page
    assert all(name in page for name in figures)
    return metrics


def ade_5s(metrics: dict[str, Any]) -> dict[str, float]:
    """Method -> mean displacement over 5 s against the log, in metres."""
    return {method["name"]: method["overall"]["ade_5s"]["value"] for method in metrics["methods"]}
