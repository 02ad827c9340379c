"""The broker's objects, to the letter of ``contracts/topology.json``.

Relay and pusher both declare them, whoever starts first; a test holds this page
against the contract.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

Arguments = dict[str, str | int | bool]

PARKED: Final = "record-events.parked"
REPORTS: Final = "record-events.reports"


@dataclass(frozen=True)
class Exchange:
    name: str
    type: str
    arguments: Arguments = field(default_factory=dict)


@dataclass(frozen=True)
class Queue:
    name: str
    arguments: Arguments


@dataclass(frozen=True)
class Binding:
    source: str
    destination_type: str
    destination: str
    routing_key: str


EXCHANGES: Final = (
    Exchange("record-events", "topic"),
    Exchange("record-events.by-feed", "x-consistent-hash", {"hash-header": "feed"}),
    Exchange(PARKED, "fanout"),
    Exchange(REPORTS, "fanout"),
)


def pusher_queue(number: int) -> str:
    return f"xmpp-pusher.{number}"


def list_queues(count: int) -> list[Queue]:
    arguments: Arguments = {
        "x-queue-type": "quorum",
        "x-single-active-consumer": True,
        "x-delivery-limit": 1000,
        "x-dead-letter-exchange": PARKED,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    pushers = [Queue(pusher_queue(n), arguments) for n in range(count)]
    reports: Arguments = {
        "x-queue-type": "classic",
        "x-max-length-bytes": 8_388_608,
        "x-overflow": "drop-head",
    }
    parked: Arguments = {"x-queue-type": "quorum"}
    return [*pushers, Queue(PARKED, parked), Queue(REPORTS, reports)]


def list_bindings(count: int) -> list[Binding]:
    by_feed = "record-events.by-feed"
    return [
        Binding("record-events", "exchange", by_feed, "feed.#"),
        *(Binding(by_feed, "queue", pusher_queue(n), "1") for n in range(count)),
        Binding(PARKED, "queue", PARKED, ""),
        Binding(REPORTS, "queue", REPORTS, ""),
    ]
