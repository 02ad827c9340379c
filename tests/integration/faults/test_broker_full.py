"""RabbitMQ is short of memory: whoever publishes is not read any more, until it is not.

Emptying the queues is what may help it, so consumers have to go on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from aviso_native import rabbitmq

from .. import broker
from ..running import Stack
from ..waiting import until_equal
from .effort import choose
from .experiment import Experiment
from .heads import archived_head, wait_until_beyond
from .parking import parked_causes
from .queues import count_messages

FULL_S = choose(5, 150)
# Three times what the relay keeps under way of a feed.
UNDER_WAY = 4
BATCH_EVENTS = 250
BACKLOG = 3 * UNDER_WAY * BATCH_EVENTS


def test_a_broker_that_takes_nothing_is_emptied_and_filled_again_later(
    experiment: Experiment,
) -> None:
    stack, feed = experiment.stack, experiment.feed
    pusher = experiment.make_pusher()
    trial = experiment.make_trial()
    pusher.terminate()
    # It has to be parked, that is published, before anything else is at its turn.
    publish_poison(stack, feed)
    trial.insert(BACKLOG)
    until_equal(1 + UNDER_WAY, lambda: count_messages(stack), "all to be sent", 60)

    with short_of_memory(stack):
        pusher.start()
        with trial.writing(rate=20):
            with experiment.recovery():
                wait_until_beyond(UNDER_WAY * BATCH_EVENTS - 1, stack, feed)
                until_equal(1, lambda: count_messages(stack), "all but the poison")
            time.sleep(FULL_S)
            assert archived_head(stack, feed) < BACKLOG, "the broker took them"
    with experiment.recovery():
        experiment.conclude(trial)

    assert trial.tries == len(trial.attempted) - BACKLOG
    # The relay writes it down when it comes to it.
    until_equal(
        ["unreadable"],
        lambda: parked_causes(stack, experiment.database, feed),
        "the poison to be parked",
    )


def test_the_publishing_connection_alone_is_made_again(experiment: Experiment) -> None:
    stack, feed = experiment.stack, experiment.feed
    pusher = experiment.make_pusher()
    trial = experiment.make_trial()
    trial.post()

    for pid in connections(stack, "aviso pusher, publishing"):
        rabbitmq.ctl(stack.settings, "close_connection", pid, "for a test")
    publish_poison(stack, feed)
    trial.post(5)

    with experiment.recovery():
        until_equal(
            ["unreadable"],
            lambda: parked_causes(stack, experiment.database, feed),
            "the poison to be parked",
        )
    experiment.conclude(trial)
    assert pusher.metric("aviso_pusher_reconnects") == 0, "consuming went with it"


def publish_poison(stack: Stack, feed: str) -> None:
    # What was parked once is not parked again: another body for each feed.
    broker.publish(stack.facts["amqp_url"], f"no event of {feed}".encode(), feed=feed)


@contextmanager
def short_of_memory(stack: Stack) -> Iterator[None]:
    settings = stack.settings
    rabbitmq.ctl(settings, "set_vm_memory_high_watermark", "0")
    try:
        yield
    finally:
        rabbitmq.ctl(settings, "set_vm_memory_high_watermark", "0.4")


def connections(stack: Stack, name: str) -> list[str]:
    """The pids, as RabbitMQ writes them, of the connections of that name."""
    told = rabbitmq.ctl(
        stack.settings,
        "--quiet",
        "list_connections",
        "--no-table-headers",
        "pid",
        "client_properties",
    )
    rows = [line.split(maxsplit=1) for line in told.splitlines()]
    pids = [pid for pid, *properties in rows if name in "".join(properties)]
    assert pids, told
    return pids
