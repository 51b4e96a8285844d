"""What the tower is asked while it learns; none of it is kept in the checkpoint."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roadcue.models.pooling import pool_tokens
from roadcue.training.miniatures.examples import Batch

GRID = 4
_WEIGHTS = {"grid": 1.0, "mean": 0.3, "latents": 1.0, "mean latent": 0.3}
"""Of the readings among the losses."""
_COMMON = 0.25
"""A flag that is known of a smaller share of the pictures weighs as if it were of this one."""


class Objectives(nn.Module):
    """Linear readings of the tower's patches: what each patch shows, and what the scene holds.

    The scene is read from the 4 x 4 grid and from the mean, as heads will read it, so it has to be there linearly;
    and likewise from the latents, all of them and their mean, of a model that sums its patches up in some.
    """

    number_mean: Tensor
    number_scale: Tensor
    flag_share: Tensor
    flag_weight: Tensor

    def __init__(self, width: int, kinds: int, numbers: int, flags: int, latents: int | None = None) -> None:
        """`width` of the tower; how many kinds a patch may show, numbers and flags a scene has, latents a picture."""
        super().__init__()
        self.numbers = numbers
        self.of_patch = nn.Linear(width, kinds)
        self.of_grid = nn.Linear(GRID * GRID * width, numbers + flags)
        self.of_mean = nn.Linear(width, numbers + flags)
        if latents:
            self.of_latents = nn.Linear(latents * width, numbers + flags)
            self.of_mean_latent = nn.Linear(width, numbers + flags)
        self.register_buffer("number_mean", torch.zeros(numbers))
        self.register_buffer("number_scale", torch.ones(numbers))
        self.register_buffer("flag_share", torch.full((flags,), 0.5))
        self.register_buffer("flag_weight", torch.ones(flags))

    def learn_scales(self, numbers: Tensor, flags: Tensor) -> None:
        """From the labels (n, A) and (n, B) of all pictures, NaN where unknown: what is large, and what is rare."""
        self.number_mean = numbers.nanmean(dim=0)
        self.number_scale = (numbers - self.number_mean).square().nanmean(dim=0).sqrt().clamp(min=1e-3)
        self.flag_share = flags.nanmean(dim=0).clamp(0.005, 0.995)
        self.flag_weight = (_COMMON / (~flags.isnan()).float().mean(dim=0)).clamp(min=1.0)

    def forward(self, tokens: Tensor, latents: Tensor | None, batch: Batch) -> dict[str, Tensor]:
        """Losses by name; `tokens` (b, 14, 14, d), `latents` (b, n, d)."""
        shown = F.cross_entropy(self.of_patch(tokens).flatten(0, 2), batch["kinds"].flatten(0, 2))
        losses = {"kinds": shown}
        numbers_wanted = (batch["numbers"] - self.number_mean) / self.number_scale
        # In units of what the best constant answer costs, so that what is rare is not drowned by what is common.
        cost = torch.special.entr(self.flag_share) + torch.special.entr(1 - self.flag_share)
        for name, reading in self.read(tokens, latents).items():
            weight = _WEIGHTS[name]
            numbers, flags = reading.split([self.numbers, reading.shape[1] - self.numbers], dim=1)
            apart = F.smooth_l1_loss(numbers, numbers_wanted.nan_to_num(0.0), reduction="none")
            losses[f"{name} numbers"] = weight * _where_known(apart, batch["numbers"])
            entropy = F.binary_cross_entropy_with_logits(flags, batch["flags"].nan_to_num(0.0), reduction="none")
            told = _where_known(entropy / cost, batch["flags"], self.flag_weight)
            losses[f"{name} flags"] = 0.5 * weight * told
        return losses

    def read(self, tokens: Tensor, latents: Tensor | None) -> dict[str, Tensor]:
        """(b, A + B) numbers in training deviations and logits of flags, by where they are read."""
        grid = pool_tokens(tokens, "grid", GRID).flatten(1)
        readings = {"grid": self.of_grid(grid), "mean": self.of_mean(pool_tokens(tokens, "mean", 1)[:, 0])}
        if latents is not None:
            readings["latents"] = self.of_latents(latents.flatten(1))
            readings["mean latent"] = self.of_mean_latent(latents.mean(dim=1))
        return readings


def _where_known(each: Tensor, wanted: Tensor, weight: Tensor | float = 1.0) -> Tensor:
    """The mean over all that is labelled, each column (b, columns) with its weight."""
    weights = weight * ~wanted.isnan()
    return (each * weights).sum() / weights.sum().clamp(min=1)
