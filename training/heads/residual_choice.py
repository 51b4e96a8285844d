"""What the waypoint head corrects where nobody says (`--waypoint.residual auto`): held-out training sequences choose.

A short trial: on a few thousand training rows the head that corrects nothing and the one on the ridge's path, at two
ranks, are trained as the run trains its head, without a fifth of the sequences, which they then are scored on. Of
the ridge's candidates the correction counts by a share, from none of it, which is the ridge itself, to all. Sequences
that are few are held out by turns. The head without features goes through the same trial and gets what is best for
it: it is there to show what is possible without a picture. Nothing is drawn from the run's own random numbers, and
its head is then trained on all rows, as if what was chosen had been asked for.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from roadcue.errors import BadInput
from roadcue.files import read_text, write_atomic
from roadcue.heads.baselines.waypoint import Ridge
from roadcue.heads.head import Head
from roadcue.heads.multi_head import BLIND_SUFFIX, MultiHeadModel
from roadcue.heads.pool import FeaturePool
from roadcue.heads.registry import WAYPOINT
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.heads.waypoint.head import WaypointHead
from roadcue.metrics.displacement import displacement
from roadcue.progress import ProgressLine
from roadcue.schema import StoredBatch
from roadcue.sentences import counted, say
from roadcue.training.config import TrainConfig
from roadcue.training.heads.batches import StoredSplit
from roadcue.training.heads.holdout import by_turns
from roadcue.training.heads.module import HeadsModule
from roadcue.training.steps import TrainingSteps

CORRECTIONS = (0.0, 0.25, 0.5, 0.75, 1.0)
MARGIN = 0.05
"""How much smaller an error must be than the ridge's for a correction to count, and than that of the head that
corrects nothing for the ridge's path. Less is no news from a short trial: on 3 minutes of a real drive a correction
that was up to 4 % better in the trial was up to 6 % worse on the block that had been left out (this margin was chosen
on that drive). And who has to learn the whole path gains more from the rows and steps that a trial saves: in trials
on RoadWorld the ridge's path was up to 2 % ahead, and with all rows 2 % behind."""
_PARTS = 5
_ENOUGH = 20
"""Sequences held out, from which on no further part has its turn."""
_ASTRAY_M = 1e6
_ROWS, _EPOCHS, _SEED = 2048, 20, 0
"""Of a trial. The seed is not the run's: all seeds of a setting train the same head."""
Candidate = tuple[WaypointConfig, float]
"""Options of a head, and the share of its correction."""
Errors = dict[Candidate, float]
"""ADE at 5 s in metres."""


@dataclass(frozen=True)
class ResidualChoice:
    """What was chosen for one head, why, and on how many sequences: with fewer than two nothing can be held out."""

    options: WaypointConfig
    error_m: Mapping[str, float]
    """Residual -> ADE at 5 s on the held-out sequences, of its candidate."""
    sequences: int

    @classmethod
    def of(cls, errors: Errors, sequences: int) -> "ResidualChoice":
        """By the errors on so many sequences: the simpler of two stays if the other is not `MARGIN` better."""
        none = min((each for each in errors if each[0].residual == "none"), key=errors.__getitem__)
        ego = min((each for each in errors if each[0].residual == "ego"), key=errors.__getitem__)
        ridge = next((each for each in errors if each[0].residual == "ego" and each[1] == 0), ego)
        if errors[ego] > (1 - MARGIN) * errors[ridge]:
            ego = ridge
        options, correction = ego if errors[ego] < (1 - MARGIN) * errors[none] else none
        error_m = {"none": errors[none], "ego": errors[ego]}
        return cls(replace(options, correction=correction), error_m, sequences)

    def said(self, head: str) -> str:
        """One line, with both figures."""
        options, of = self.options, head.removeprefix(WAYPOINT)
        if not self.error_m:
            return f"residual{of}: none, untried: it takes two training sequences with a future to hold one out"
        chosen, other = ("ego", "none") if options.residual == "ego" else ("none", "ego")
        how = f" (rank {options.rank}, {options.correction:.0%} of the correction)" if chosen == "ego" else ""
        how = " (the ridge alone)" if options.correction == 0 else how
        beaten = self.error_m[other] < self.error_m[chosen]
        short = f", and {MARGIN:.0%} less than none is asked of it" if beaten else ""
        return (
            f"residual{of}: {chosen}{how}, {self.error_m[chosen]:.2f} m at 5 s on "
            f"{counted(self.sequences, 'held-out training sequence')}; {other} {self.error_m[other]:.2f} m{short}"
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
            kept = json.loads(read_text(file))
            return {head: ResidualChoice.from_json(content, asked) for head, content in kept.items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadInput(f"{file}: cannot be read ({error!r}); train anew in another --run_dir") from error
    choices = _chosen(config, pool, train)
    for head, choice in choices.items():
        say(choice.said(head))
    write_atomic(file, json.dumps({head: choice.to_json() for head, choice in choices.items()}, indent=1) + "\n")
    return choices


def _chosen(config: TrainConfig, pool: Callable[[], FeaturePool], train: StoredSplit) -> dict[str, ResidualChoice]:
    rows = train.with_future()
    rows = rows.only(rows.rows[:: -(-len(rows) // _ROWS)])
    if len(np.unique(rows.sequence)) < 2:
        none = ResidualChoice(config.head_options[WAYPOINT].candidates()[0], {}, 0)
        return dict.fromkeys([WAYPOINT, *([WAYPOINT + BLIND_SUFFIX] if pool().width else [])], none)
    errors: dict[str, dict[Candidate, list[np.ndarray]]] = {}
    turns, sequences = _turns(rows)
    steps = sum(len(_steps(config, part)) for part, _ in turns)
    with ProgressLine("trying what the head corrects", steps, "steps") as advance:
        for part, held_out in turns:
            for (head, candidate), of_rows in _trial(config, pool, part, held_out, advance).items():
                errors.setdefault(head, {}).setdefault(candidate, []).append(of_rows)
    return {
        head: ResidualChoice.of(
            {each: float(np.concatenate(parts).mean()) for each, parts in tried.items()}, sequences
        )
        for head, tried in errors.items()
    }


def _turns(rows: StoredSplit) -> tuple[list[tuple[StoredSplit, StoredSplit]], int]:
    """What is trained on and held out by turns until enough sequences were held out, and how many they are."""
    turns, sequences = [], 0
    for part, held_out in by_turns(rows, _PARTS):
        turns.append((part, held_out))
        sequences += len(np.unique(held_out.sequence))
        if sequences >= _ENOUGH:
            break
    return turns, sequences


def _trial(
    config: TrainConfig,
    pool: Callable[[], FeaturePool],
    part: StoredSplit,
    held_out: StoredSplit,
    advance: Callable[[], None],
) -> dict[tuple[str, Candidate], np.ndarray]:
    """Head and candidate -> (n,) ADE at 5 s of the rows held out, metres; `advance` is called after each step."""
    asked = config.head_options[WAYPOINT].correction
    shares = CORRECTIONS if asked is None else (asked,)
    torch.manual_seed(_SEED)
    model, candidates = _candidates(config, pool())
    _train(model, part, config, advance)
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


def _steps(config: TrainConfig, part: StoredSplit) -> TrainingSteps[StoredBatch]:
    given = config.optimization
    return TrainingSteps(part, batch_size=given.batch_size, epochs=min(given.epochs, _EPOCHS), seed=_SEED)


def _train(model: MultiHeadModel, part: StoredSplit, config: TrainConfig, advance: Callable[[], None]) -> None:
    """As the run trains its heads, in at most `_EPOCHS` and without logs, checkpoints and validation."""
    given, steps = config.optimization, _steps(config, part)
    module = HeadsModule(
        model, lr=given.lr, weight_decay=given.weight_decay, steps=len(steps), warm_up=min(given.warm_up, len(steps))
    )
    model.fit(part.batches())
    optimizing = module.configure_optimizers()
    optimizer, schedule = optimizing["optimizer"], optimizing["lr_scheduler"]["scheduler"]
    model.train()
    for batch in steps:
        optimizer.zero_grad()
        torch.stack(list(module.losses(model(batch), batch["targets"]).values())).sum().backward()
        optimizer.step()
        schedule.step()
        advance()
    model.eval()


def _errors(paths: np.ndarray, logged: np.ndarray) -> np.ndarray:
    """(n,) ADE at 5 s of (n, 20, 2), metres, ego frame; `_ASTRAY_M` where a training has left the finite numbers."""
    return displacement(paths, logged).mean(axis=1) if np.isfinite(paths).all() else np.full(len(paths), _ASTRAY_M)
