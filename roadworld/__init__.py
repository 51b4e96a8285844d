"""RoadWorld: a drawn, deterministic world that writes the real format, for runs that have no other data."""

from roadcue.roadworld.dataset import open_roadworld
from roadcue.roadworld.spec import RoadWorldSpec

__all__ = ["RoadWorldSpec", "open_roadworld"]
