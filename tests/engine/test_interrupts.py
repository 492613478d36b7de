"""Signals that end a run on a cluster, and the jobs that it leaves."""

import logging
import os
import signal
import time

import pytest

from betrayed.engine.interrupts import cancel_jobs, heed_interrupts


@pytest.fixture(autouse=True)
def as_before():
    handler = signal.getsignal(signal.SIGUSR1)
    heed_interrupts(signal.SIGUSR1)
    yield
    signal.signal(signal.SIGUSR1, handler)


def interrupt():
    os.kill(os.getpid(), signal.SIGUSR1)
    time.sleep(5)


def test_the_first_signal_is_heard_and_no_other():
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    os.kill(os.getpid(), signal.SIGUSR1)  # that this one raises nothing is what is tested


def test_a_signal_in_the_middle_of_a_line_of_the_log_comes_again():
    class Swallows(logging.Handler):
        """As Snakemake's handler does."""

        def emit(self, record):
            try:
                os.kill(os.getpid(), signal.SIGUSR1)
                time.sleep(0.01)
            except KeyboardInterrupt:
                pass

    log = logging.Logger("one")
    log.addHandler(Swallows())
    with pytest.raises(KeyboardInterrupt):
        log.info("a line")
        time.sleep(5)


def test_one_that_is_ignored_stays_so():
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    heed_interrupts(signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGUSR1)


def test_jobs_are_cancelled_by_the_name_of_their_run(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    cancel_jobs("one")  # no SLURM here
    program = tmp_path / "scancel"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/said\n')
    program.chmod(0o755)
    cancel_jobs("one")
    assert (tmp_path / "said").read_text() == "--name=one\n"
