"""The broker's objects, to the letter of contracts/topology.json (a test compares).

Pusher and relay both declare them; whoever comes second must find the same
arguments, or RabbitMQ refuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aviso.broker.channels import Channel

EVENTS_EXCHANGE = "record-events"
BY_FEED_EXCHANGE = "record-events.by-feed"
PARKED_EXCHANGE = "record-events.parked"
PARKED_QUEUE = "record-events.parked"
REPORTS_EXCHANGE = "record-events.reports"
REPORTS_QUEUE = "record-events.reports"

Arguments = tuple[tuple[str, str | int | bool], ...]


@dataclass(frozen=True, slots=True)
class Exchange:
    name: str
    type: str
    arguments: Arguments = ()


@dataclass(frozen=True, slots=True)
class Queue:
    name: str
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Binding:
    source: str
    destination_type: str
    destination: str
    routing_key: str


@dataclass(frozen=True, slots=True)
class Topology:
    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]
    bindings: tuple[Binding, ...]


_PUSHER_QUEUE_ARGUMENTS: Arguments = (
    ("x-queue-type", "quorum"),
    ("x-single-active-consumer", True),
    ("x-delivery-limit", 1000),
    ("x-dead-letter-exchange", PARKED_EXCHANGE),
    ("x-dead-letter-strategy", "at-least-once"),
    ("x-overflow", "reject-publish"),
)
_REPORTS_QUEUE_ARGUMENTS: Arguments = (
    ("x-queue-type", "classic"),
    ("x-max-length-bytes", 8 * 1024 * 1024),
    ("x-overflow", "drop-head"),
)


def pusher_queues(count: int) -> tuple[str, ...]:
    return tuple(f"xmpp-pusher.{n}" for n in range(count))


def build_topology(queues: int) -> Topology:
    """List what to declare, in the order of declaring, for AVISO_QUEUES queues."""
    names = pusher_queues(queues)
    return Topology(
        exchanges=(
            Exchange(EVENTS_EXCHANGE, "topic"),
            Exchange(BY_FEED_EXCHANGE, "x-consistent-hash", (("hash-header", "feed"),)),
            Exchange(PARKED_EXCHANGE, "fanout"),
            Exchange(REPORTS_EXCHANGE, "fanout"),
        ),
        queues=(
            *(Queue(name, _PUSHER_QUEUE_ARGUMENTS) for name in names),
            Queue(PARKED_QUEUE, (("x-queue-type", "quorum"),)),
            Queue(REPORTS_QUEUE, _REPORTS_QUEUE_ARGUMENTS),
        ),
        bindings=(
            Binding(EVENTS_EXCHANGE, "exchange", BY_FEED_EXCHANGE, "feed.#"),
            *(Binding(BY_FEED_EXCHANGE, "queue", name, "1") for name in names),
            Binding(PARKED_EXCHANGE, "queue", PARKED_QUEUE, ""),
            Binding(REPORTS_EXCHANGE, "queue", REPORTS_QUEUE, ""),
        ),
    )


async def declare(channel: Channel, topology: Topology) -> None:
    """Declare exchanges, queues and bindings; raises BrokerError."""
    for exchange in topology.exchanges:
        await channel.call(
            "exchange_declare",
            exchange=exchange.name,
            exchange_type=exchange.type,
            durable=True,
            arguments=dict(exchange.arguments),
        )
    for queue in topology.queues:
        await channel.call(
            "queue_declare",
            queue=queue.name,
            durable=True,
            arguments=dict(queue.arguments),
        )
    for binding in topology.bindings:
        to_exchange = binding.destination_type == "exchange"
        target = "destination" if to_exchange else "queue"
        source = "source" if to_exchange else "exchange"
        await channel.call(
            "exchange_bind" if to_exchange else "queue_bind",
            **{target: binding.destination, source: binding.source},
            routing_key=binding.routing_key,
        )
