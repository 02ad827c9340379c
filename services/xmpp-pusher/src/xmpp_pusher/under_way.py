"""The messages of one room that are sent and not answered, in their order.

The archive takes each only behind the one before it. So they are judged from the
front: after one that was not taken none behind it counts.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from amqp_client.messages import Delivery

from .errors import Behind, Refused, RoomLost
from .messages import Batch, Opening


@dataclass(slots=True, eq=False)
class Item:
    """A delivery on its way; ``is_void``: the broker has taken it back."""

    delivery: Delivery
    message: Batch | Opening
    is_void: bool = False


@dataclass(slots=True, eq=False)
class Sent:
    """``run`` is that of the newest copy of what was sent."""

    item: Item
    run: str
    outcome: asyncio.Future[None]


class UnderWay:
    """``on_answer`` is called at each answer, of whichever message."""

    def __init__(self, on_answer: Callable[[], None]) -> None:
        self._on_answer = on_answer
        self._sent: deque[Sent] = deque()

    def __len__(self) -> int:
        return len(self._sent)

    @property
    def is_answered(self) -> bool:
        """Whether the foremost is."""
        return bool(self._sent) and self._sent[0].outcome.done()

    @property
    def foremost(self) -> Sent:
        return self._sent[0]

    def send(self, item: Item, sending: Awaitable[None]) -> None:
        outcome = asyncio.ensure_future(sending)
        outcome.add_done_callback(lambda _outcome: self._on_answer())
        self._sent.append(Sent(item, item.message.run, outcome))

    def take_foremost(self) -> Sent:
        return self._sent.popleft()

    def rename(self, run: str) -> None:
        """Copies have come in another run: what is told from now on is told of that."""
        for sent in self._sent:
            sent.run = run

    def void(self) -> None:
        """The broker has taken back all that is not acked."""
        for sent in self._sent:
            sent.item.is_void = True

    async def wait_refused(self) -> Behind | None:
        """Wait for what is behind the foremost, which was not taken: nor is it.

        Returns what the last answer says of the head. Raises a RoomError if the fate of
        one is unknown.
        """
        outcomes = [sent.outcome for sent in self._sent][1:]
        await asyncio.gather(*outcomes, return_exceptions=True)
        last: Behind | None = None
        for outcome in outcomes:
            error = outcome.exception()
            if error is None:
                raise RoomLost("the archive took a batch, and not the one before it")
            if isinstance(error, Behind):
                last = error
            elif not isinstance(error, Refused):
                raise error
        return last

    def take_back(self) -> list[Item]:
        """Return in order what is to be judged again; nothing is under way then."""
        items = [sent.item for sent in self._sent if not sent.item.is_void]
        self._sent.clear()
        return items

    async def abandon(self) -> list[Item]:
        """Wait no longer for any answer; returns as ``take_back`` does."""
        for sent in self._sent:
            sent.outcome.cancel()
        outcomes = [sent.outcome for sent in self._sent]
        await asyncio.gather(*outcomes, return_exceptions=True)
        return self.take_back()
