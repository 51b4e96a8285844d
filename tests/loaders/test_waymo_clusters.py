"""The file of scenario clusters: read as WOD-E2E writes it, and a sentence for every other one."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from waymo_shards import OTHER, SEQUENCE

from roadcue.errors import BadInput
from roadcue.loaders.dataset import Subset, sample
from roadcue.loaders.waymo_e2e import open_waymo_e2e
from roadcue.loaders.waymo_e2e.clusters import CLUSTER_FILE, Cluster, read_clusters

SOME = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(folder: Path, content: object) -> Path:
    (folder / CLUSTER_FILE).write_text(json.dumps(content))
    return folder / CLUSTER_FILE


def test_labels_are_read_as_they_are_spelled(tmp_path: Path) -> None:
    file = written(tmp_path, {SEQUENCE: {"scenario_cluster": "Interections"}, OTHER: {"scenario_cluster": "Cut_ins"}})
    assert read_clusters(file) == {SEQUENCE: Cluster.INTERSECTION, OTHER: Cluster.CUT_IN}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            {"a": {"scenario_cluster": "Intersections"}},
            r"'a': scenario_cluster 'Intersections' is none of .*Interections",
        ),
        ({"a": {"scenario_cluster": 3}}, r"'a': scenario_cluster '3' is none of"),
        ({"a": {"scenario_cluster": ["Others"]}}, r"'a': scenario_cluster .*Others.* is none of"),
        ({"a": "Others"}, r"'a': has no scenario_cluster, as in \{sequence: \{"),
        ({"a": {"cluster": "Others"}}, "'a': has no scenario_cluster"),
        ({"a": "scenario_cluster"}, "'a': has no scenario_cluster"),
        ({"a": None}, "'a': has no scenario_cluster"),
        ([{"a": "Others"}], r"is expected, not a list"),
    ],
)
def test_another_content_is_said_with_where_and_what_to_do(tmp_path: Path, content: object, says: str) -> None:
    with pytest.raises(BadInput, match=rf"{CLUSTER_FILE}: .*{says}.*Download it again, or move it away"):
        read_clusters(written(tmp_path, content))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe{", b"{", b'{"a": {}, "a": {}}', b"[" * 100_000, b"1" * 5000])
def test_what_is_no_json_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / CLUSTER_FILE).write_bytes(content)
    with pytest.raises(BadInput, match="is not JSON in UTF-8"):
        read_clusters(tmp_path / CLUSTER_FILE)


def test_a_file_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"cannot be read \(Is a directory\)"):
        read_clusters(tmp_path)


@given(st.data())
@SOME
def test_damage_is_read_or_said(tmp_path: Path, data: st.DataObject) -> None:
    whole = bytearray(json.dumps({SEQUENCE: {"scenario_cluster": "Others"}}).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at : at + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5))
        whole += b" "
    (tmp_path / CLUSTER_FILE).write_bytes(whole)
    with contextlib.suppress(BadInput):
        clusters = read_clusters(tmp_path / CLUSTER_FILE)
        assert all(isinstance(cluster, Cluster) for cluster in clusters.values())


@pytest.mark.usefixtures("cache")
class TestBesideTheShards:
    def test_targets_tell_the_cluster_of_the_sequence_and_inputs_do_not(self, two_shards: Path) -> None:
        written(two_shards, {OTHER: {"scenario_cluster": "Cyclist"}, "elsewhere": {"scenario_cluster": "Others"}})
        dataset = open_waymo_e2e(two_shards, "val")
        assert [dataset.targets(row).cluster for row in range(4)] == [None, None, "Cyclist", "Cyclist"]
        assert Subset(dataset, dataset.states.frame.argsort()[2:3], "part").targets(0).cluster == "Cyclist"
        assert not hasattr(sample(dataset, 2).inputs, "cluster")

    def test_without_the_file_no_cluster_is_known(self, two_shards: Path) -> None:
        dataset = open_waymo_e2e(two_shards, "val")
        assert [dataset.targets(row).cluster for row in range(4)] == [None] * 4

    def test_a_bad_file_is_said_on_opening(self, two_shards: Path) -> None:
        written(two_shards, {OTHER: {"scenario_cluster": "Cyclists"}})
        with pytest.raises(BadInput, match="'Cyclists' is none of Construction, Interections"):
            open_waymo_e2e(two_shards, "val")
