"""The batches of one room that are sent and not answered, in their order.

The archive takes each only behind the one before it. So they are judged from the
front: after one that was not taken none behind it counts.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from .errors import Behind, Refused, RoomLost
from .ledger import Item
from .positions import Position
from .stanzas import name_batch

# More would only queue in the room.
MAX_UNDER_WAY: Final = 4


class Room(Protocol):
    def send(self, stanza_id: str, stanza: str) -> Awaitable[None]:
        """Send now; what is returned ends when the room has archived it.

        Behind: the archive's head is another. Refused: it never will be taken.
        """


@dataclass(frozen=True, slots=True)
class Sent:
    """A batch under way; one without items is an announcement of ours."""

    items: list[Item]
    first: Position
    last: Position
    outcome: asyncio.Future[None]


class UnderWay:
    """``on_answer`` is called at each answer, of whichever batch."""

    def __init__(self, feed: str, room: Room, on_answer: Callable[[], None]) -> None:
        self._feed = feed
        self._room = room
        self._on_answer = on_answer
        self._sent: deque[Sent] = deque()

    def __len__(self) -> int:
        return len(self._sent)

    @property
    def is_answered(self) -> bool:
        """Whether the foremost is."""
        return bool(self._sent) and self._sent[0].outcome.done()

    @property
    def epochs(self) -> set[str]:
        return {sent.last.epoch for sent in self._sent}

    def send(
        self, items: list[Item], first: Position, last: Position, stanza: str
    ) -> None:
        name = name_batch(self._feed, first.epoch, first.sequence, last.sequence)
        outcome = asyncio.ensure_future(self._room.send(name, stanza))
        outcome.add_done_callback(lambda _outcome: self._on_answer())
        self._sent.append(Sent(items, first, last, outcome))

    def take_foremost(self) -> Sent:
        return self._sent.popleft()

    async def take_back(self) -> tuple[list[Item], Behind | None]:
        """Wait for the rest, behind one that was not taken: they won't be either.

        Returns their items and what the last answer says of the head. Raises a
        RoomError if the fate of one is unknown.
        """
        rest = list(self._sent)
        outcomes = [sent.outcome for sent in rest]
        await asyncio.gather(*outcomes, return_exceptions=True)
        self._sent.clear()
        last: Behind | None = None
        for outcome in outcomes:
            error = outcome.exception()
            if error is None:
                raise RoomLost("the archive took a batch, and not the one before it")
            if isinstance(error, Behind):
                last = error
            elif not isinstance(error, Refused):
                raise error
        return [item for sent in rest for item in sent.items], last

    async def abandon(self) -> None:
        for sent in self._sent:
            sent.outcome.cancel()
        outcomes = (sent.outcome for sent in self._sent)
        await asyncio.gather(*outcomes, return_exceptions=True)
        self._sent.clear()
