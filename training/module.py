"""What every training has in common to Lightning: its optimizer, its schedule, and what a resumed run needs."""

from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer

from roadcue.errors import BadInput
from roadcue.training.checkpoints import generator_state, set_generator_state
from roadcue.training.optimizers import build_optimizer
from roadcue.training.ranks import Ranks
from roadcue.training.schedule import Shape, learning_rate
from roadcue.training.stage_two.config import OptimizerName


class TrainingModule(LightningModule):
    """A model under training; subclasses say its losses, and which parameters decay how much."""

    betas: tuple[float, float] = (0.9, 0.999)
    optimizer: OptimizerName = "adamw"
    shares: bool = False
    """Whether its steps take a `ranks.Share`, so that several ranks can train it."""
    through_fp16: bool = False
    """Whether gradients flow through numbers in fp16, in which most would vanish without `loss_scaling`."""
    has_idle: bool = False
    """Whether some of what learns may have no part in a loss, so that ranks must not wait for its gradient."""

    def __init__(self, *, lr: float, steps: int, shape: Shape, warm_up: int = 0, data: str = "") -> None:
        """`lr` at its peak, over `steps` optimizer steps as `schedule.learning_rate` shapes it.

        `data` is the fingerprint of the training rows: a checkpoint of other rows is refused.
        """
        super().__init__()
        self.lr, self.steps, self.shape, self.warm_up, self.data = lr, steps, shape, warm_up, data
        self.ranks = Ranks()
        self._generators: dict[str, Any] | None = None

    @property
    def trained(self) -> nn.Module:
        """The part whose parameters the optimizer takes: all of it that requires a gradient."""
        return self

    @property
    def trainable(self) -> int:
        """How many numbers learn, as run.json and tables tell it."""
        return sum(weight.numel() for weight in self.trained.parameters() if weight.requires_grad)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The optimizer's groups: {"params", "weight_decay"} each."""
        raise NotImplementedError

    def headlines(self, measured: Mapping[str, Tensor]) -> str:
        """What was measured last on the validation rows, in a few words."""
        raise NotImplementedError

    def configure_optimizers(self) -> Any:
        """An optimizer over all that requires a gradient; one that no group holds is an error, not a silent loss."""
        groups = self.parameter_groups()
        held = {id(parameter) for group in groups for parameter in group["params"]}
        left_out = [
            name
            for name, parameter in self.trained.named_parameters()
            if parameter.requires_grad != (id(parameter) in held)
        ]
        if left_out:
            raise ValueError(f"these parameters would never train, or are frozen and in the optimizer: {left_out}")
        optimizer = build_optimizer(self.optimizer, groups, lr=self.lr, betas=self.betas)
        schedule = learning_rate(optimizer, self.shape, steps=self.steps, warm_up=self.warm_up)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Log how fast it learns: the learning rate, and the norm of the whole gradient before it is clipped."""
        gradients = [weight.grad for weight in self.trained.parameters() if weight.grad is not None]
        rate: float = optimizer.param_groups[0]["lr"]  # of all groups
        self.log_dict({"learning_rate": rate, "gradient_norm": get_total_norm(gradients)})

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Dropout draws from torch's generators: a bit-equal resume needs their states."""
        checkpoint["generators"] = self.ranks.each(generator_state())
        checkpoint["data"] = self.data

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the states until the loop is about to draw from them; BadInput when the data are others."""
        if checkpoint["data"] != self.data:
            raise BadInput("the training data have changed since the checkpoint; train anew in another --run_dir")
        self._check_weights(checkpoint["state_dict"])
        kept = checkpoint["generators"]  # of before there were ranks: not a list
        of_ranks = kept if isinstance(kept, list) else [kept]
        self._generators = of_ranks[self.ranks.rank] if self.ranks.rank < len(of_ranks) else None

    def _check_weights(self, saved: Mapping[str, Tensor]) -> None:
        """BadInput where the checkpoint's weights are those of another model."""
        own = self.state_dict()
        wrong = [name for name in saved if name not in own or own[name].shape != saved[name].shape]
        learnt = [name for name, weight in self.named_parameters() if weight.requires_grad and name not in saved]
        if wrong or learnt:
            raise BadInput(
                f"the checkpoint is of another model ({[*wrong, *learnt][0]} does not fit); put that of the run "
                "back, or train anew in another --run_dir"
            )

    def on_train_start(self) -> None:
        """Go on drawing where the saved run stopped; every rank draws numbers of its own."""
        if self._generators is not None:
            set_generator_state(self._generators)
        elif self.ranks.rank:
            torch.manual_seed(torch.initial_seed() + self.ranks.rank)
