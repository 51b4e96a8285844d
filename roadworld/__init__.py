"""RoadWorld: a drawn, deterministic world that writes the real format, for runs that have no other data."""

from roadcue.roadworld.spec import RoadWorldSpec

__all__ = ["RoadWorldSpec"]
