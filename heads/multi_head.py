"""The pool and the heads of a run: stored features, past states and intent in, every head's prediction out."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from roadcue.errors import BadInput
from roadcue.files import read_text, write_atomic
from roadcue.heads.head import Head
from roadcue.heads.ood_detector import OOD_SCORE, OODDetector
from roadcue.heads.pool import FeaturePool
from roadcue.heads.registry import HEADS, baseline_classes, load_head
from roadcue.schema import HeadInputs, HeadTargets, StoredBatch, StoredInputs

DETECTOR = "detector"
"""The folder of the detector of unlike pictures, in that of a model."""
BLIND_SUFFIX = " without features"
"""Names a head's twin, which gets no features: what the same head knows without an image."""


class MultiHeadModel(nn.Module):
    """Several heads on one pool of frozen features; heads named in `blind` get no features.

    Called with `StoredInputs` of b rows, returns head name -> what that head's `forward` returns. Once training has
    left a detector of pictures unlike those of the training rows, heads that see pictures also return its "ood_score"
    (b,), above 1 for an unlike one.
    """

    def __init__(self, pool: FeaturePool, named_heads: Mapping[str, Head], blind: Iterable[str]) -> None:
        """`named_heads` in the order of the results table."""
        super().__init__()
        self.pool = pool
        self.heads: Mapping[str, Head] = nn.ModuleDict(dict(named_heads))  # type: ignore[assignment]
        self.blind = frozenset(blind)
        self.detector: OODDetector | None = None

    def inputs(self, batch: StoredInputs) -> tuple[HeadInputs, HeadInputs]:
        """The `HeadInputs` of b rows for seeing and for blind heads, whose features are (b, 0, 0); no targets."""
        features, mask = self.pool(batch["stored"].float(), batch["present"])
        past, intent = batch["past"], batch["intent"]
        no_features = past.new_zeros(len(past), 0, 0)
        no_mask = torch.zeros(len(past), 0, dtype=torch.bool, device=past.device)
        seeing = HeadInputs(features=features, feature_mask=mask, past=past, intent=intent)
        return seeing, HeadInputs(features=no_features, feature_mask=no_mask, past=past, intent=intent)

    def forward(self, batch: StoredInputs, names: Iterable[str] | None = None) -> dict[str, dict[str, Tensor]]:
        """Head name -> its named predictions of b rows; of all heads, or of those that are named."""
        seeing, blind = self.inputs(batch)
        asked = list(self.heads) if names is None else list(names)
        predictions = {name: self.heads[name](blind if name in self.blind else seeing) for name in asked}
        if self.detector is not None:
            score = self.detector(batch["stored"], batch["contrast"], batch["present"])
            for name in predictions.keys() - self.blind:
                predictions[name] = {**predictions[name], OOD_SCORE: score}
        return predictions

    def fit(self, batches: Iterable[StoredBatch]) -> None:
        """Fit the statistics and the closed-form solutions of every head, streamed over the training rows.

        `batches` is iterated as often as the heads need.
        """
        for name, head in self.heads.items():
            head.fit(_HeadBatches(self, batches, blind=name in self.blind))

    @property
    def lacks_labels(self) -> dict[str, str]:
        """Head -> what is to be said of its outputs that no training row had a label of, where it has some.

        Twins and baselines are taught the same.
        """
        said = {name: head.lacks_labels() for name, head in self.heads.items() if name in HEADS}
        return {name: words for name, words in said.items() if words}

    @property
    def untaught(self) -> dict[str, list[str]]:
        """Head -> those outputs, of the heads of `lacks_labels`."""
        return {name: list(self.heads[name].untaught) for name in self.lacks_labels}

    @property
    def calibrated(self) -> bool:
        """Whether some head has to be calibrated."""
        return any(head.calibrated for head in self.heads.values())

    def calibrate(self, batches: Iterable[StoredBatch], sequence: np.ndarray) -> None:
        """Let every head that gives probabilities see rows that were not trained on; in evaluation mode.

        `sequence` (n,) names the sequence of each row of all batches.
        """
        self.eval()
        for name, head in self.heads.items():
            if head.calibrated:
                head.calibrate(_HeadBatches(self, batches, blind=name in self.blind), sequence)

    def methods(self, head: str) -> list[str]:
        """The lines of a head's table: itself, its twin without features, its baselines, as far as they are there."""
        lines = [head, head + BLIND_SUFFIX, *(baseline.name for baseline in self.heads[head].baselines)]
        return [name for name in lines if name in self.heads]

    def known(self, targets: HeadTargets, head: str | None = None) -> Tensor:
        """(n,) bool: the rows that some head can learn from and be scored on, or that the head of this name can."""
        asked = list(self.heads) if head is None else [head]
        return torch.stack([self.heads[name].known(targets) for name in asked]).any(dim=0)

    def save_pretrained(self, folder: Path) -> None:
        """Write `model.json`, `pool/`, `detector/` and `heads/<name>/`: safetensors and JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        detecting = self.detector is not None
        order = {"heads": list(self.heads), "blind": sorted(self.blind), "detector": detecting}
        write_atomic(folder / "model.json", json.dumps(order, indent=1) + "\n")
        self.pool.save_pretrained(folder / "pool")
        if self.detector is not None:
            self.detector.save_pretrained(folder / DETECTOR)
        for name, head in self.heads.items():
            head.save_pretrained(folder / "heads" / _folder_name(name))

    @classmethod
    def from_pretrained(cls, folder: Path) -> "MultiHeadModel":
        """Read what `save_pretrained` wrote; BadInput or BadHead when a file is missing or damaged.

        A run of before there were detectors has none.
        """
        try:
            order = json.loads(read_text(folder / "model.json"))
            names, blind = list(map(str, order["heads"])), list(map(str, order["blind"]))
            detecting = bool(order.get("detector", False))
            known = {*HEADS, *baseline_classes()}
            if unknown := [name for name in names if name.removesuffix(BLIND_SUFFIX) not in known]:
                raise ValueError(f"no such heads: {unknown}")
            twins = {name for name in names if name.endswith(BLIND_SUFFIX)}
            if not names or len(set(names)) < len(names) or not twins <= set(blind) <= set(names):
                raise ValueError(f"the heads {names} and of them blind {blind} do not fit")
        except FileNotFoundError:
            raise BadInput(f"{folder}: no trained heads here (model.json is missing); let train.py finish") from None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise BadInput(f"{folder / 'model.json'}: is damaged ({error!r}); train again") from error
        named = {name: load_head(folder / "heads" / _folder_name(name)) for name in names}
        for name, head in named.items():
            if head.name != name.removesuffix(BLIND_SUFFIX):
                raise BadInput(f"{folder / 'heads' / _folder_name(name)}: holds the head {head.name!r}; train again")
        model = cls(FeaturePool.from_pretrained(folder / "pool"), named, blind)
        if detecting:
            model.detector = OODDetector.from_pretrained(folder / DETECTOR)
            read = (model.detector.pictures, model.detector.cells, model.detector.width)
            if read != (len(model.pool.cameras), model.pool.cells, model.pool.width):
                raise BadInput(f"{folder / DETECTOR}: is of other pictures than this run's; train again")
        return model


class _HeadBatches:
    """All rows of a split as one head sees them, as often as they are asked for."""

    def __init__(self, model: MultiHeadModel, batches: Iterable[StoredBatch], blind: bool) -> None:
        self.model, self.batches, self.blind = model, batches, blind

    def __iter__(self) -> Iterator[tuple[HeadInputs, HeadTargets]]:
        """Batch by batch, b rows each."""
        with torch.no_grad():
            for batch in self.batches:
                yield self.model.inputs(batch)[self.blind], batch["targets"]


def _folder_name(name: str) -> str:
    return name.replace(" ", "_")
