"""JSON as users write it."""

import pytest

from roadcue.errors import BadRecord
from roadcue.json_lines import from_json


@pytest.mark.parametrize("line", ['{"a": 1, "b": 2, "a": 3}', '[{"x": {"a": 1, "a": 1}}]'])
def test_a_key_that_stands_twice_is_refused(line: str) -> None:
    """Python keeps the last value and says nothing."""
    with pytest.raises(BadRecord, match=r"^file, line 4: not usable JSON \(the key 'a' stands twice in one object"):
        from_json(line, "file, line 4")


def test_keys_of_different_objects_may_be_alike() -> None:
    assert from_json('{"a": {"a": 1}, "b": [{"a": 2}, {"a": 3}]}', "here") == {
        "a": {"a": 1},
        "b": [{"a": 2}, {"a": 3}],
    }
