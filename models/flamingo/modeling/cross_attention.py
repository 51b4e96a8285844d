"""Gated cross-attention: where the words look at the pictures."""

import torch
from torch import Tensor, nn

from roadcue.models.flamingo.modeling.perceiver import feed_forward, split_heads


class MaskedCrossAttention(nn.Module):
    """Every token looks at the latents of the last picture before it, and at nothing when there is none.

    With `only_immediate` false it looks at all pictures before it. Names as in `open_flamingo/src/helpers.py`.
    """

    def __init__(self, width: int, media_width: int, *, heads: int, head_dim: int, only_immediate: bool) -> None:
        super().__init__()
        self.heads, self.scale, self.only_immediate = heads, head_dim**-0.5, only_immediate
        self.norm = nn.LayerNorm(width)
        self.to_q = nn.Linear(width, heads * head_dim, bias=False)
        self.to_kv = nn.Linear(media_width, 2 * heads * head_dim, bias=False)
        self.to_out = nn.Linear(heads * head_dim, width, bias=False)

    def forward(self, hidden: Tensor, media: Tensor, last_image: Tensor) -> Tensor:
        """(b, t, d) hidden states, (b, images, n, 2 heads head_dim) keys and values, (b, t) int -> (b, t, d).

        `media` is what `to_kv` made of the latents, projected once however often the words are asked; `last_image`
        says how many pictures begin at or before each token. A token that is after more pictures than there are,
        because the model itself wrote `<image>`, looks at all of them alike, as in the package.
        """
        images, latents = media.shape[1:3]
        k, v = (split_heads(projected, self.heads) for projected in media.flatten(1, 2).chunk(2, dim=-1))
        scores = split_heads(self.to_q(self.norm(hidden)) * self.scale, self.heads) @ k.transpose(-1, -2)
        image = torch.arange(1, images + 1, device=media.device).repeat_interleave(latents)
        seen = last_image[..., None] == image if self.only_immediate else last_image[..., None] >= image
        weights = scores.masked_fill(~seen[:, None], torch.finfo(scores.dtype).min).softmax(dim=-1)
        weights = weights.masked_fill((last_image == 0)[:, None, :, None], 0.0)
        result: Tensor = self.to_out((weights @ v).transpose(1, 2).flatten(2))
        return result


class GatedCrossAttentionBlock(nn.Module):
    """Cross-attention and a feed-forward, each let in by the tanh of a learnt gate (Alayrac et al., 2022, 2.2)."""

    def __init__(
        self,
        width: int,
        media_width: int,
        *,
        heads: int,
        head_dim: int,
        ff_mult: int,
        only_immediate: bool,
        gate_init: float,
    ) -> None:
        super().__init__()
        self.attn = MaskedCrossAttention(
            width, media_width, heads=heads, head_dim=head_dim, only_immediate=only_immediate
        )
        self.attn_gate = nn.Parameter(torch.tensor([gate_init]))
        self.ff = feed_forward(width, ff_mult)
        self.ff_gate = nn.Parameter(torch.tensor([gate_init]))

    def forward(self, hidden: Tensor, media: Tensor, last_image: Tensor) -> Tensor:
        """(b, t, d) -> (b, t, d); the other two are as in `MaskedCrossAttention`."""
        hidden = hidden + self.attn(hidden, media, last_image) * self.attn_gate.tanh()
        result: Tensor = hidden + self.ff(hidden) * self.ff_gate.tanh()
        return result
