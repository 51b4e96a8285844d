"""Where the parts of an OpenFlamingo are: all in one file, in three places of a folder, or in three of the hub."""

from pathlib import Path

from transformers import PreTrainedTokenizerFast

from roadcue.errors import BadCheckpoint
from roadcue.models.checkpoint import FULL, download, local_or_hub, read_json
from roadcue.models.flamingo.modeling.config import FlamingoConfig
from roadcue.models.flamingo.modeling.model import Flamingo
from roadcue.models.flamingo.published import load_published
from roadcue.models.flamingo.tokenizer import read_tokenizer

CLIP = "openai/clip-vit-large-patch14"
"""The vision tower of every published OpenFlamingo."""
MPT = "anas-awadalla/mpt-1b-redpajama-200b"
"""The language model of OpenFlamingo-3B-vitl-mpt1b: mosaicml/mpt-1b-redpajama-200b with its tokeniser."""
_WEIGHTS = ("config.json", "model*.safetensors", "model.safetensors.index.json")


class Parts:
    """The places of a checkpoint's parts; a part that is asked for is downloaded if it is not here.

    "mini" is the shipped miniature, "full" the published OpenFlamingo-3B-vitl-mpt1b, "org/name" another of the hub.
    A folder, here or there, holds what `save_pretrained` left, or `clip/`, `mpt/` and `checkpoint.pt`, or a CLIP
    alone; one of the hub without a config.json is an OpenFlamingo's, whose tower is CLIP ViT-L/14.
    """

    def __init__(self, name: str) -> None:
        """BadCheckpoint when there is nothing under the name."""
        self.place = local_or_hub(name, "flamingo")
        if isinstance(self.place, str) and self.place != FULL["flamingo"]:
            folder = download(self.place, _WEIGHTS)
            self.place = folder if (folder / "config.json").exists() else self.place

    @property
    def saved(self) -> Path | None:
        """The folder that has all of it, as `save_pretrained` left it; None when it comes in parts."""
        if isinstance(self.place, str) or not (config := self.place / "config.json").exists():
            return None
        return self.place if read_json(config).get("model_type") == FlamingoConfig.model_type else None

    @property
    def clip(self) -> Path:
        """The folder of the CLIP whose vision tower it is."""
        if isinstance(self.place, str):
            return download(CLIP, _WEIGHTS)
        return self.place if (self.place / "config.json").exists() else self._inside("clip")

    @property
    def mpt(self) -> Path:
        """The folder of the language model and its tokeniser."""
        if isinstance(self.place, str):
            if self.place != FULL["flamingo"]:
                raise BadCheckpoint(
                    f"checkpoint {self.place}: which language model it was trained with is not known; put that in "
                    "mpt/ of a folder, CLIP in clip/ and checkpoint.pt beside them, and pass the folder"
                )
            return download(MPT, (*_WEIGHTS, "pytorch_model*.bin", "tokenizer.json"))
        return self._inside("mpt")

    @property
    def checkpoint(self) -> Path:
        """The file of what joins the two: the Perceiver and the gated cross-attention."""
        if isinstance(self.place, str):
            return download(self.place, ("checkpoint.pt",)) / "checkpoint.pt"
        return self._inside("checkpoint.pt")

    def _inside(self, part: str) -> Path:
        assert isinstance(self.place, Path)
        if not (path := self.place / part).exists():
            raise BadCheckpoint(
                f"{path}: missing; a folder with an OpenFlamingo holds clip/ ({CLIP}), mpt/ ({MPT}) and "
                "checkpoint.pt, or what save_pretrained left"
            )
        return path


def load_whole(parts: Parts) -> tuple[Flamingo, PreTrainedTokenizerFast]:
    """The model in fp32, in eval mode on the CPU, and its tokeniser; BadCheckpoint when they cannot be used."""
    if saved := parts.saved:
        model = Flamingo.from_pretrained(saved)
        return model, read_tokenizer(saved, model.config)
    model = load_published(parts.clip, parts.mpt, parts.checkpoint)
    return model, read_tokenizer(parts.mpt, model.config)
