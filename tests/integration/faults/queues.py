"""What RabbitMQ's queues hold, and what may be done to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel

from aviso_native import rabbitmq

from ..running import Stack

TRAVELLING = ("xmpp-pusher.0", "xmpp-pusher.1")
PARKED = "record-events.parked"
REPORTS = "record-events.reports"


def count_messages(stack: Stack) -> int:
    """How many the pusher's queues hold, those it has not acked included."""
    return _count(stack, "messages")


def count_unacked(stack: Stack) -> int:
    """How many of them a pusher has taken and not acked."""
    return _count(stack, "messages_unacknowledged")


@contextmanager
def channel_to(amqp_url: str) -> Iterator[BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    try:
        yield connection.channel()
    finally:
        connection.close()


def count_ready(channel: BlockingChannel, *queues: str) -> int:
    """How many messages wait in these queues, and are with nobody."""
    answers: list[Any] = [channel.queue_declare(each, passive=True) for each in queues]
    return sum(each.method.message_count for each in answers)


def _count(stack: Stack, column: str) -> int:
    told = rabbitmq.ctl(
        stack.settings,
        *("--quiet", "list_queues", "--no-table-headers", "name", column),
    )
    rows = [line.split() for line in told.splitlines()]
    return sum(int(count) for name, count in rows if name in TRAVELLING)
