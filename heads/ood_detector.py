"""Whether a picture is unlike those of the training rows, by the features of the frozen encoder and by its contrast.

Out-of-distribution (OOD) detection. The distance of a picture's stored features to those of the training rows is
taken three times, each by a Gaussian of few directions: of the whole picture, of each of its cells where it lies, and
of the mean and spread of its cells, wherever they lie. A fourth is that of its contrast and of how that differs
between halves, by which a blurred picture is told, whose features hardly differ, and one of which a half is covered.
Each is divided by the distance that two of a hundred rows exceed which it was not fitted on. A fifth tells a part
that is smoother than it may be, as a finger before the lens makes it, and has a threshold of its own. The largest
counts. It is measured on what the encoder makes of a picture, never on what a head has made of that: training draws
the features of everything towards those of its own pictures.

Shapes: n or b rows, c pictures of a row, k stored cells of a picture, d their width, v views and s scales of its
contrast, of which the last 2 s are brightness and contrast of s x s cells, m = 5 distances.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from roadcue.errors import BadHead
from roadcue.heads.head import RUN_AGAIN, WEIGHTS
from roadcue.heads.model_part import read_part, write_part
from roadcue.heads.probabilistic_pca import ProbabilisticPCA
from roadcue.heads.smooth_cells import SmoothCells

OOD_SCORE = "ood_score"
"""In the prediction of a head that sees pictures: (b,), above 1 for a row unlike the training rows."""
FALSE_ALARMS = 0.02
"""The share of the rows that set the threshold which exceed it."""
SMOOTH_ALARMS = 0.005
"""The share that exceeds the threshold of smooth parts, which is set apart: what the others tell stays told."""
_RANKS = (256, 96, 128)
"""The most directions: of the whole picture, of a cell, of mean and spread."""
_DISTANCES = len(_RANKS) + 2
"""Those, that of contrast, and that of smooth cells, which is the last."""
_FOLDS = 5
_MOST_ROWS, _LEAST_ROWS, _MOST_BYTES = 4096, 256, 1 << 30
"""So many rows tell the directions; more only take longer. Fewer where they would fill the memory."""
_CLEAR = 0.95
"""So far below the score of a picture that has to be unlike the threshold is set."""
_ROUNDING = 1e-9
"""Of sums of weights, far below the weight of any row."""


@dataclass(frozen=True)
class StoredPictures:
    """Of n rows: `stored` (n, c, k, d), `contrast` (n, c, v, s), `present` (n, c) bool, `sequence` (n,) names."""

    stored: Tensor
    contrast: Tensor
    present: Tensor
    sequence: np.ndarray

    def at(self, rows: np.ndarray) -> "StoredPictures":
        """Those of some rows."""
        return StoredPictures(self.stored[rows], self.contrast[rows], self.present[rows], self.sequence[rows])


class OODDetector(nn.Module):
    """Called with stored features (b, c, k, d), contrast (b, c, v, s) and present (b, c), returns the OOD score (b,).

    It is above 1 for a row unlike the training rows.
    """

    threshold: Tensor
    always: Tensor
    """(c,) bool: the pictures that every training row has."""

    def __init__(
        self,
        pictures: int,
        cells: int,
        width: int,
        contrasts: Sequence[int],
        ranks: Sequence[int] = _RANKS,
        calibrated_on: str = "",
        replaced: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """`pictures` c of a row, `cells` k, `width` d, `contrasts` (v, s); `ranks`: directions of the Gaussians of
        features; `calibrated_on` says of what rows the threshold is, and `replaced` what `calibration` was before,
        oldest first.
        """
        super().__init__()
        self.calibrated_on, self.replaced = calibrated_on, list(replaced)
        self.pictures, self.cells, self.width, self.contrasts = pictures, cells, width, tuple(contrasts)
        self.ranks = tuple(ranks)
        whole, cell, spread = self.ranks
        self.whole = ProbabilisticPCA(pictures, cells * width, whole)
        self.cell = ProbabilisticPCA(pictures * cells, width, cell)
        self.spread = ProbabilisticPCA(pictures, 2 * width, spread)
        rows, scales = self.contrasts
        self.contrast = ProbabilisticPCA(pictures * (rows - 2 * scales), scales, max(scales - 1, 0))
        self.smooth = SmoothCells(pictures, scales)
        self.register_buffer("threshold", torch.full((pictures, _DISTANCES), torch.nan))
        self.register_buffer("always", torch.zeros(pictures, dtype=torch.bool))

    @classmethod
    def fitted(cls, train: StoredPictures, held_out: StoredPictures | None = None) -> Self:
        """Fitted on training rows; its threshold on sequences held out, and in five parts of the training sequences.

        The latter where fewer are held out than it takes for one of them to be the `FALSE_ALARMS`.
        """
        detector = cls._fitted_on(train)
        beside = [] if held_out is None else [(detector.distances(held_out.stored, held_out.contrast), held_out)]
        kept = 0 if held_out is None else len(np.unique(held_out.sequence))
        if kept * FALSE_ALARMS >= 1:
            detector.calibrated_on = "sequences kept for calibration"
        else:
            detector.calibrated_on = "training sequences, in five parts" + (
                ", and those kept for calibration" if kept else ""
            )
            beside.append((cls._by_parts(train), train))
        distances, present = (torch.cat(each) for each in zip(*((d, p.present) for d, p in beside), strict=True))
        detector.calibrate(distances, present, np.concatenate([p.sequence for _, p in beside]))
        return detector

    @classmethod
    def _by_parts(cls, train: StoredPictures) -> Tensor:
        """(n, c, m): of each row, by a detector of the other four parts of the sequences; NaN without one."""
        _, place = np.unique(train.sequence, return_inverse=True)
        distances = torch.full((*train.present.shape, _DISTANCES), torch.nan)
        for fold in range(_FOLDS):
            inside = place % _FOLDS == fold
            if inside.any() and not inside.all():
                distances[inside] = cls._fitted_on(train.at(~inside)).distances(
                    train.stored[inside], train.contrast[inside]
                )
        return distances

    @classmethod
    def _fitted_on(cls, train: StoredPictures) -> Self:
        _, pictures, cells, width = train.stored.shape
        widths = (cells * width, width, 2 * width)
        ranks = [min(most, wide // 2) for most, wide in zip(_RANKS, widths, strict=True)]
        detector = cls(pictures, cells, width, train.contrast.shape[2:], ranks)
        detector.always.copy_(train.present.all(dim=0))
        whole, cell, spread = detector._vectors(train.stored)
        detector.whole.fit(whole, train.present)
        detector.cell.fit(cell, train.present.repeat_interleave(cells, dim=1))
        detector.spread.fit(spread, train.present)
        views, brightness, fine = detector._views(train.contrast)
        detector.contrast.fit(views.flatten(1, 2), train.present.repeat_interleave(views.shape[2], dim=1))
        detector.smooth.fit(brightness, fine, train.present)
        return detector

    def calibrate(self, distances: Tensor, present: Tensor, sequence: np.ndarray) -> None:
        """Set the threshold by rows like those that are to come: `distances` (n, c, m) as this class gives them.

        Each sequence counts alike, however many rows it has; of few sequences the threshold is that of the farthest,
        which a new one may exceed more often. A picture of which no row is known stays unlike whatever it is.
        """
        known = present & ~distances.isnan().any(dim=2)
        self.threshold.fill_(torch.nan)
        for picture in range(self.pictures):
            rows = known[:, picture].numpy()
            if rows.any():
                seen = distances[rows, picture]
                *others, smooth = seen.T
                thresholds = [_quantile(column, sequence[rows]) for column in others]
                of_smooth = _quantile(smooth, sequence[rows], SMOOTH_ALARMS).clamp(min=1)
                self.threshold[picture] = torch.stack([*thresholds, of_smooth])
        over = torch.where(known[..., None], distances / self.threshold.cpu(), 0.0)[..., :-1].amax(dim=(1, 2))
        some = known.any(dim=1).numpy()
        if some.any():
            self.threshold[:, :-1] *= _quantile(over[some], sequence[some])

    def hold_back(self, stored: Tensor, contrast: Tensor) -> bool:
        """Lower the threshold until each of the pictures (m, k, d), (m, v, s), in every camera, is unlike.

        False if they are.

        Whatever the training rows are: nothing may be relied on of pictures that show nothing.
        """
        rows, contrasts = (each[:, None].expand(-1, self.pictures, *each.shape[1:]) for each in (stored, contrast))
        least = float(self(rows, contrasts, torch.ones(rows.shape[:2], dtype=torch.bool, device=rows.device)).min())
        if least > 1:
            return False
        self.threshold *= _CLEAR * least
        return True

    @property
    def calibration(self) -> dict[str, Any]:
        """The threshold (c, m), null where there is none, and of what rows it is, as JSON."""
        rows = [[None if math.isnan(value) else value for value in row] for row in self.threshold.tolist()]
        return {"calibrated_on": self.calibrated_on, "threshold": rows}

    @property
    def knows_nothing(self) -> bool:
        """Whether there was no row to set a threshold by, so that every picture is unlike."""
        return bool(self.threshold.isnan().all())

    @torch.no_grad()
    def distances(self, stored: Tensor, contrast: Tensor) -> Tensor:
        """(b, c, k, d), (b, c, v, s) -> (b, c, m): of each picture."""
        whole, cell, spread = self._vectors(stored)
        cells = self.cell(cell).unflatten(1, (self.pictures, self.cells)).sum(dim=2)
        views, brightness, fine = self._views(contrast)
        covered = self.contrast(views.flatten(1, 2)).unflatten(1, views.shape[1:3]).amax(dim=2)
        gaussian = torch.stack([self.whole(whole), cells, self.spread(spread), covered], dim=2).sqrt()
        return torch.cat([gaussian, self.smooth(brightness, fine)[..., None]], dim=2)

    def forward(self, stored: Tensor, contrast: Tensor, present: Tensor) -> Tensor:
        """The largest distance of a row's pictures over its threshold.

        inf where it cannot be told: there is no picture, one is missing that every training row has, or there is one
        that none had.
        """
        over = (self.distances(stored, contrast) / self.threshold).nan_to_num(math.inf, math.inf).amax(dim=2)
        score = over.where(present, 0.0).amax(dim=1)
        lacking = ~present.any(dim=1) | (self.always & ~present).any(dim=1)
        return score.where(~lacking, math.inf)

    def _vectors(self, stored: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(b, c, k, d) -> (b, c, k d), (b, c k, d), (b, c, 2 d) float32."""
        cells = stored.float()
        spread = torch.cat([cells.mean(dim=2), cells.std(dim=2, correction=0)], dim=2)
        return cells.flatten(2), cells.flatten(1, 2), spread

    def _views(self, contrast: Tensor) -> Sequence[Tensor]:
        """(b, c, v, s) -> (b, c, v - 2 s, s), and brightness and contrast of cells (b, c, s, s)."""
        rows, scales = self.contrasts
        return contrast.split([rows - 2 * scales, scales, scales], dim=2)

    def save_pretrained(self, folder: Path) -> None:
        """Write `model.safetensors` and `config.json`, in this order: with a config there are weights."""
        names = ("pictures", "cells", "width", "contrasts", "ranks", "calibrated_on", "replaced")
        write_part(folder, self, {name: getattr(self, name) for name in names})

    @classmethod
    def from_pretrained(cls, folder: Path) -> Self:
        """Read what `save_pretrained` wrote; BadHead when a file or a weight is missing, extra or misshapen."""
        detector = read_part(folder, cls, "a detector", may_be_nan=True)
        if damaged := detector._damaged():
            raise BadHead(
                f"{folder / WEIGHTS}: {', '.join(damaged)}: not finite numbers, the file is damaged; {RUN_AGAIN}"
            )
        return detector

    def _damaged(self) -> list[str]:
        """The buffers that hold NaN, but for those of a picture that no training row had, and of cells of none."""
        seen = ~self.whole.rest.isnan()
        damaged = []
        for name, buffer in self.named_buffers():
            each = buffer.reshape(self.pictures, -1).isnan()
            if name == "threshold":
                fits = each.all(dim=1) | (~each.any(dim=1) & seen)
            elif name in ("smooth.usual", "smooth.least"):
                fits = ~((self.smooth.usual.isnan() != self.smooth.least.isnan()).flatten(1).any(dim=1))
            else:
                fits = torch.where(seen, ~each.any(dim=1), each.all(dim=1))
            damaged += [] if name == "always" or bool(fits.all()) else [name]
        return damaged


def _quantile(values: Tensor, sequence: np.ndarray, alarms: float = FALSE_ALARMS) -> Tensor:
    """What a share of `alarms` of the values (n,) exceed, each sequence (n,) counting alike."""
    _, place, rows = np.unique(sequence, return_inverse=True, return_counts=True)
    ordered, order = values.sort()
    reached = (1 / (len(rows) * rows[place]))[order.numpy()].cumsum()
    return ordered[min(int(np.searchsorted(reached, 1 - alarms - _ROUNDING)), len(ordered) - 1)]


def rows_spaced(rows: int, row: torch.Size) -> np.ndarray:
    """So many of the rows that they fit into memory, as far from one another as can be; `row` is the shape of one."""
    most = min(rows, _MOST_ROWS, max(_LEAST_ROWS, _MOST_BYTES // (4 * max(row.numel(), 1))))
    return np.unique(np.linspace(0, rows - 1, most).round().astype(int))
