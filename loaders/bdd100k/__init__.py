"""BDD100K: a car's front camera with boxes around what is on the road, read as SENSATION's near and far objects."""

from roadcue.loaders.bdd100k.dataset import Bdd100k, open_bdd100k

__all__ = ["Bdd100k", "open_bdd100k"]
