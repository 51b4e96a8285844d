"""What both miniatures have in common before they have learnt anything: their towers' sizes and initial weights."""

import math

from torch import nn

from roadcue.models.mini import PATCH, SIDE

TOWER = {
    "hidden_size": 192,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "image_size": SIDE,
    "patch_size": PATCH,
}
"""Of both: what one tower has learnt, the other begins with (`training.miniatures.flamingo`)."""


def draw_initial_weights(model: nn.Module) -> None:
    """Draw the weights of all linear layers and convolutions anew, in place, from torch's generator; biases are 0.

    Their deviation is 1 / sqrt(fan-in), with which a layer answers about as loudly as it is asked (LeCun et al. 1998,
    "Efficient BackProp", section 4.6): the 0.02 of the published models is meant for widths of a thousand and more.
    An output layer that is the embedding, too, is drawn with the others; other embeddings, and norms, stay as their
    classes made them.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.trunc_normal_(module.weight, std=math.prod(module.weight.shape[1:]) ** -0.5)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
