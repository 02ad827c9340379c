"""A room's archive (XEP-0313), as its owner asks it: what is in it, and how far.

Two things that ejabberd does (tried on 23.01, and so in the source of 26.07) shape
it: the stanza-id in a reflection is written even when the database took nothing, and
an archive that can't be read answers with an empty page.
"""

from __future__ import annotations

import uuid
from typing import Final
from xml.etree.ElementTree import Element

from . import muc
from .errors import RoomError, RoomLost
from .positions import Position
from .session import Session

# How far back the newest batch is looked for, should something else be newer.
_SEARCH_MESSAGES: Final = 2_000
_PAGE_MESSAGES: Final = 20


class Archive:
    def __init__(self, session: Session, room: str) -> None:
        self._session = session
        self._room = room
        self._pages: dict[str, list[Element]] = {}

    async def newest(self) -> Position | None:
        """Read how far the room's archive goes; None if it holds no batch."""
        before, seen, count = "", 0, 1
        while seen < _SEARCH_MESSAGES:
            page = await self._read_page(before, count)
            position = muc.find_position(page)
            if position is not None or page.is_complete or page.oldest_id is None:
                return position
            before, seen, count = page.oldest_id, seen + count, _PAGE_MESSAGES
        raise RoomError(
            f"none of the newest {_SEARCH_MESSAGES} messages in the archive of"
            f" {self._room} is a batch of events"
        )

    async def past_epochs(self, events: int) -> set[str]:
        """Return the epochs of the newest batches, back over that many events."""
        epochs: set[str] = set()
        before = ""
        while events > 0:
            page = await self._read_page(before, _PAGE_MESSAGES)
            for epoch, first, last in page.spans:
                epochs.add(epoch)
                events -= max(1, last - first + 1)
            if page.is_complete or page.oldest_id is None:
                break
            before = page.oldest_id
        return epochs

    async def event_id(self, at: Position) -> str | None:
        """Read which event has this place; None if that can't be told.

        It is looked for from the newest message back, and not beyond some thousand.
        """
        before, seen = "", 0
        while seen < _SEARCH_MESSAGES:
            page = await self._read_page(before, _PAGE_MESSAGES)
            found = muc.find_event_id(page, at)
            is_passed = any(
                e == at.epoch and at.sequence >= f for e, f, _ in page.spans
            )
            if found or is_passed or page.is_complete or page.oldest_id is None:
                return found
            before, seen = page.oldest_id, seen + _PAGE_MESSAGES
        return None

    async def has(self, archive_id: str) -> bool:
        """Tell whether a message stands in the archive under this very id."""
        query = muc.write_count(archive_id)
        return muc.read_count(await self._session.ask("set", self._room, query)) > 0

    def handle(self, result: Element, message: Element) -> None:
        """Take one message of a page that was asked for."""
        page = self._pages.get(result.get("queryid", ""))
        # From the room itself, not from an occupant: nobody else can be bare.
        if page is not None and message.get("from") == self._room:
            page.append(message)

    async def _read_page(self, before: str, count: int) -> muc.ArchivePage:
        query_id = uuid.uuid4().hex
        results: list[Element] = []
        self._pages[query_id] = results
        try:
            query = muc.write_query(query_id, count, before)
            answer = await self._session.ask("set", self._room, query)
        finally:
            del self._pages[query_id]
        page = muc.read_page(results, answer, self._room)
        if page.oldest_id is None and not page.is_complete:
            # What ejabberd says of an archive whose database fails. Taking that for
            # an empty one would put everything into the room a second time.
            raise RoomLost(f"the archive of {self._room} can't be read")
        return page
