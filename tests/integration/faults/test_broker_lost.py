"""The broker loses what it has confirmed. PostgreSQL has not: it travels again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from aviso_native import rabbitmq

from ..running import Stack
from ..waiting import ALIVE_S, until_equal
from .experiment import Experiment
from .queues import TRAVELLING, channel_to, count_ready

# As many as the relay keeps under way of a feed, each as full as it may be.
UNDER_WAY = 4
BURST = 2 * UNDER_WAY * 250


@pytest.fixture
def pusher_again(stack: Stack) -> Iterator[None]:
    """However the test ends, the pusher runs afterwards."""
    yield
    stack.start_part("pusher")


@pytest.mark.usefixtures("pusher_again")
@pytest.mark.parametrize("passed_on", [0, 1, 3], ids=["first", "middle", "last"])
def test_what_a_queue_lost_travels_again(
    experiment: Experiment, passed_on: int
) -> None:
    stack = experiment.stack
    trial = experiment.make_trial()
    stack.stop_part("pusher")
    trial.insert(BURST)
    wait_until_under_way(stack)

    with channel_to(stack.settings.pusher_amqp_url) as channel:
        lose(channel, after=passed_on, count=UNDER_WAY // 2)
    stack.start_part("pusher")

    with experiment.recovery():
        experiment.conclude(trial)


@pytest.mark.usefixtures("pusher_again")
def test_all_that_a_killed_broker_had_travels_again_when_it_is_back(
    experiment: Experiment,
) -> None:
    stack = experiment.stack
    trial = experiment.make_trial()
    stack.stop_part("pusher")
    trial.insert(BURST)
    wait_until_under_way(stack)

    pid = stack.kill_part("rabbitmq")
    stack.wait_for_another("rabbitmq", pid)
    stack.start_part("pusher")

    with experiment.recovery():
        experiment.conclude(trial)


def test_queues_that_are_deleted_with_all_in_them_lose_nothing(
    experiment: Experiment,
) -> None:
    stack = experiment.stack
    trial = experiment.make_trial()

    with trial.writing(rate=50):
        trial.insert(BURST)
        for queue in TRAVELLING:
            rabbitmq.ctl(stack.settings, "delete_queue", queue)
        rabbitmq.load_definitions(stack.settings)

    with experiment.recovery():
        experiment.conclude(trial)


def wait_until_under_way(stack: Stack) -> None:
    with channel_to(stack.facts["amqp_url"]) as channel:
        until_equal(
            UNDER_WAY, lambda: count_ready(channel, *TRAVELLING), "all to be sent", 60
        )


def lose(channel: BlockingChannel, after: int, count: int) -> None:
    """Take `count` messages away, after the first ones of the queue that has any."""
    lost = 0
    for queue in TRAVELLING:
        there = count_ready(channel, queue)
        # How many come is known: however late, each is waited for.
        messages = channel.consume(queue, inactivity_timeout=ALIVE_S)
        for number, (method, _, _) in enumerate(islice(messages, there)):
            assert method is not None, f"{number} of {there} messages came"
            if number >= after and lost < count:
                channel.basic_ack(method.delivery_tag)
                lost += 1
        channel.cancel()
    assert lost, "nothing was there to lose"
