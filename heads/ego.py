"""What a head knows without looking out of the window: the past states and the intent."""

import torch
import torch.nn.functional as F
from torch import Tensor

from roadcue.head_inputs import INTENT_NUMBERS, HeadInputs


def one_hot_intent(intent: Tensor) -> Tensor:
    """(b,) int64, 0 unknown, 1 straight, 2 left, 3 right -> (b, 3) float32; unknown is (0, 0, 0)."""
    return F.one_hot(intent, INTENT_NUMBERS + 1)[:, 1:].float()


def ego_state(inputs: HeadInputs) -> Tensor:
    """(b, 99): the past, state by state, then the intent."""
    return torch.cat([inputs["past"].flatten(1), one_hot_intent(inputs["intent"])], dim=1)
