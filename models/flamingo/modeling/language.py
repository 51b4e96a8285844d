"""MPT with gated cross-attention between its blocks, and with the QK-LayerNorm that transformers leaves out."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import Cache, DynamicCache, MptForCausalLM
from transformers.masking_utils import create_causal_mask
from transformers.models.mpt.modeling_mpt import MptAttention, build_mpt_alibi_tensor

from roadcue.models.flamingo.modeling.config import FlamingoConfig
from roadcue.models.flamingo.modeling.cross_attention import GatedCrossAttentionBlock
from roadcue.models.flamingo.modeling.perceiver import split_heads


class QKNormAttention(MptAttention):
    """MPT's attention with LayerNorm over the full width of queries and keys, before they are split into heads.

    As Mosaic's `attn_qk_ln` (mosaicml/examples, examples/llm/src/models/layers/attention.py of April 2023). MptConfig
    has the switch, `attn_config.qk_ln`, and MptAttention never reads it. A hook on `Wqkv` would do, until an adapter
    (LoRA) is added to `Wqkv`: what the adapter adds must be normalised too.
    """

    def __init__(self, config: Any, layer_idx: int) -> None:
        super().__init__(config, layer_idx)
        self.q_ln = nn.LayerNorm(self.hidden_size, eps=config.layer_norm_epsilon, bias=False)
        self.k_ln = nn.LayerNorm(self.hidden_size, eps=config.layer_norm_epsilon, bias=False)

    def forward(
        self, hidden_states: Tensor, position_bias: Tensor, past_key_values: Cache | None, attention_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(b, t, d) -> (b, t, d) and the weights (b, heads, t, keys); True in the mask hides a key."""
        q, k, v = self.Wqkv(hidden_states).chunk(3, dim=-1)
        q, k, v = (split_heads(projected, self.n_heads) for projected in (self.q_ln(q), self.k_ln(k), v))
        if past_key_values is not None:
            k, v = past_key_values.update(k, v, self.layer_idx)
        scores = (q @ k.transpose(-1, -2)) * self.softmax_scale + position_bias
        scores = scores.masked_fill(attention_mask, torch.finfo(q.dtype).min)
        weights = scores.float().softmax(dim=-1).to(v.dtype)
        return self.out_proj((weights @ v).transpose(1, 2).flatten(2)), weights


class FlamingoLayer(nn.Module):
    """A block of the language model, and the gated cross-attention before it where there is one."""

    def __init__(self, gated_cross_attn_layer: GatedCrossAttentionBlock | None, decoder_layer: nn.Module) -> None:
        super().__init__()
        self.gated_cross_attn_layer = gated_cross_attn_layer
        self.decoder_layer = decoder_layer

    def forward(self, hidden: Tensor, media: Tensor | None, last_image: Tensor, **decoder: Any) -> Tensor:
        """(b, t, d) -> (b, t, d); `media` belongs to this layer, and None to one without cross-attention."""
        if self.gated_cross_attn_layer is not None:
            hidden = self.gated_cross_attn_layer(hidden, media, last_image)
        result: Tensor = self.decoder_layer(hidden, **decoder)[0]
        return result


class FlamingoMpt(MptForCausalLM):
    """transformers' MPT whose blocks are FlamingoLayers; its names are those of the package's `lang_encoder`."""

    def __init__(self, config: FlamingoConfig) -> None:
        text: Any = config.text_config
        super().__init__(text)
        if text.attn_config.qk_ln:
            for index, block in enumerate(self.transformer.blocks):
                block.attn = QKNormAttention(text, index)
        gated = set(config.gated_layers)
        self.transformer.blocks = nn.ModuleList(
            FlamingoLayer(_gated_block(config) if index in gated else None, block)
            for index, block in enumerate(self.transformer.blocks)
        )

    @property
    def gated(self) -> list[GatedCrossAttentionBlock]:
        """The gated cross-attention blocks, in their order."""
        layers = [layer.gated_cross_attn_layer for layer in self.transformer.blocks]
        return [layer for layer in layers if layer is not None]

    def project(self, latents: Tensor) -> Tensor:
        """(b, images, n, d) -> (b, gated, images, n, 2 heads head_dim), the keys and values of every gated block."""
        return torch.stack([block.attn.to_kv(latents) for block in self.gated], dim=1)

    def forward(
        self,
        input_ids: Tensor,
        media: Tensor,
        last_image: Tensor,
        attention_mask: Tensor | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool = False,
    ) -> tuple[Tensor, Cache | None]:
        """(b, t) ids, `media` of `project`, (b, t) `last_image` -> (b, t, d) after the last norm, and the cache.

        The (b, t) mask also covers what is in the cache; without one every token is seen. This is the loop of
        MptModel.forward, which has no place for the pictures and takes alibi_bias_max for 8 whatever the
        configuration says. ALiBi has no table that ends: longer than max_seq_len is possible, though not learnt.
        """
        config, transformer = self.config, self.transformer
        hidden = transformer.wte(input_ids)
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache(config=config)
        mask = create_causal_mask(
            config=config, inputs_embeds=hidden, attention_mask=attention_mask, past_key_values=past_key_values
        ).to(torch.bool)
        alibi = build_mpt_alibi_tensor(
            config.n_heads, mask.shape[-1], config.attn_config.alibi_bias_max, device=hidden.device
        )
        of_gated = iter(media.unbind(dim=1))
        for layer in transformer.blocks:
            own = next(of_gated) if layer.gated_cross_attn_layer is not None else None
            hidden = layer(
                hidden, own, last_image, position_bias=alibi, attention_mask=mask, layer_past=past_key_values
            )
        return transformer.norm_f(hidden), past_key_values


def _gated_block(config: FlamingoConfig) -> GatedCrossAttentionBlock:
    text: Any = config.text_config
    vision: Any = config.vision_config
    return GatedCrossAttentionBlock(
        text.d_model,
        vision.hidden_size,
        heads=config.cross_attn_heads,
        head_dim=config.cross_attn_head_dim,
        ff_mult=config.ff_mult,
        only_immediate=config.only_attend_immediate_media,
        gate_init=config.gate_init,
    )
