"""What the tower is asked while it learns; none of it is kept in the checkpoint."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.pooling import pool_tokens
from training.pretrain_mini.examples import Batch

GRID = 4


class Objectives(nn.Module):
    """Linear readings of the tower's patches: what each patch shows, and what the scene holds.

    The scene is read from the 4 x 4 grid and from the mean, as heads will read it, so it has to be there linearly.
    """

    number_mean: Tensor
    number_scale: Tensor
    flag_share: Tensor

    def __init__(self, width: int, kinds: int, numbers: int, flags: int) -> None:
        """`width` of the tower; how many kinds a patch may show, numbers and flags a scene has."""
        super().__init__()
        self.numbers = numbers
        self.of_patch = nn.Linear(width, kinds)
        self.of_grid = nn.Linear(GRID * GRID * width, numbers + flags)
        self.of_mean = nn.Linear(width, numbers + flags)
        self.register_buffer("number_mean", torch.zeros(numbers))
        self.register_buffer("number_scale", torch.ones(numbers))
        self.register_buffer("flag_share", torch.full((flags,), 0.5))

    def forward(self, tokens: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Losses by name; `tokens` (b, 14, 14, d)."""
        shown = F.cross_entropy(self.of_patch(tokens).flatten(0, 2), batch["kinds"].flatten(0, 2))
        losses = {"kinds": shown}
        numbers_wanted = (batch["numbers"] - self.number_mean) / self.number_scale
        # In units of what the best constant answer costs, so that what is rare is not drowned by what is common.
        cost = torch.special.entr(self.flag_share) + torch.special.entr(1 - self.flag_share)
        for name, reading, weight in zip(("grid", "mean"), self.read(tokens), (1.0, 0.3), strict=True):
            numbers, flags = reading.split([self.numbers, reading.shape[1] - self.numbers], dim=1)
            apart = F.smooth_l1_loss(numbers, numbers_wanted.nan_to_num(0.0), reduction="none")
            losses[f"{name} numbers"] = weight * _where_known(apart, batch["numbers"])
            entropy = F.binary_cross_entropy_with_logits(flags, batch["flags"].nan_to_num(0.0), reduction="none")
            losses[f"{name} flags"] = 0.5 * weight * _where_known(entropy / cost, batch["flags"])
        return losses

    def read(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """(b, A + B) numbers in training deviations and logits of flags, from the grid and from the mean."""
        grid = pool_tokens(tokens, "grid", GRID).flatten(1)
        return self.of_grid(grid), self.of_mean(pool_tokens(tokens, "mean", 1)[:, 0])


def _where_known(each: Tensor, wanted: Tensor) -> Tensor:
    """The mean over all that is labelled."""
    known = ~wanted.isnan()
    return (each * known).sum() / known.sum().clamp(min=1)
