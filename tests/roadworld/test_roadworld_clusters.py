"""Scenario clusters: spelled as in the real set, drawn by number, and met late in the sequence."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from roadcue.loaders.waymo_e2e.clusters import Cluster
from roadcue.roadworld.clusters import MIX
from roadcue.roadworld.drive import cluster_of, drive, sequence_name
from roadcue.roadworld.hazards import Hazards, set_out
from roadcue.roadworld.layout import lay_streets
from roadcue.roadworld.road_ahead import road_ahead
from roadcue.roadworld.spec import FIRST_NUMBER, RoadWorldSpec
from roadcue.roadworld.streams import Streams

SPEC = RoadWorldSpec(stride=10)


def test_labels_are_spelled_as_in_the_real_file() -> None:
    """479 labels, 36,235 bytes: the counts per label are known, and so the sum of their lengths is."""
    counts = {
        Cluster.INTERSECTION: 116,
        Cluster.DEBRIS: 78,
        Cluster.CYCLIST: 71,
        Cluster.PEDESTRIAN: 52,
        Cluster.MULTI_LANE: 42,
        Cluster.SINGLE_LANE: 38,
        Cluster.SPECIAL_VEHICLE: 25,
        Cluster.OTHERS: 22,
        Cluster.CUT_IN: 20,
        Cluster.CONSTRUCTION: 15,
    }
    around = len('"": {"scenario_cluster": ""}, ') + 32
    assert sum(n * (around + len(label)) for label, n in counts.items()) + len("{}") - len(", ") == 36_235
    assert set(Cluster) - set(counts) == {Cluster.SPOTLIGHT}
    assert set(MIX) == set(Cluster)


def test_all_eleven_are_drawn_and_a_sequence_keeps_its_own() -> None:
    drawn = Counter(cluster_of(SPEC, number) for number in range(600))
    assert set(drawn) == set(Cluster)
    assert drawn.most_common(1)[0][0] == Cluster.INTERSECTION
    for number in (0, FIRST_NUMBER["val"], FIRST_NUMBER["pretrain"]):
        driven = drive(SPEC, number)
        assert driven.cluster == cluster_of(SPEC, number)
        assert driven.sequence == sequence_name(SPEC, number)


def test_most_sequences_meet_late_what_they_are_named_after() -> None:
    seen = {
        Cluster.CONSTRUCTION: "works_m",
        Cluster.INTERSECTION: "junction_m",
        Cluster.PEDESTRIAN: "crossing_m",
        Cluster.CYCLIST: "crossing_m",
        Cluster.DEBRIS: "debris_m",
        Cluster.SINGLE_LANE: "standing_m",
        Cluster.SPECIAL_VEHICLE: "standing_m",
    }
    numbers = [number for number in range(60) if cluster_of(SPEC, number) in seen][:30]
    met = []
    for number in numbers:
        driven = drive(SPEC, number)
        scenes = [road_ahead(driven, position) for position in range(8, 20)]
        met.append(any(getattr(scene, seen[driven.cluster]) is not None for scene in scenes))
    assert np.mean(met) > 0.8


@pytest.mark.parametrize(
    ("cluster", "kind"),
    [
        (Cluster.CONSTRUCTION, lambda hazards: hazards.streets.works),
        (Cluster.DEBRIS, lambda hazards: hazards.streets.debris),
        (Cluster.SINGLE_LANE, lambda hazards: hazards.standing),
        (Cluster.CUT_IN, lambda hazards: hazards.kerb or hazards.streets.multilane),
    ],
)
def test_a_cluster_fills_its_streets_with_what_it_is_named_after(
    cluster: Cluster, kind: Callable[[Hazards], object]
) -> None:
    mix = MIX[cluster]
    for seed in range(5):
        streams = Streams((seed,))
        hazards = set_out(streams, lay_streets(streams, 700, mix.junctions, mix.crossings), mix)
        assert kind(hazards)
        for detour in hazards.detours:
            assert all(abs(detour.begin - junction.s) > 20 for junction in hazards.streets.junctions)
    quiet = set_out(streams, lay_streets(streams, 700, 0.5, 0.5), MIX[Cluster.OTHERS])
    assert (quiet.detours, quiet.standing, quiet.kerb) == ((), (), ())
