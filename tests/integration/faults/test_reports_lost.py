"""What the pusher reports gets lost: no event with it, and none comes twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from pika.exceptions import AMQPError

from aviso_native import rabbitmq

from ..beside import beside
from ..running import Stack
from ..waiting import until
from .effort import choose
from .experiment import Experiment
from .queues import REPORTS, channel_to

BURST = choose(3000, 10_000)
ROUNDS = choose(1, 10)

Lose = Callable[[Stack, threading.Event], Iterator[None]]


def purge(stack: Stack, ended: threading.Event) -> Iterator[None]:
    with channel_to(stack.facts["amqp_url"]) as channel:
        while not ended.wait(0.05):
            channel.queue_purge(REPORTS)
            yield


def delete(stack: Stack, ended: threading.Event) -> Iterator[None]:
    """Only an operator can, and he brings it back as the README says."""
    while not ended.is_set():
        rabbitmq.ctl(stack.settings, "delete_queue", REPORTS)
        rabbitmq.load_definitions(stack.settings)
        yield


def steal(stack: Stack, ended: threading.Event) -> Iterator[None]:
    """Every one goes to another consumer, which is served before the relay."""
    first = {"x-priority": 2**31 - 1}
    with channel_to(stack.facts["amqp_url"]) as channel:
        for method, _, _ in channel.consume(
            REPORTS, auto_ack=True, inactivity_timeout=0.1, arguments=first
        ):
            if ended.is_set():
                return
            if method is not None:
                yield


@pytest.mark.timeout(choose(300, 1800))
@pytest.mark.parametrize(("lose", "times"), [(purge, 100), (delete, 3), (steal, 3)])
def test_reports_that_are_lost_again_and_again_cost_no_event_and_repeat_none(
    experiment: Experiment, lose: Lose, times: int
) -> None:
    stack = experiment.stack
    trial = experiment.make_trial(watched=False)

    for _ in range(ROUNDS):
        with losing(stack, lose) as losses:
            trial.insert(BURST)
            with trial.writing(rate=50):
                until(lambda: len(losses) >= times, f"{times} losses", 120)

    # Progress comes to the head without another record.
    with experiment.recovery():
        experiment.conclude(trial, 120)


@contextmanager
def losing(stack: Stack, lose: Lose) -> Iterator[list[None]]:
    """Lose what has been reported, over and over; what is given counts it."""
    losses: list[None] = []

    def lose_again(ended: threading.Event) -> None:
        while not ended.is_set():
            try:
                for loss in lose(stack, ended):
                    losses.append(loss)
            except AMQPError:  # the queue is not there at the moment
                ended.wait(0.1)

    with beside(lose_again):
        yield losses
