"""What travels from the outbox to the broker: one message and its place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Opening:
    """What an `aviso.feed.opened.v1` announces; compared to know it again."""

    epoch: str
    visibility: str


# Compared by identity: a message is in one place of the window at a time, and
# the same events loaded in a later term are another one.
@dataclass(frozen=True, slots=True, eq=False)
class Outgoing:
    """One message for the broker: a run of a feed's events, or an opening.

    `first` to `last` are its sequences in the feed, None for an opening, which takes
    none; `opening` tells the two apart. `again` says that its events were published
    before, so that they move no progress. `reader` is whom an event of a reader is
    about. `substitute` marks the `unavailable` event that keeps another's place.
    """

    feed: str
    event_id: str
    type: str
    routing_key: str
    body: bytes
    epoch: str
    first: int | None = None
    last: int | None = None
    subject: str | None = None
    time: datetime | None = None
    traceparent: str | None = None
    reader: str | None = None
    opening: Opening | None = None
    substitute: bool = False
    again: bool = False

    @property
    def size_bytes(self) -> int:
        return len(self.body)


def format_range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def describe(message: Outgoing, outcome: str) -> dict[str, object]:
    """What a log line says of one message."""
    line: dict[str, object] = {"event_id": message.event_id, "feed": message.feed}
    if message.first is not None and message.last is not None:
        line["sequence"] = format_range(message.first, message.last)
    return {**line, "outcome": outcome}
