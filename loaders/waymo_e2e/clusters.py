"""The scenario clusters of the end-to-end set, and the file that tells which one a validation sequence belongs to."""

import json
from enum import StrEnum
from pathlib import Path

from roadcue.errors import BadInput
from roadcue.files import read_bytes, unreadable
from roadcue.json_lines import unique_keys

CLUSTER_FILE = "val_sequence_name_to_scenario_cluster.json"
"""Beside the shards: {sequence: {"scenario_cluster": label}}."""


class Cluster(StrEnum):
    """The labels as WOD-E2E's own file spells them, slips included."""

    CONSTRUCTION = "Construction"
    INTERSECTION = "Interections"
    PEDESTRIAN = "Pedestrian"
    CYCLIST = "Cyclist"
    MULTI_LANE = "Multi-Lane Maneuvers"
    SINGLE_LANE = "Single-Lane Maneuvers"
    CUT_IN = "Cut_ins"
    DEBRIS = "Foreign Object Debris"
    SPECIAL_VEHICLE = "Special Vehicles"
    SPOTLIGHT = "Spotlight"
    OTHERS = "Others"


def read_clusters(file: Path) -> dict[str, Cluster]:
    """Sequence -> its scenario cluster, of the sequences that the file names; BadInput says what is wrong with it."""
    try:
        content = json.loads(read_bytes(file), object_pairs_hook=unique_keys)
    except OSError as error:
        raise unreadable(file, error) from error
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, a number of too many digits, too deep
        raise BadInput(f"{file}: is not JSON in UTF-8 ({error}). {_REMEDY}") from None
    if not isinstance(content, dict):
        raise BadInput(f"{file}: {_SHOWN} is expected, not a {type(content).__name__}. {_REMEDY}")
    return {sequence: _cluster(value, f"{file}: sequence {sequence[:80]!r}") for sequence, value in content.items()}


_SHOWN = '{sequence: {"scenario_cluster": label}}'
_REMEDY = "Download it again, or move it away: then there is no mean over scenario clusters."


def _cluster(value: object, where: str) -> Cluster:
    if not isinstance(value, dict) or "scenario_cluster" not in value:
        raise BadInput(f"{where}: has no scenario_cluster, as in {_SHOWN}. {_REMEDY}")
    label = value["scenario_cluster"]
    try:
        return Cluster(label)
    except ValueError:
        known = ", ".join(Cluster)
        raise BadInput(f"{where}: scenario_cluster {str(label)[:80]!r} is none of {known}. {_REMEDY}") from None
