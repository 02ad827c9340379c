"""Writers notice nothing of a broker that is gone; readers get it all afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ..running import Stack
from .effort import choose
from .experiment import Experiment

AWAY_S = choose(5.0, 60.0)
BURST = choose(1_000, 5_000)
ROWS_PER_STATEMENT = 25


@pytest.fixture
def broker_comes_back(stack: Stack) -> Iterator[None]:
    yield
    stack.start_part("rabbitmq")


@pytest.mark.usefixtures("broker_comes_back")
def test_with_rabbitmq_stopped_every_write_is_taken_at_once_and_delivered_later(
    experiment: Experiment,
) -> None:
    stack = experiment.stack
    trial = experiment.make_trial()

    with trial.writing(rate=20):
        time.sleep(1)
        stack.stop_part("rabbitmq")
        taken_before = len(trial.acknowledged)
        time.sleep(AWAY_S)
        taken_without = len(trial.acknowledged) - taken_before
        waiting = trial.count_unpublished()
        stack.start_part("rabbitmq")

    with experiment.recovery():
        experiment.conclude(trial)
    assert trial.tries == len(trial.attempted)
    # All that was taken waits in the database: the broker was away indeed.
    assert waiting >= taken_without > 0
    print(f"slowest answer {trial.slowest_answer_s:.2f} s")


def test_rabbitmq_killed_in_a_burst_of_inserts_loses_and_repeats_nothing(
    experiment: Experiment,
) -> None:
    stack = experiment.stack
    trial = experiment.make_trial()

    waiting = 0
    for number in range(0, BURST, ROWS_PER_STATEMENT):
        trial.insert(ROWS_PER_STATEMENT)
        if number == BURST // 2:
            pid = stack.kill_part("rabbitmq")
        # Not at the end of the burst alone: the stack brings the broker back.
        waiting = max(waiting, trial.count_unpublished())
    assert waiting > 0

    with experiment.recovery():
        stack.wait_for_another("rabbitmq", pid)
        experiment.conclude(trial, 120)
