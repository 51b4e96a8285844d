"""Lines of a manifest that are halves of pairs."""

from pathlib import Path
from typing import Any

import pytest
from manifest_lines import a_line, write

from roadcue.errors import BadRecord
from roadcue.loaders.manifest.dataset import open_manifest
from roadcue.schema import PairHalf


def test_the_half_of_a_pair_arrives_with_its_name_as_text_and_a_kind(folder: Path):
    lines = [a_line("1", pair=7, half="without", kind="bus"), a_line("2", pair="7", half="with")]
    data = open_manifest(write(folder, *lines, a_line("3")), "all")
    pairs = [data.targets(row).pair for row in range(3)]
    assert pairs == [PairHalf("7", "without", "bus"), PairHalf("7", "with", "pair"), None]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"pair": "7"}, "line 1: pair without 'half'"),
        ({"half": "with"}, "line 1: half without 'pair'"),
        ({"kind": "bus"}, "line 1: kind without 'pair'"),
        ({"pair": "7", "half": "With"}, "line 1: half is str 'With'; did you mean 'with'"),
        ({"pair": 1.5, "half": "with"}, "line 1: pair is float"),
        ({"pair": True, "half": "with"}, "line 1: pair is bool"),
        ({"pair": "7", "half": "with", "kind": ""}, "line 1: kind is ''"),
    ],
)
def test_half_a_half_is_said(folder: Path, keys: dict[str, Any], words: str):
    with pytest.raises(BadRecord, match=words):
        open_manifest(write(folder, a_line("1", **keys)), "all")
