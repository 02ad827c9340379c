"""Messages as RabbitMQ takes and gives them: values, with nothing of pika in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Outcome(Enum):
    """What the broker said of one publication; returned: no queue is bound to it."""

    CONFIRMED = "confirmed"
    NACKED = "nacked"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True, eq=False)
class Publication:
    """One message to publish; `token` comes back with its outcome, untouched."""

    exchange: str
    routing_key: str
    body: bytes = field(repr=False)
    message_id: str | None = None
    content_type: str | None = None
    content_encoding: str | None = None
    type: str | None = None
    headers: Mapping[str, object] = field(default_factory=dict)
    is_persistent: bool = True
    token: object = None


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """A message as the broker handed it out.

    `channel` counts the channels of this process; `tag` means nothing beyond its
    channel.
    """

    channel: int
    tag: int
    body: bytes = field(repr=False)
    type: str | None = None
    message_id: str | None = None
    content_type: str | None = None
    content_encoding: str | None = None
    routing_key: str = ""
    headers: Mapping[str, object] = field(default_factory=dict)
    is_redelivered: bool = False


@dataclass(frozen=True, slots=True)
class QueueState:
    """How many messages are ready in a queue, and how many consumers it has.

    Of a queue with a single active consumer RabbitMQ counts that one alone.
    """

    depth: int
    consumers: int
