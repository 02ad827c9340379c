"""The stream, as a room sees it."""

from __future__ import annotations

from typing import Final, Literal, Protocol
from xml.etree.ElementTree import Element

ANSWER_TIMEOUT_S: Final = 10.0


class Session(Protocol):
    """What a room needs of the stream it lives on."""

    @property
    def address(self) -> str:
        """Our full JID on this stream."""

    @property
    def nick(self) -> str: ...

    def send(self, stanza: str) -> None:
        """Send now, or raise RoomLost: never queue for a later stream."""

    async def ask(self, kind: Literal["get", "set"], to: str, payload: str) -> Element:
        """Send a query and return its answer; raises Bounced or RoomLost."""

    async def evict(self, address: str) -> None:
        """End an older session of our own account."""
