"""A laptop is closed and opened again: nothing in the browser runs meanwhile."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ..running import descendants
from .effort import choose
from .experiment import Experiment
from .news import reach

# In a soak longer than the server keeps a session that says nothing.
ASLEEP_S = choose(15, 150)
TIMES = choose(1, 3)


@pytest.mark.timeout(choose(300, 900))
def test_a_browser_that_slept_shows_all_that_came_meanwhile(
    experiment: Experiment,
) -> None:
    trial = experiment.make_trial()
    page = trial.watched

    with trial.writing(rate=20):
        for _ in range(TIMES):
            reach(page, len(trial.acknowledged) + 20)
            with asleep():
                time.sleep(ASLEEP_S)
            with experiment.recovery():
                reach(page, len(trial.acknowledged) + 1, 90)
                page.wait_for_state("live", 60)

    experiment.conclude(trial)


@contextmanager
def asleep() -> Iterator[None]:
    """Stop every process of this test's Chromium."""
    browsers = [pid for pid in descendants(os.getpid()) if "chrom" in name_of(pid)]
    assert browsers
    for pid in browsers:
        signal_if_there(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in browsers:
            signal_if_there(pid, signal.SIGCONT)


def signal_if_there(pid: int, number: signal.Signals) -> None:
    """Chromium ends some of its processes when it likes."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def name_of(pid: int) -> str:
    """The program's name; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
