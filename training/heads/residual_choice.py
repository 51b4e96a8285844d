"""What the waypoint head corrects where nobody says (`--waypoint.residual auto`): held-out training sequences choose.

A short trial: on a few thousand training rows the head that corrects nothing and the one on the ridge's path, at two
ranks, are trained as the run trains its head, without a fifth of the sequences, which they then are scored on. Of
the ridge's candidates the correction counts by a share, from none of it, which is the ridge itself, to all. Sequences
that are few are held out by turns. The head without features goes through the same trial and gets what is best for
it: it is there to show what is possible without a picture. Nothing is drawn from the run's own random numbers, and
its head is then trained on all rows, as if what was chosen had been asked for.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from roadcue.errors import BadInput
from roadcue.files import write_atomic
from roadcue.heads.baselines.waypoint import Ridge
from roadcue.heads.head import Head
from roadcue.heads.multi_head import BLIND_SUFFIX, MultiHeadModel
from roadcue.heads.pool import FeaturePool
from roadcue.heads.registry import WAYPOINT
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.heads.waypoint.head import WaypointHead
from roadcue.metrics.displacement import displacement
from roadcue.training.config import TrainConfig
from roadcue.training.heads.batches import StoredSplit
from roadcue.training.heads.holdout import by_turns
from roadcue.training.heads.module import HeadsModule
from roadcue.training.steps import TrainingSteps

CORRECTIONS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""On 3 minutes of a real drive up to half of the correction did no harm, and all of it did."""
MARGIN = 0.05
"""How much smaller the error on the ridge's path must be. A head that has to learn the whole path gains more from the
rows and steps that a trial saves: in trials on RoadWorld the ridge's path was up to 2 % ahead, and with all rows 2 %
behind."""
_PARTS = 5
_ENOUGH = 20
"""Sequences held out, from which on no further part has its turn."""
_ASTRAY_M = 1e6
_ROWS, _EPOCHS, _SEED = 2048, 20, 0
"""Of a trial. The seed is not the run's: all seeds of a setting train the same head."""
Candidate = tuple[WaypointConfig, float]
"""Options of a head, and the share of its correction."""
Errors = dict[Candidate, list[float]]
"""ADE at 5 s in metres, sequence by sequence."""


@dataclass(frozen=True)
class ResidualChoice:
    """What was chosen for one head, why, and on how many sequences: with fewer than two nothing can be held out."""

    options: WaypointConfig
    error_m: Mapping[str, float]
    """Residual -> ADE at 5 s on the held-out sequences, of its candidate."""
    sequences: int

    @classmethod
    def of(cls, errors: Errors) -> "ResidualChoice":
        """The one on the ridge's path, where it is `MARGIN` better than the one that corrects nothing; else that."""
        residuals = ("none", "ego")
        best = {
            each: _cautious({key: errors[key] for key in errors if key[0].residual == each}) for each in residuals
        }
        error_m = {residual: float(np.mean(errors[key])) for residual, key in best.items()}
        options, correction = best["ego" if error_m["ego"] < (1 - MARGIN) * error_m["none"] else "none"]
        return cls(replace(options, correction=correction), error_m, len(errors[best["none"]]))

    def said(self, head: str) -> str:
        """One line, with both figures."""
        options, of = self.options, head.removeprefix(WAYPOINT)
        if not self.error_m:
            return f"residual{of}: none, untried: it takes two training sequences with a future to hold one out"
        chosen, other = ("ego", "none") if options.residual == "ego" else ("none", "ego")
        how = f" (rank {options.rank}, {options.correction:.0%} of the correction)" if chosen == "ego" else ""
        beaten = self.error_m[other] < self.error_m[chosen]
        short = f", and {MARGIN:.0%} less than none is asked of it" if beaten else ""
        return (
            f"residual{of}: {chosen}{how}, {self.error_m[chosen]:.2f} m at 5 s on {self.sequences} held-out training "
            f"sequences; {other} {self.error_m[other]:.2f} m{short}"
        )

    def to_json(self) -> dict[str, Any]:
        """The chosen options and the reason."""
        options = {name: getattr(self.options, name) for name in ("residual", "rank", "correction")}
        return {**options, "held_out_ade_5s_m": dict(self.error_m), "held_out_sequences": self.sequences}

    @classmethod
    def from_json(cls, content: Mapping[str, Any], asked: WaypointConfig) -> "ResidualChoice":
        """What `to_json` gave, for a head of the options that were `asked` for."""
        options = {name: content[name] for name in ("residual", "rank", "correction")}
        return cls(replace(asked, **options), content["held_out_ade_5s_m"], content["held_out_sequences"])


def residual_choices(
    config: TrainConfig, pool: Callable[[], FeaturePool], train: StoredSplit, file: Path, *, resuming: bool
) -> dict[str, ResidualChoice]:
    """Of the waypoint head and its twin, {} where nothing is open; kept in `file`, which a resumed run reads.

    BadInput where that cannot be read. Says what was chosen.
    """
    asked = config.head_options.get(WAYPOINT)
    if asked is None or len(asked.candidates()) == 1:
        return {}
    if resuming:
        try:
            kept = json.loads(file.read_text())
            return {head: ResidualChoice.from_json(content, asked) for head, content in kept.items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadInput(f"{file}: cannot be read ({error!r}); train anew in another --run_dir") from error
    choices = _chosen(config, pool, train)
    for head, choice in choices.items():
        print(choice.said(head), flush=True)
    write_atomic(file, json.dumps({head: choice.to_json() for head, choice in choices.items()}, indent=1) + "\n")
    return choices


def _chosen(config: TrainConfig, pool: Callable[[], FeaturePool], train: StoredSplit) -> dict[str, ResidualChoice]:
    rows = train.with_future()
    rows = rows.only(rows.rows[:: -(-len(rows) // _ROWS)])
    if len(np.unique(rows.sequence)) < 2:
        none = ResidualChoice(config.head_options[WAYPOINT].candidates()[0], {}, 0)
        return dict.fromkeys([WAYPOINT, *([WAYPOINT + BLIND_SUFFIX] if pool().width else [])], none)
    errors: dict[str, Errors] = {}
    sequences = 0
    for part, held_out in by_turns(rows, _PARTS):
        names = np.unique(held_out.sequence)
        for (head, candidate), of_rows in _trial(config, pool, part, held_out).items():
            by_sequence = [float(of_rows[held_out.sequence == name].mean()) for name in names]
            errors.setdefault(head, {}).setdefault(candidate, []).extend(by_sequence)
        sequences += len(names)
        if sequences >= _ENOUGH:
            break
    return {head: ResidualChoice.of(of_head) for head, of_head in errors.items()}


def _trial(
    config: TrainConfig, pool: Callable[[], FeaturePool], part: StoredSplit, held_out: StoredSplit
) -> dict[tuple[str, Candidate], np.ndarray]:
    """Head and candidate -> (n,) ADE at 5 s of the rows held out, metres."""
    asked = config.head_options[WAYPOINT].correction
    shares = CORRECTIONS if asked is None else (asked,)
    torch.manual_seed(_SEED)
    model, candidates = _candidates(config, pool())
    _train(model, part, config)
    with torch.no_grad():
        answers = [model(batch) for batch in held_out.batches()]
    paths = {name: torch.cat([each[name]["waypoints"] for each in answers]).numpy() for name in model.heads}
    logged, base = held_out.targets["future"].numpy(), paths[Ridge.name]
    return {
        (head, (options, share)): _errors(base + share * (paths[name] - base), logged)
        for name, (head, options) in candidates.items()
        for share in (shares if options.residual == "ego" else (1.0,))
    }


def _candidates(
    config: TrainConfig, pool: FeaturePool
) -> tuple[MultiHeadModel, dict[str, tuple[str, WaypointConfig]]]:
    """All candidates of all heads as one model, beside the ridge; name in the model -> head and options.

    Ranks that are the same to a head are tried once: to one that sees nothing, or reads every cell.
    """
    candidates: dict[str, tuple[str, WaypointConfig]] = {}
    heads: dict[str, Head] = {Ridge.name: Ridge()}
    for head, vectors in ((WAYPOINT, pool.vectors), *([(WAYPOINT + BLIND_SUFFIX, 0)] if pool.vectors else [])):
        tried = set()
        for number, options in enumerate(config.head_options[WAYPOINT].candidates()):
            built = WaypointHead(options, vectors, pool.width)
            if (key := (options.residual, built.reduced.rank)) not in tried:
                tried.add(key)
                candidates[f"{head} {number}"], heads[f"{head} {number}"] = (head, options), built
    seeing = [name for name, (head, _) in candidates.items() if head == WAYPOINT and pool.vectors]
    return MultiHeadModel(pool, heads, blind=heads.keys() - set(seeing)), candidates


def _train(model: MultiHeadModel, part: StoredSplit, config: TrainConfig) -> None:
    """As the run trains its heads, in at most `_EPOCHS` and without logs, checkpoints and validation."""
    given = config.optimization
    steps = TrainingSteps(part, batch_size=given.batch_size, epochs=min(given.epochs, _EPOCHS), seed=_SEED)
    module = HeadsModule(
        model, lr=given.lr, weight_decay=given.weight_decay, steps=len(steps), warm_up=min(given.warm_up, len(steps))
    )
    model.fit(part.batches())
    optimizing = module.configure_optimizers()
    optimizer, schedule = optimizing["optimizer"], optimizing["lr_scheduler"]["scheduler"]
    model.train()
    for batch in steps:
        optimizer.zero_grad()
        torch.stack(list(module.losses(model(batch), batch).values())).sum().backward()
        optimizer.step()
        schedule.step()
    model.eval()


def _errors(paths: np.ndarray, logged: np.ndarray) -> np.ndarray:
    """(n,) ADE at 5 s of (n, 20, 2), metres, ego frame; `_ASTRAY_M` where a training has left the finite numbers."""
    return displacement(paths, logged).mean(axis=1) if np.isfinite(paths).all() else np.full(len(paths), _ASTRAY_M)


def _cautious(errors: Errors) -> Candidate:
    """The smallest correction that is not worse than the best one by more than a standard error, over sequences.

    The one-standard-error rule (Breiman, Friedman, Olshen and Stone 1984, "Classification and Regression Trees",
    section 3.4.3), of differences in pairs: a correction that hardly helps where it is tried may well harm elsewhere.
    """
    best = min(errors, key=lambda each: np.mean(errors[each]))

    def is_as_good(candidate: Candidate) -> bool:
        worse = np.subtract(errors[candidate], errors[best])
        return bool(worse.mean() <= worse.std(ddof=1) / math.sqrt(len(worse)))

    return min(filter(is_as_good, errors), key=lambda each: (each[1], np.mean(errors[each])))
