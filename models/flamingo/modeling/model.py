"""OpenFlamingo: pictures and words in, words out, on CLIP, a Perceiver and MPT (arXiv 2308.01390)."""

from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor
from transformers import Cache, CLIPVisionModel, GenerationConfig, GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from roadcue.models.flamingo.modeling.clip import visual_tokens
from roadcue.models.flamingo.modeling.config import FlamingoConfig
from roadcue.models.flamingo.modeling.language import FlamingoMpt
from roadcue.models.flamingo.modeling.perceiver import build_perceiver
from roadcue.models.flamingo.modeling.weights import load_saved


class Flamingo(PreTrainedModel, GenerationMixin):
    """A vision tower, a Perceiver and a language model, named as in the package (`vision_encoder` is transformers').

    Trainable are the Perceiver, the gated cross-attention and the input embedding (which is the output layer too),
    as the package trains them; the tower and the rest of the language model are frozen from the start. Images are
    `(b, images, 3, S, S)`, normalised: the package's `vision_x` has a dimension of frames, always 1, in the third
    place, and `vision_x[:, :, 0]` is ours.
    """

    config_class = FlamingoConfig
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True

    def __init__(self, config: FlamingoConfig) -> None:
        """Random weights; see `from_pretrained` and `models.flamingo.loading.load_whole` for others."""
        super().__init__(config)
        vision: Any = config.vision_config
        self.vision_encoder = CLIPVisionModel(vision)
        self.perceiver = build_perceiver(config, vision.hidden_size)
        self.lang_encoder = FlamingoMpt(config)
        self.generation_config = GenerationConfig(
            eos_token_id=config.endofchunk_token_id, pad_token_id=config.pad_token_id
        )
        self.post_init()
        self.freeze_pretrained()

    @classmethod
    def from_pretrained(cls, folder: str | Path, *, dtype: torch.dtype = torch.float32) -> Self:
        """The model that `save_pretrained` left in a folder, in eval mode on the CPU; BadCheckpoint if none is."""
        return load_saved(cls, Path(folder), dtype)

    def _init_weights(self, module: Any) -> None:
        """Leave the Perceiver and the gated blocks as PyTorch starts them, like the package."""

    def freeze_pretrained(self) -> None:
        """Let the package's trained part learn and nothing else: 1,046,992,944 numbers at the published size."""
        self.requires_grad_(False)
        for module in (self.perceiver, *self.lang_encoder.gated, self.lang_encoder.transformer.wte):
            module.requires_grad_(True)

    def trained_state(self) -> dict[str, Tensor]:
        """What the package's `checkpoint.pt` holds, by its names: 334 tensors at the published size."""
        return {name: value.detach() for name, value in self.named_parameters() if value.requires_grad}

    def set_gates(self, value: float) -> None:
        """Start both gates of every block from `value`, before the tanh, as `gate_init` does for new weights."""
        with torch.no_grad():
            for block in self.lang_encoder.gated:
                block.attn_gate.fill_(value)
                block.ff_gate.fill_(value)

    def encode_images(self, pixel_values: Tensor) -> Tensor:
        """(b, images, 3, S, S) -> the Perceiver's latents (b, images, latents, d); ValueError for another shape."""
        side, channels = self.vision_encoder.config.image_size, self.vision_encoder.config.num_channels
        if pixel_values.ndim != 5 or pixel_values.shape[2:] != (channels, side, side):
            raise ValueError(
                f"pixel_values must be (b, images, {channels}, {side}, {side}), a vision_x of the package without "
                f"its frames, vision_x[:, :, 0]; got {tuple(pixel_values.shape)}"
            )
        tokens = visual_tokens(self.vision_encoder, pixel_values.flatten(0, 1).to(self.dtype))
        latents: Tensor = self.perceiver(tokens)
        return latents.unflatten(0, pixel_values.shape[:2])

    def encode_media(self, input_ids: Tensor, pixel_values: Tensor | None) -> Tensor:
        """The keys and values of every gated block: (b, gated, images, latents, 2 heads head_dim).

        Without pixel_values there are none, and every token looks at nothing. ValueError when a row has more
        `<image>` than pictures; the other way round the last pictures are padding.
        """
        rows, images = (len(input_ids), 0) if pixel_values is None else pixel_values.shape[:2]
        most = int((input_ids == self.config.image_token_id).sum(dim=-1).max())
        if rows != len(input_ids) or most > images:
            raise ValueError(
                f"{len(input_ids)} rows of text with up to {most} <image> in a row, and pictures for {rows} rows, "
                f"{images} in each: every row needs its own, one for each <image>"
            )
        if pixel_values is None or images == 0:
            width = self.config.vision_config.hidden_size
            latents = self.perceiver.latents.new_zeros(rows, 0, self.config.perceiver_latents, width)
        else:
            latents = self.encode_images(pixel_values)
        return self.lang_encoder.project(latents)

    def count_images(self, input_ids: Tensor) -> Tensor:
        """(b, t) ids -> (b, t) how many `<image>` stand at or before each token."""
        return (input_ids == self.config.image_token_id).cumsum(dim=-1)

    def forward(
        self,
        input_ids: Tensor,
        pixel_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        *,
        media: Tensor | None = None,
        last_image: Tensor | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool = False,
        logits_to_keep: int = 0,
        return_dict: bool = True,
    ) -> CausalLMOutputWithPast:
        """(b, t) ids and (b, images, 3, S, S) -> logits (b, t, vocabulary), of the last `logits_to_keep` unless 0.

        The loss is that of the next token where `labels` (b, t) are not -100; they are not shifted. `media` are the
        pictures already encoded (`encode_media`), which takes the place of pixel_values. With a cache, input_ids are
        the new tokens alone and `last_image` must say what `count_images` says of them within the whole text.
        """
        if media is None:
            media = self.encode_media(input_ids, pixel_values)
        if last_image is None:
            if past_key_values is not None and past_key_values.get_seq_length():
                raise ValueError("with a cache, last_image must say how many <image> came before each new token")
            last_image = self.count_images(input_ids)
        hidden, cache = self.lang_encoder(
            input_ids, media, last_image, attention_mask, past_key_values=past_key_values, use_cache=use_cache
        )
        logits = self.lang_encoder.lm_head(hidden[:, -logits_to_keep:])
        loss = None
        if labels is not None:
            kept = labels[:, -logits_to_keep:][:, 1:]
            loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1).float(), kept.flatten())
        return CausalLMOutputWithPast(loss=loss, logits=logits, past_key_values=cache)

    def prepare_inputs_for_generation(self, input_ids: Tensor, **kwargs: Any) -> dict[str, Any]:
        """The tokens that the cache does not have yet, and which picture each of them is after."""
        inputs: dict[str, Any] = super().prepare_inputs_for_generation(input_ids, **kwargs)
        new = inputs["input_ids"].shape[1]
        return inputs | {"last_image": self.count_images(input_ids)[:, -new:].to(inputs["input_ids"].device)}

    @torch.no_grad()
    def generate(
        self,
        input_ids: Tensor,
        pixel_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        media: Tensor | None = None,
        **options: Any,
    ) -> Any:
        """(b, t) left-padded ids and (b, images, 3, S, S) -> (b, t + new) ids, ended by `<|endofchunk|>`.

        `options` are those of transformers' `generate`: max_new_tokens, num_beams, do_sample, ... Without a mask,
        `<PAD>` is what is masked. The pictures are encoded and projected once, whatever the beams and the length;
        `media` are as in `forward`.
        """
        media = self.encode_media(input_ids, pixel_values) if media is None else media
        return super().generate(input_ids, attention_mask=attention_mask, media=media, **options)
