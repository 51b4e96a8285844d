"""Signals that ask a command to go: where they are heeded, what it leaves, and who puts a job back into the queue."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from roadcue.command_line import run
from roadcue.preemption import SIGNALS, Stopped, asked, heeding, held, leave, take_back

JOB = "JobId=42 JobName=train\n   JobState={state} Reason=None\n   Requeue=1 Restarts=0 BatchFlag=1 Reboot=0\n"


def tell(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(0)  # where Python calls handlers


@pytest.fixture(autouse=True)
def _outside_of_slurm(monkeypatch):
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def slurm(monkeypatch, tmp_path):
    """A job of Slurm, whose scontrol keeps what it is told in `calls`; `state` and other facts can be set."""

    def job(state="RUNNING", shown=JOB, fails="", **variables):
        shows = f'printf "{shown.format(state=state)}"'
        script = f'echo "$@" >> {tmp_path}/calls; if [[ $1 == show ]]; then {shows}; else {fails or ":"}; fi'
        (tmp_path / "scontrol").write_text(f"#!/bin/bash\n{script}\n")
        (tmp_path / "scontrol").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        for name, value in {"SLURM_JOB_ID": "42", **variables}.items():
            monkeypatch.setenv(name, value)

    job.calls = lambda: (tmp_path / "calls").read_text().splitlines()
    return job


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_stops_a_command_at_once(number, capsys):
    before = [signal.getsignal(each) for each in SIGNALS]
    assert run(lambda: [tell(number), pytest.fail("went on")]) == 128 + number
    assert capsys.readouterr().err.startswith("stopped; what was computed is kept")
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_held_it_leaves_a_mark_and_what_is_not_heeded_stops_at_the_end():
    seen = []

    def loop(heed):
        with held():
            assert not asked()
            tell(signal.SIGUSR1)
            seen.append(asked())
            if heed:
                raise Stopped("a step is done")
        seen.append("went on")

    assert heeding(loop, True) == 128 + signal.SIGUSR1
    assert heeding(loop, False) == 128 + signal.SIGUSR1
    assert seen == [True, True]
    assert not asked()


def test_a_second_signal_does_not_disturb_who_is_leaving(capsys):
    def stubborn():
        try:
            tell(signal.SIGUSR1)
        finally:
            tell(signal.SIGTERM)
            print("saved")

    assert heeding(stubborn) == 128 + signal.SIGTERM
    assert capsys.readouterr().out == "saved\n"


def test_a_forked_worker_dies_of_term_and_of_nothing_else():
    def fork():
        if (child := os.fork()) == 0:
            try:
                tell(signal.SIGUSR1)
                tell(signal.SIGTERM)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 128 + signal.SIGTERM

    assert heeding(fork) == 0


def test_a_librarys_handler_is_replaced_again():
    def library():
        signal.signal(signal.SIGTERM, lambda *_: pytest.fail("the library's"))
        take_back(signal.SIGTERM)
        tell(signal.SIGTERM)

    assert heeding(library) == 128 + signal.SIGTERM
    before = signal.getsignal(signal.SIGTERM)
    take_back(signal.SIGTERM)  # of a library's user, who has handlers of their own
    assert signal.getsignal(signal.SIGTERM) is before


def test_in_another_thread_a_command_runs_without_handlers():
    codes = []
    thread = threading.Thread(target=lambda: codes.append(heeding(lambda: None)))
    thread.start()
    thread.join()
    assert codes == [0]


def test_a_running_job_is_requeued(slurm, capsys):
    slurm()
    assert leave(Stopped("stopped; go on")) == 0
    assert slurm.calls() == ["show job -o 42", "requeue 42"]
    assert capsys.readouterr().err == "stopped; go on\njob 42 is requeued\n"


def test_a_task_of_an_array_is_requeued_alone(slurm):
    slurm(SLURM_ARRAY_JOB_ID="42", SLURM_ARRAY_TASK_ID="7")
    assert leave(Stopped()) == 0
    assert slurm.calls()[-1] == "requeue 42_7"


@pytest.mark.parametrize("state", ["CANCELLED", "COMPLETING", "PENDING"])
def test_a_job_that_slurm_ends_already_is_left_alone(slurm, state):
    """Its user has cancelled it, or it has been requeued by whoever sent TERM."""
    slurm(state)
    assert leave(Stopped()) == 0
    assert len(slurm.calls()) == 1


def test_a_job_that_slurm_ends_while_it_is_asked_is_left_alone(slurm, capsys):
    """Each of two ranks that are not in a loop requeues; what the first has started ends the second."""
    slurm(fails="kill -TERM $$")
    assert leave(Stopped()) == 0
    assert capsys.readouterr().err.endswith("job 42 is ended by Slurm already\n")


def test_of_ranks_that_stop_together_one_requeues(slurm, tmp_path: Path):
    slurm()
    assert leave(Stopped(requeues=False)) == 0
    assert not (tmp_path / "calls").exists()


@pytest.mark.parametrize(
    "job", [{"shown": JOB.replace("Requeue=1", "Requeue=0")}, {"shown": JOB.replace("Flag=1", "Flag=0")}]
)
def test_a_job_that_may_not_be_requeued_fails(slurm, capsys, job):
    slurm(**job)
    assert leave(Stopped()) == 128 + signal.SIGTERM
    assert "submit it again" in capsys.readouterr().err


def test_what_slurm_says_against_it_is_told(slurm, capsys, monkeypatch):
    slurm(fails="echo no such job >&2; exit 1")
    assert leave(Stopped()) != 0
    assert "job 42 is not requeued (no such job); submit it again" in capsys.readouterr().err
    monkeypatch.setenv("PATH", "")
    assert leave(Stopped()) != 0
