"""The broker loses what it has confirmed. PostgreSQL has not: it travels again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pika
import pytest

from ..running import Stack, services
from .experiment import Experiment

QUEUES = ("xmpp-pusher.0", "xmpp-pusher.1")


@pytest.fixture
def pusher_again(stack: Stack) -> Iterator[None]:
    """However the test ends, the pusher runs afterwards."""
    yield
    stack.start_part("pusher")


@pytest.mark.usefixtures("pusher_again")
@pytest.mark.parametrize("taken", [(0, 120), (40, 120)], ids=["first", "middle"])
def test_what_a_queue_lost_is_asked_for(
    experiment: Experiment, taken: tuple[int, int]
) -> None:
    stack = experiment.stack
    trial = experiment.make_trial()
    stack.stop_part("pusher")
    trial.insert(200)
    trial.wait_for_head(60)
    passed_on, lost = taken

    with consuming(stack) as channel:
        lose(channel, after=passed_on, count=lost)
    stack.start_part("pusher")

    with experiment.recovery():
        experiment.conclude(trial)


@pytest.mark.usefixtures("pusher_again")
def test_a_lost_tail_shows_when_the_broker_is_back(experiment: Experiment) -> None:
    stack = experiment.stack
    trial = experiment.make_trial()
    stack.stop_part("pusher")
    trial.insert(100)
    trial.wait_for_head(60)
    with consuming(stack) as channel:
        lose(channel, after=0, count=1000)
    stack.start_part("pusher")

    pid = stack.kill_part("rabbitmq")
    stack.wait_for_another("rabbitmq", pid)

    with experiment.recovery():
        experiment.conclude(trial)


@contextmanager
def consuming(
    stack: Stack,
) -> Iterator[pika.adapters.blocking_connection.BlockingChannel]:
    url = services.pusher_env(stack.settings)["AVISO_AMQP_URL"]
    connection = pika.BlockingConnection(pika.URLParameters(url))
    yield connection.channel()
    connection.close()


def lose(
    channel: pika.adapters.blocking_connection.BlockingChannel, after: int, count: int
) -> None:
    """Take `count` messages away, after the first ones of the queue that has any."""
    lost = 0
    for queue in QUEUES:
        messages = channel.consume(queue, inactivity_timeout=1)
        for number, (method, _, _) in enumerate(messages):
            if method is None or lost == count:
                break
            if number >= after:
                channel.basic_ack(method.delivery_tag)
                lost += 1
        channel.cancel()
    assert lost, "nothing was there to lose"
