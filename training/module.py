"""What every training has in common to Lightning: its optimizer, its schedule, and what a resumed run needs."""

from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from roadcue.errors import BadInput
from roadcue.sentences import say
from roadcue.training.checkpoints import generator_state, set_generator_state
from roadcue.training.learnt_from import differing
from roadcue.training.optimizers import build_optimizer
from roadcue.training.ranks import Ranks
from roadcue.training.schedule import Shape, lay_out_anew, learning_rate
from roadcue.training.stage_two.config import OptimizerName

_LEARNT_FROM = "learnt_from"


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

    def __init__(
        self,
        *,
        lr: float,
        steps: int,
        shape: Shape,
        warm_up: int = 0,
        learnt_from: Mapping[str, str] | None = None,
    ) -> None:
        """`lr` at its peak, over `steps` optimizer steps as `schedule.learning_rate` shapes it.

        `learnt_from` are the parts of `training.learnt_from`: a checkpoint that has learnt from others is refused.
        """
        super().__init__()
        self.lr, self.steps, self.shape, self.warm_up = lr, steps, shape, warm_up
        self.learnt_from = dict(learnt_from or {})
        self.went_on: list[int] = []
        """The steps from which its learning rate was laid out anew, over more of them."""
        self._laid_out_anew = False
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
        checkpoint |= {_LEARNT_FROM: self.learnt_from, "steps": self.steps, "went_on": self.went_on}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the states until the loop is about to draw from them; BadInput when the data are others."""
        before = checkpoint.get(_LEARNT_FROM)
        if before is None:
            raise BadInput(
                "the checkpoint is of an older RoadCue, and does not say what it has learnt from; train anew in "
                "another --run_dir"
            )
        if others := differing(before, self.learnt_from):
            raise BadInput(
                f"what is learnt from has changed since the checkpoint: {others}; put it back as it was, or train "
                "anew in another --run_dir"
            )
        self._check_weights(checkpoint["state_dict"])
        self.went_on = list(checkpoint.get("went_on", ()))
        if checkpoint.get("steps", self.steps) != self.steps:
            self._go_on_longer(checkpoint)
        kept = checkpoint["generators"]  # of before there were ranks: not a list
        of_ranks = kept if isinstance(kept, list) else [kept]
        self._generators = of_ranks[self.ranks.rank] if self.ranks.rank < len(of_ranks) else None

    def _go_on_longer(self, checkpoint: dict[str, Any]) -> None:
        """Take a checkpoint of fewer steps for one of a run of as many as these, and say what that is."""
        checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]["is_last_batch"] = False
        if self.shape == "cosine":
            step, before, self._laid_out_anew = checkpoint["global_step"], checkpoint["steps"], True
            self.went_on.append(step)
            say(
                f"goes on from step {step:,} to {self.steps:,} instead of {before:,}: from here on the learning rate "
                f"falls as over {self.steps:,} steps, so the weights are not those of such a run from its start"
            )

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
        if self._laid_out_anew:
            schedule = self.lr_schedulers()
            assert isinstance(schedule, LRScheduler)
            lay_out_anew(schedule, self.steps)
        if self._generators is not None:
            set_generator_state(self._generators)
        elif self.ranks.rank:
            torch.manual_seed(torch.initial_seed() + self.ranks.rank)
