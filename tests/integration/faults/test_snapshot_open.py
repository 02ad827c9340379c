"""Somebody holds snapshots of both databases, as pg_dump does, while events pass.

What is dead then stays where it is: nothing may go through it, nothing may be missed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psycopg
import pytest

from ..running import Stack
from .effort import choose
from .experiment import Experiment

BURST = choose(2_000, 20_000)
ROUNDS = choose(2, 10)


@pytest.mark.timeout(choose(300, 1800))
def test_a_snapshot_held_open_costs_no_event(experiment: Experiment) -> None:
    stack = experiment.stack
    trial = experiment.make_trial()

    with snapshots_held(stack):
        for _ in range(ROUNDS):
            with trial.writing(rate=50):
                trial.insert(BURST)
            # Whoever takes over reads the queue from its beginning, dead rows and all.
            with experiment.recovery():
                stack.wait_for_another("relay", stack.kill_part("relay"))
                trial.post()
                trial.wait_for_head(120)

    experiment.conclude(trial, 120)


@contextmanager
def snapshots_held(stack: Stack) -> Iterator[None]:
    with ExitStack() as held:
        for url in (stack.facts["database_url"], stack.ejabberd_database_url):
            connection = held.enter_context(psycopg.connect(url))
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.execute("SELECT count(*) FROM pg_class")
        yield
