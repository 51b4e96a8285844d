"""How often each scenario cluster of the end-to-end set is drawn, and what its sequences are full of."""

from dataclasses import dataclass, replace

import numpy as np

from roadcue.loaders.waymo_e2e.clusters import Cluster


@dataclass(frozen=True)
class Mix:
    """What a sequence meets, as probabilities: of a place being used, a road being so, a person being one.

    `works`, `debris`, `standing` (a vehicle half in the lane), `kerb` (a car that pulls out) share the free places
    beside the lane; `special` is the share of special vehicles among those standing, and the chance of one ahead.
    """

    junctions: float = 0.75
    crossings: float = 0.6
    people: tuple[float, ...] = (0.35, 0.4, 0.25)
    """For 0, 1, 2 ... people at a crossing."""
    cycling: float = 0.25
    works: float = 0.08
    debris: float = 0.08
    standing: float = 0.07
    kerb: float = 0.13
    special: float = 0.1
    multilane: float = 0.2
    changes: float = 0.3
    """On a road with a second lane, the share of its cars that would change into the first."""
    leads: float = 0.7
    """Whether somebody drives ahead; and again somebody ahead of him."""
    turns: float = 0.95
    """Whether the ego turns off at a junction, if it comes to one."""


_QUIET = Mix(works=0.0, debris=0.0, standing=0.0, kerb=0.0)
_OPEN_ROAD = replace(_QUIET, junctions=0.35, crossings=0.25, turns=0.2, multilane=0.0)
_AT_CROSSINGS = Mix(junctions=0.3, crossings=1.0, turns=0.2)
MIX = {
    Cluster.CONSTRUCTION: replace(_OPEN_ROAD, works=0.9),
    Cluster.INTERSECTION: Mix(junctions=1.0),
    Cluster.PEDESTRIAN: replace(_AT_CROSSINGS, people=(0.0, 0.5, 0.3, 0.2), cycling=0.0),
    Cluster.CYCLIST: replace(_AT_CROSSINGS, people=(0.0, 0.6, 0.4), cycling=1.0),
    Cluster.MULTI_LANE: Mix(multilane=1.0),
    Cluster.SINGLE_LANE: replace(_OPEN_ROAD, standing=0.9, special=0.0),
    Cluster.CUT_IN: replace(_OPEN_ROAD, kerb=1.0, multilane=0.3, changes=0.9, leads=0.1),
    Cluster.DEBRIS: replace(_OPEN_ROAD, debris=0.9),
    Cluster.SPECIAL_VEHICLE: replace(_OPEN_ROAD, standing=0.9, special=1.0),
    Cluster.SPOTLIGHT: Mix(works=0.25, debris=0.25, standing=0.25, kerb=0.25, people=(0.1, 0.5, 0.4), special=0.5),
    Cluster.OTHERS: _QUIET,
}
_SHARES = {
    Cluster.INTERSECTION: 0.20,
    Cluster.PEDESTRIAN: 0.13,
    Cluster.CYCLIST: 0.11,
    Cluster.DEBRIS: 0.10,
    Cluster.MULTI_LANE: 0.08,
    Cluster.CUT_IN: 0.08,
    Cluster.SINGLE_LANE: 0.07,
    Cluster.CONSTRUCTION: 0.07,
    Cluster.SPECIAL_VEHICLE: 0.06,
    Cluster.SPOTLIGHT: 0.05,
    Cluster.OTHERS: 0.05,
}


def draw_cluster(rng: np.random.Generator) -> Cluster:
    """One of the eleven; the common ones of the real validation split are common here."""
    return list(_SHARES)[rng.choice(len(_SHARES), p=list(_SHARES.values()))]
