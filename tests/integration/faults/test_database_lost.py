"""PostgreSQL dies or stands still: it has records, events and the rooms' archive."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..running import Stack
from ..waiting import until
from .effort import choose
from .experiment import Experiment
from .news import reach
from .tcp_wire import BATCH, Way
from .trial import Trial

KILLS = choose(3, 20)
# A page keeps its newest 20,000 records at most: so many must not be reached.
BURST = choose(3000, 800)
# Longer than the pusher waits for a room; in a soak also than ejabberd for a query.
STILL_S = choose(15, 100)


@pytest.mark.timeout(choose(300, 1200))
def test_postgresql_killed_under_load_loses_and_repeats_nothing(
    experiment: Experiment,
) -> None:
    stack = experiment.stack
    trial = experiment.make_trial()
    page = trial.watched

    for _ in range(KILLS):
        begin_burst(trial)
        with trial.writing(rate=50):
            pid = stack.kill_part("postgres")
            with experiment.recovery():
                stack.wait_for_another("postgres", pid)
                reach(page, len(trial.acknowledged) + 1, 120)

    page.wait_for_state("live", 60)
    experiment.conclude(trial)


@pytest.mark.timeout(choose(300, 600))
def test_postgresql_that_stands_still_for_a_while_loses_and_repeats_nothing(
    experiment: Experiment,
) -> None:
    stack, tcp_wire = experiment.stack, experiment.tcp_wire
    pusher = experiment.make_pusher(AVISO_XMPP_PORT=str(tcp_wire.port))
    trial = experiment.make_trial()
    page = trial.watched

    # So that a batch comes to the room while its archive stands still.
    tcp_wire.hold(Way.THERE, since=BATCH)
    trial.insert(BURST)
    until(lambda: BATCH in tcp_wire.kept, "a batch on its way")
    with trial.writing(rate=20):
        with standing_still(stack):
            tcp_wire.release()
            time.sleep(STILL_S)
        with experiment.recovery():
            reach(page, len(trial.acknowledged) + 1, 120)

    page.wait_for_state("live", 60)
    assert pusher.metric("aviso_pusher_retries_total") > 0, "it noticed nothing"
    experiment.conclude(trial)


def begin_burst(trial: Trial) -> None:
    """Return when the first batch is shown: the others are on their way, or wait."""
    page, before = trial.watched, trial.watched.position
    trial.insert(BURST)
    reach(page, before + 1)


@contextmanager
def standing_still(stack: Stack) -> Iterator[None]:
    """Stop all of PostgreSQL's processes: what was sent to them is done later."""
    main = stack.pid("postgres")
    assert main is not None
    os.kill(main, signal.SIGSTOP)  # first: it would start others
    children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
    processes = [main, *map(int, children)]
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(processes):
            os.kill(pid, signal.SIGCONT)
