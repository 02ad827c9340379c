"""What a feed has taken from the broker and not acked; outlives each stay in the room.

It is the one that acks. Nothing leaves it but by an ack, or by the broker's taking
everything back.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from .deliveries import Consumer, Delivery
from .events import Event, Opening, Poison, Visibility
from .positions import Position


@dataclass(slots=True, eq=False)
class Item:
    """One delivery on its way; a poisoned one has its stand-in as the content."""

    delivery: Delivery
    content: Event | Opening
    poison: Poison | None = None
    is_parked: bool = False
    received_s: float = field(default_factory=time.monotonic)

    @property
    def at(self) -> Position:
        content = self.content
        if isinstance(content, Opening):
            return Position(content.epoch, content.head)
        return Position(content.epoch, content.sequence)

    @property
    def size_bytes(self) -> int:
        return len(self.content.escaped) if isinstance(self.content, Event) else 0

    @property
    def is_event(self) -> bool:
        """Whether it is an event itself, and no opening or stand-in for an event."""
        if isinstance(self.content, Opening) or self.poison is not None:
            return False
        return self.content.change != "unavailable"

    @property
    def is_alone(self) -> bool:
        return isinstance(self.content, Opening)

    @property
    def needs_preparation(self) -> bool:
        """Whether something has to be done, and awaited, before it is sent."""
        is_unparked = self.poison is not None and not self.is_parked
        return self.is_alone or self.goes_first or is_unparked

    @property
    def goes_first(self) -> bool:
        # The room's lists change before the message is sent, so whatever stands before
        # a grant or a revoke belongs into a message before.
        return isinstance(self.content, Event) and self.content.reader is not None


class Ledger:
    """``arrived`` is what the stay has still to look at; ``awake`` tells it to.

    ``archived`` is the archive's head as it was told last, and ``has_lost`` says that
    it is empty and was not; ``visibility`` is what the newest opening made of the room.
    """

    def __init__(self, consumer: Consumer) -> None:
        self.arrived: deque[Item] = deque()
        self.awake = asyncio.Event()
        self.archived: Position | None = None
        self.has_lost = False
        self.visibility: Visibility | None = None
        self._consumer = consumer
        self._unsettled: dict[Delivery, Item] = {}

    def __len__(self) -> int:
        return len(self._unsettled)

    def __contains__(self, item: Item) -> bool:
        return item.delivery in self._unsettled

    def items(self) -> list[Item]:
        return list(self._unsettled.values())

    def receive(self, item: Item) -> None:
        self._unsettled[item.delivery] = item
        self.arrived.append(item)
        self.awake.set()

    def settle(self, items: Iterable[Item]) -> None:
        items = list(items)
        self._consumer.ack(item.delivery for item in items)
        for item in items:
            self._unsettled.pop(item.delivery, None)

    def note_head(self, head: Position | None) -> None:
        """Note how far the archive goes; None: it has no batch."""
        known = self.archived
        if head is not None:
            self.has_lost = False
        elif known is not None and known.sequence > 0:
            self.has_lost = True
        self.archived = head

    def offer_again(self) -> None:
        """Start over with everything that is not acked, in the order of its coming."""
        self.arrived = deque(self._unsettled.values())

    def forget(self) -> None:
        """The broker takes everything back, perhaps for another pusher.

        That one may open or close the feed, so what was known of it is void as well.
        """
        self.visibility = None
        self._unsettled.clear()
        self.arrived.clear()
        self.awake.set()
