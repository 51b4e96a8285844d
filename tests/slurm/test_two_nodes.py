"""The two nodes on which the job scripts are tried."""

import os
import subprocess

from two_nodes import ROOT, Cluster


def test_a_step_reaches_both_nodes(cluster: Cluster):
    said = cluster.do("srun", "--nodes=2", "bash", "-c", "echo $SLURM_PROCID of $SLURM_NTASKS on $SLURMD_NODENAME")
    assert sorted(said.splitlines()) == ["0 of 2 on node0", "1 of 2 on node1"]


def test_they_start_once_and_say_how_they_are_called(cluster: Cluster):
    again = subprocess.run(
        [ROOT / "slurm/two_nodes.sh", "start"], env=cluster.environment, capture_output=True, text=True
    )
    assert (again.returncode, "run" in again.stderr, "stop" in again.stderr) == (2, True, True)
    job = subprocess.run([ROOT / "slurm/two_nodes.sh"], capture_output=True, text=True)
    assert (job.returncode, "start|stop" in job.stderr) == (2, True)


def test_they_end_with_all_that_they_started(cluster: Cluster):
    """By process id: others on this machine keep their daemons, their jobs, and their processes of the same names."""
    other = Cluster(cluster.folder.with_name("other"))
    other.do("slurm/two_nodes.sh", "start")
    pids = [int(file.read_text()) for file in [*other.folder.glob("*.pid"), other.folder / "munge/pid"]]
    job = other.submit("--ntasks=1", "--wrap", "echo $$; exec sleep 1000")
    other.wait(job, lambda: bool(other.log(job)))
    pids.append(int(other.log(job)))
    assert all(alive(pid) for pid in pids)
    assert len(pids) == 5
    other.do("slurm/two_nodes.sh", "stop")
    assert [pid for pid in pids if alive(pid)] == []
    assert not other.folder.exists()
    assert "idle" in cluster.do("sinfo")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
