"""A Slurm of two nodes on this machine, for the tests that need a real one."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from lacking import lacking
from two_nodes import DAEMONS, Cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Two nodes of two CPUs; they and all their jobs are gone afterwards."""
    if missing := [
        daemon for daemon in DAEMONS if shutil.which(daemon, path=f"{os.environ['PATH']}:/usr/sbin") is None
    ]:
        lacking(f"{', '.join(missing)}: not installed (Debian: apt-get install slurm-wlm munge)")
    folder = Path(tempfile.mkdtemp(prefix="roadcue-slurm-")) / "two"  # a socket's path has to be short
    nodes = Cluster(folder)
    try:
        nodes.do("slurm/two_nodes.sh", "start")
        yield nodes
    finally:
        nodes.do("slurm/two_nodes.sh", "stop")
        shutil.rmtree(folder.parent)
