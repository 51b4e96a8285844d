"""SENSATION: what a blind pedestrian must know of a picture, as annotations, captions and BVPI texts."""

from roadcue.loaders.sensation.dataset import Sensation, open_sensation

__all__ = ["Sensation", "open_sensation"]
