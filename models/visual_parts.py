"""What of a captioner decides what it writes, and what the visual tokens of a picture, so that they may be stored."""

import hashlib
from collections.abc import Mapping

from roadcue.models.captioner import Captioner
from roadcue.weights import digest


def fingerprint(captioner: Captioner) -> Mapping[str, str]:
    """Every part that decides what is written, by name, of the weights as they are now.

    Weights in NF4 are left out, which differ by a rounding from device to device: what is beside them tells one
    checkpoint from another.
    """
    weights = {name: weight for name, weight in captioner.model.named_parameters() if weight.is_floating_point()}
    return {
        "captioner": captioner.name,
        "weights": digest(weights),
        "tokeniser": hashlib.sha256(captioner.tokenizer.backend_tokenizer.to_str().encode()).hexdigest(),
        "prompt": captioner.tokenizer.decode(captioner.prompt("?")),
        **captioner.fingerprint_of_pictures,
        "dtype": captioner.dtype,
    }


def visual_fingerprint(captioner: Captioner) -> Mapping[str, str]:
    """Every part that decides what `encode` gives, by name, of the weights as they are now.

    A connector or a Perceiver that has learnt makes other tokens, and has another fingerprint.
    """
    tensors = {
        f"{place} {name}": weight
        for place, part in enumerate(captioner.visual_parts)
        for name, weight in part.state_dict().items()
    }
    whole = captioner.fingerprint_of_pictures
    return {"captioner": captioner.name, "visual_weights": digest(tensors), **whole, "dtype": captioner.dtype}


def visual_parts_learn(captioner: Captioner) -> bool:
    """Whether the visual tokens of a picture change in a training, so that none can be stored before it."""
    return any(weight.requires_grad for part in captioner.visual_parts for weight in part.parameters())
