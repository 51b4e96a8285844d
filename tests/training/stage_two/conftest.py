"""Runs of heads beside a tiny tower."""

import pytest
from going_on import earlier_runs


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Returns a function that trains a stage one of other options, once for each."""
    with earlier_runs(tmp_path_factory.mktemp("runs")) as run:
        yield run
