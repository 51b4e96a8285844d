"""The Perceiver resampler: however many visual tokens a picture has, it becomes the same few latents."""

import torch
from torch import Tensor, nn

from roadcue.models.flamingo.modeling.config import FlamingoConfig


def feed_forward(width: int, mult: int) -> nn.Sequential:
    """LayerNorm, two bias-free linears and a GELU between them: (..., width) -> (..., width)."""
    return nn.Sequential(
        nn.LayerNorm(width),
        nn.Linear(width, mult * width, bias=False),
        nn.GELU(),
        nn.Linear(mult * width, width, bias=False),
    )


def split_heads(tokens: Tensor, heads: int) -> Tensor:
    """(..., n, heads * d) -> (..., heads, n, d)."""
    return tokens.unflatten(-1, (heads, -1)).transpose(-2, -3)


class PerceiverAttention(nn.Module):
    """The latents look at the visual tokens and at themselves."""

    def __init__(self, width: int, heads: int, head_dim: int) -> None:
        super().__init__()
        self.heads, self.scale = heads, head_dim**-0.5
        self.norm_media = nn.LayerNorm(width)
        self.norm_latents = nn.LayerNorm(width)
        self.to_q = nn.Linear(width, heads * head_dim, bias=False)
        self.to_kv = nn.Linear(width, 2 * heads * head_dim, bias=False)
        self.to_out = nn.Linear(heads * head_dim, width, bias=False)

    def forward(self, tokens: Tensor, latents: Tensor) -> Tensor:
        """(..., n, d) tokens and (..., m, d) latents -> (..., m, d)."""
        latents = self.norm_latents(latents)
        keys_and_values = self.to_kv(torch.cat((self.norm_media(tokens), latents), dim=-2))
        k, v = (split_heads(projected, self.heads) for projected in keys_and_values.chunk(2, dim=-1))
        q = split_heads(self.to_q(latents), self.heads)
        attended = nn.functional.scaled_dot_product_attention(q, k, v, scale=self.scale)
        result: Tensor = self.to_out(attended.transpose(-2, -3).flatten(-2))
        return result


class PerceiverResampler(nn.Module):
    """Flamingo's resampler (Alayrac et al., 2022, https://arxiv.org/abs/2204.14198, appendix A.1.1).

    The names of its parameters are those of `open_flamingo/src/helpers.py`, which has no embeddings of frames or of
    the order of the pictures.
    """

    def __init__(self, width: int, *, depth: int, heads: int, head_dim: int, latents: int, ff_mult: int) -> None:
        super().__init__()
        self.latents = nn.Parameter(torch.randn(latents, width))
        self.layers = nn.ModuleList(
            nn.ModuleList((PerceiverAttention(width, heads, head_dim), feed_forward(width, ff_mult)))
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(..., n, d) visual tokens of each picture -> (..., latents, d)."""
        latents = self.latents.expand(*tokens.shape[:-2], -1, -1)
        for layer in self.layers:
            attention, feed = layer.children()  # layers.N.0 and layers.N.1, as the package names them
            latents = latents + attention(tokens, latents)
            latents = latents + feed(latents)
        result: Tensor = self.norm(latents)
        return result


def build_perceiver(config: FlamingoConfig, width: int) -> PerceiverResampler:
    """The resampler of a Flamingo whose visual tokens are `width` wide; random weights."""
    return PerceiverResampler(
        width,
        depth=config.perceiver_depth,
        heads=config.perceiver_heads,
        head_dim=config.perceiver_head_dim,
        latents=config.perceiver_latents,
        ff_mult=config.ff_mult,
    )
