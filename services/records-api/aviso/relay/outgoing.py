"""What travels from the outbox to the broker: one message and its place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Opening:
    """What an `aviso.feed.opened.v1` announces; compared to know it again."""

    epoch: str
    visibility: str


# Compared by identity: a message is in one place of the window at a time, and
# the same event loaded in a later term is another one.
@dataclass(frozen=True, slots=True, eq=False)
class Outgoing:
    """One message for the broker.

    `number` is the row in `events`, None for an opening; `sequence` is the place
    in the feed, None for an opening, which takes none. `opening` tells the two
    apart. `reader` is whom an event of a reader is about. `substitute` marks the
    `unavailable` event that keeps another's place.
    """

    feed: str
    event_id: str
    type: str
    routing_key: str
    body: bytes
    epoch: str
    number: int | None = None
    sequence: int | None = None
    subject: UUID | None = None
    time: datetime | None = None
    traceparent: str | None = None
    reader: str | None = None
    opening: Opening | None = None
    substitute: bool = False

    @property
    def size_bytes(self) -> int:
        return len(self.body)
