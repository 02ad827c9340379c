"""A room's archive, as its owner asks it: how far it goes, and what is in it.

How far, the module that keeps the archive tells (``contracts/README.md``, "Archive");
what, XEP-0313. ejabberd answers a page that it can't read with an empty one (tried on
23.01, and so in the source of 26.07).
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Final
from xml.etree.ElementTree import Element

from ..errors import Bounced, RoomError, RoomLost
from ..position import Position
from . import muc
from .session import Session

# How far back a place is looked for, and how many messages at a time.
_SEARCH_MESSAGES: Final = 2_000
_PAGE_MESSAGES: Final = 20
# More than the broker can hand out once more of what came before them.
_PAST_BATCHES: Final = 200
# From the head back, since ejabberd counts all that is between for each page.
_WINDOWS_S: Final = (3_600, 86_400, 30 * 86_400, 365 * 86_400, 100 * 365 * 86_400)


class Archive:
    def __init__(self, session: Session, room: str) -> None:
        self._session = session
        self._room = room
        self._pages: dict[str, list[Element]] = {}
        self._newest_id = 0

    async def head(self) -> Position | None:
        """Ask how far the room's archive goes; None if it holds no batch."""
        try:
            query = muc.write_head_query()
            head = muc.read_head(await self._session.ask("get", self._room, query))
        except Bounced as bounce:
            raise RoomError(
                f"the archive of {self._room} does not tell its head: {bounce}"
                " (has ejabberd mod_feed_archive?)"
            ) from bounce
        if head is None:
            raise RoomError(f"{self._room} answered without its archive's head")
        self.note_newest(head.archive_id)
        return head.position

    def note_newest(self, archive_id: int) -> None:
        """Remember the id of the newest message that is known of."""
        self._newest_id = max(self._newest_id, archive_id)

    async def past_epochs(self) -> set[str]:
        """Return the epochs of the newest batches."""
        epochs: set[str] = set()
        batches = 0
        async for page in self._read_back():
            epochs |= {epoch for epoch, _, _ in page.spans}
            batches += len(page.spans)
            if batches >= _PAST_BATCHES:
                break
        return epochs

    async def event_id(self, at: Position) -> str | None:
        """Read which event has this place; None if that can't be told.

        It is looked for from the newest message back, and not beyond some thousand.
        """
        seen = 0
        async for page in self._read_back():
            try:
                found = muc.find_event_id(page, at)
            except (ValueError, LookupError, TypeError, RecursionError) as error:
                what = f"a batch in the archive of {self._room} can't be read"
                raise RoomError(what) from error
            is_passed = any(e == at.epoch and at.last >= f for e, f, _ in page.spans)
            seen += _PAGE_MESSAGES
            if found or is_passed or seen >= _SEARCH_MESSAGES:
                return found
        return None

    def handle(self, result: Element, message: Element) -> None:
        """Take one message of a page that was asked for."""
        page = self._pages.get(result.get("queryid", ""))
        # From the room itself, not from an occupant: nobody else can be bare.
        if page is not None and message.get("from") == self._room:
            page.append(message)

    async def _read_back(self) -> AsyncIterator[muc.ArchivePage]:
        """Read page after page, from the newest message back."""
        before = ""
        for window_s in _WINDOWS_S:
            start_s = max(0, self._newest_id // 1_000_000 - window_s)
            while True:
                page = await self._read_page(before, start_s)
                yield page
                before = page.oldest_id or before
                if page.is_complete:
                    break
            if start_s == 0:
                return

    async def _read_page(self, before: str, start_s: int) -> muc.ArchivePage:
        query_id = uuid.uuid4().hex
        results: list[Element] = []
        self._pages[query_id] = results
        try:
            query = muc.write_query(query_id, _PAGE_MESSAGES, before, start_s)
            answer = await self._session.ask("set", self._room, query)
        finally:
            del self._pages[query_id]
        page = muc.read_page(results, answer, self._room)
        if page.oldest_id is None and not page.is_complete:
            # What ejabberd says of an archive whose database fails.
            raise RoomLost(f"the archive of {self._room} can't be read")
        return page
