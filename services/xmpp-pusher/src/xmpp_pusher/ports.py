"""What the middle needs of the two ends, ``amqp/`` and ``xmpp/``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from amqp_client.messages import Delivery

from .contract import Cause, Visibility
from .messages import Batch, Reader
from .position import Position
from .reports import Report


class Consumer(Protocol):
    def ack(self, deliveries: Iterable[Delivery]) -> None:
        """Tell the broker that these are done; void ones are passed over."""


class Publisher(Protocol):
    """Each call waits for the broker's confirm, for minutes if the broker is full.

    It raises NotConfirmed; the message may or may not be there then.
    """

    async def park(self, delivery: Delivery, cause: Cause, detail: str) -> None:
        """Publish the message as it came to the parked ones."""

    async def report(self, reports: list[Report]) -> None:
        """Publish one message for the relay."""


class Room(Protocol):
    """A room that the pusher is in, as its one speaker."""

    @property
    def is_lost(self) -> bool: ...

    @property
    def is_opened(self) -> bool:
        """Whether it has been opened since it was made: its lists are right then."""

    async def head(self) -> Position | None:
        """How far the archive goes; None if it has no batch."""

    async def past_epochs(self) -> set[str]:
        """The epochs of the newest batches."""

    async def event_id(self, at: Position) -> str | None:
        """Which event has this place in the archive; None if that can't be told."""

    def send(self, batch: Batch) -> Awaitable[None]:
        """Send now; what is returned ends when the room has archived it.

        That raises Behind if the archive's head is another, Refused if the batch is
        never taken; after any other RoomError its fate is unknown.
        """

    def announce(self, at: Position) -> Awaitable[None]:
        """Send the empty batch that says that an epoch goes on behind ``at``."""

    async def open(
        self,
        visibility: Visibility,
        readers: Iterable[str] | None,
        revoked: Iterable[str] | None,
    ) -> None:
        """Set who may read; None leaves the lists as they are."""

    async def close(self) -> None:
        """Let in nobody but members."""

    async def change_reader(self, reader: Reader) -> None:
        """Return when the room's lists are so; Refused: they never will be."""

    def tell_reader(self, reader: Reader) -> None:
        """Give an account a hint of what became of it; it may get lost."""

    def leave(self) -> None: ...


class Rooms(Protocol):
    """The stream to ejabberd, and the way into its rooms."""

    connections: int
    """How many streams there have been."""

    @property
    def is_connected(self) -> bool: ...

    @property
    def last_heard_s(self) -> float | None:
        """When the server last said anything, on the clock of time.monotonic; None
        while there is no stream to it.
        """

    async def wait_connected(self) -> None: ...

    async def enter(self, feed: str, on_lost: Callable[[], None]) -> Room:
        """Become the one speaker in the feed's room, or raise a RoomError.

        ``on_lost`` is called once, when we are out of it for any reason.
        """
