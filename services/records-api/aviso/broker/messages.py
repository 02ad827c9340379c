"""Messages as RabbitMQ takes and gives them. Nothing of pika is in here."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Outcome(Enum):
    """What the broker said of one publication."""

    CONFIRMED = "confirmed"
    NACKED = "nacked"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True, eq=False)
class Publication:
    """One message to publish; `token` comes back with its outcome, untouched."""

    exchange: str
    routing_key: str
    body: bytes = field(repr=False)
    message_id: str | None
    content_type: str | None
    headers: dict[str, Any]
    type: str | None = None
    content_encoding: str | None = None
    token: object = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message that the broker delivered, to be acked by its tag if at all."""

    tag: int
    redelivered: bool
    routing_key: str
    message_id: str | None
    content_type: str | None
    headers: dict[str, Any]
    body: bytes = field(repr=False)
    type: str | None = None
    content_encoding: str | None = None
