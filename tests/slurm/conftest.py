"""A Slurm of two nodes on this machine, for the tests that need a real one."""

from collections.abc import Iterator

import pytest
from lacking import lacking
from two_nodes import Cluster, missing_daemons, started


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Two nodes of four CPUs; they and all their jobs are gone afterwards."""
    if missing := missing_daemons():
        lacking(f"{', '.join(missing)}: not installed (Debian: apt-get install slurm-wlm munge)")
    with started() as nodes:
        yield nodes
