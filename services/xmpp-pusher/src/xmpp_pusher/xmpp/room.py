"""One room of which the pusher is an occupant: from the join until it is lost.

It speaks MUC over a Session that somebody else keeps alive, and imports no XMPP
library. A lost room stays lost: whoever needs it again makes a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, TypeVar
from xml.etree.ElementTree import Element

from ..contract import Visibility
from ..errors import (
    Behind,
    Bounced,
    NotArchived,
    NotOurs,
    Refused,
    RoomEnded,
    RoomError,
    RoomLost,
    bounced,
)
from ..messages import Batch, Reader
from ..position import Position
from . import muc, room_options
from .affiliations import Affiliations
from .archive import Archive
from .readers import is_ticket_holder, list_changes
from .session import ANSWER_TIMEOUT_S, Session
from .stanzas import (
    name_batch,
    span_behind,
    write_announcement,
    write_batch,
    write_notice_of_version,
)

log = logging.getLogger(__name__)

R = TypeVar("R")

# A client of the first version may come at any time.
VERSION_EVERY_S: Final = 300.0

_STILL_IN: Final = frozenset({"service-unavailable", "feature-not-implemented"})
_JOIN_AGAIN: Final = frozenset(
    {
        "not-acceptable",  # not an occupant (any more)
        "item-not-found",  # the room is gone
        "gone",
        "forbidden",
        "service-unavailable",
        "recipient-unavailable",
        "internal-server-error",
        "resource-constraint",
        "remote-server-not-found",
        "remote-server-timeout",
    }
)


class OccupiedRoom:
    def __init__(
        self,
        session: Session,
        feed: str,
        address: str,
        ticket_domain: str,
        on_lost: Callable[[], None],
    ) -> None:
        self.address = address
        self.is_opened = False
        self.is_being_checked = False
        self._has_ended = False
        # The form of a room that was made by this join, until its options are set.
        self._made: Mapping[str, muc.Field] | None = None
        self._is_untouched = False
        self.last_heard_s = time.monotonic()
        self._session = session
        self._feed = feed
        self._ticket_domain = ticket_domain
        self._me = f"{address}/{session.nick}"
        self._on_lost = on_lost
        loop = asyncio.get_running_loop()
        self._joined: asyncio.Future[muc.Presence] = loop.create_future()
        self._lost: asyncio.Future[str] = loop.create_future()
        self._others: dict[str, muc.Presence] = {}
        self._someone_left = asyncio.Event()
        self._under_way: dict[str, asyncio.Future[int]] = {}
        self._told_version_s = float("-inf")
        self._archive = Archive(session, address)
        self._affiliations = Affiliations(session, address, ticket_domain)

    @property
    def is_lost(self) -> bool:
        return self._lost.done()

    async def join(self) -> None:
        """Become the room's one speaker.

        1. Enter, which makes the room if it is not there. 2. See that it is ours.
        3. End older sessions of ours: what they sent may still be on its way, and
        only after their leaving the archive can be trusted to be complete. 4. Set the
        options; those of a room that is made just now and closed, ``open`` sets.

        A room says itself what it is; one that does not is closed until it is opened.
        ``is_opened`` tells whether its lists can be trusted: in a room that was made
        anew they are empty.
        """
        self._session.send(muc.write_join(self.address, self._session.nick))
        presence = await self._answer(self._joined, "the join")
        if presence.affiliation != "owner":
            raise NotOurs(
                f"the room {self.address} is there, but this account is not its owner"
                f" (affiliation {presence.affiliation!r}): destroy it, or make"
                f" {muc.bare(self._session.address)} its owner"
            )
        await self._fence()
        offered = await self._read_options()
        is_made = muc.STATUS_CREATED in presence.statuses
        if is_made and room_options.is_closed(offered):
            self._made, self._is_untouched = offered, True
            return
        self.is_opened = (
            not is_made
            and room_options.is_opened(offered)
            and await self._affiliations.has_ticket_host()
        )
        await self._configure(room_options.read_visibility(offered), offered)

    async def open(
        self,
        visibility: Visibility,
        readers: Iterable[str] | None,
        revoked: Iterable[str] | None,
    ) -> None:
        """Let in who may read, and only then set what the room is for all others."""
        offered = self._made if self._is_untouched else None
        self._is_untouched = False
        if offered is not None:
            await self._affiliations.fill(readers or (), revoked or ())
        elif readers is None and revoked is None:
            await self._affiliations.admit_ticket_host()
        else:
            await self._affiliations.replace(readers or (), revoked or ())
        self.is_opened = True
        await self._configure(visibility, offered or await self._read_options())

    async def close(self) -> None:
        """Make the room private; its lists stay as they are."""
        await self._configure("private", await self._read_options())

    async def change_reader(self, reader: Reader) -> None:
        """Let a reader in or put him out; returns when the room has.

        Raises Refused if it never will.
        """
        self._is_untouched = False
        if self._made is not None:
            await self._configure(None, self._made)
        await self._affiliations.change(list_changes(reader, self._ticket_domain))

    def tell_reader(self, reader: Reader) -> None:
        """Give an account a hint of what became of it; it may get lost."""
        if is_ticket_holder(reader.address, self._ticket_domain):
            return
        with contextlib.suppress(RoomLost):
            notice = muc.write_notice(reader.address, self._feed, reader.change)
            self._session.send(notice)

    async def _configure(
        self, visibility: Visibility | None, offered: Mapping[str, muc.Field]
    ) -> None:
        """Bring the room's options to what they should be, and read them back."""
        self._made, self._is_untouched = None, False
        changes = self._list_changes(visibility, offered)
        if not changes:
            return
        fields = {"FORM_TYPE": (room_options.FORM_TYPE,), **changes}
        await self._session.ask("set", self.address, muc.write_form(fields))
        left = self._list_changes(visibility, await self._read_options())
        if left:
            names = ", ".join(sorted(left))
            raise RoomError(f"the room {self.address} did not take the options {names}")
        log.info(
            "room configured",
            extra={"feed": self._feed, "outcome": "configured"},
        )

    async def head(self) -> Position | None:
        return await self._archive.head()

    async def past_epochs(self) -> set[str]:
        return await self._archive.past_epochs()

    async def event_id(self, at: Position) -> str | None:
        return await self._archive.event_id(at)

    def send(self, batch: Batch) -> Awaitable[None]:
        """Send one batch now; what is returned ends when the room has archived it.

        The archive takes a batch only behind the one before it, and the room reflects
        only what the archive took: so several may be under way.

        That, or this itself, raises Behind if the archive's head is another, Refused
        if the room will never take the batch. After any other RoomError its fate is
        unknown: leave, join again, and ask for the head.
        """
        name = name_batch(self._feed, batch.span)
        return self._send(name, write_batch(self.address, batch))

    def announce(self, at: Position) -> Awaitable[None]:
        """Send the empty batch that says that an epoch goes on behind ``at``."""
        stanza = write_announcement(self.address, self._feed, at)
        return self._send(name_batch(self._feed, span_behind(at)), stanza)

    def _send(self, stanza_id: str, stanza: str) -> Awaitable[None]:
        if self.is_lost:
            raise self._make_loss()
        reflected = asyncio.get_running_loop().create_future()
        self._is_untouched = False
        self._session.send(stanza)
        self._under_way[stanza_id] = reflected
        return self._archived(stanza_id, reflected)

    async def _archived(self, stanza_id: str, reflected: asyncio.Future[int]) -> None:
        try:
            archive_id = await self._answer(reflected, "the room's reflection")
        finally:
            self._under_way.pop(stanza_id, None)
        self._archive.note_newest(archive_id)
        self._tell_version(stanza_id.split(":")[1])

    def _tell_version(self, epoch: str) -> None:
        """Tell clients of the first version, now and then, that they are too old."""
        now_s = time.monotonic()
        if self.is_lost or now_s < self._told_version_s + VERSION_EVERY_S:
            return
        self._told_version_s = now_s
        with contextlib.suppress(RoomLost):
            notice = write_notice_of_version(self.address, self._feed, epoch)
            self._session.send(notice)

    async def check(self) -> None:
        """Ask the room whether we are still in it (XEP-0410); mark it lost if not."""
        self.is_being_checked = True
        try:
            ping = "<ping xmlns='urn:xmpp:ping'/>"
            await self._session.ask("get", self._me, ping)
        except Bounced as bounce:
            if bounce.condition not in _STILL_IN:
                self.lose(f"self-ping: {bounce}")
        except RoomLost as lost:
            self.lose(f"self-ping: {lost}")
        finally:
            self.is_being_checked = False
        self.last_heard_s = time.monotonic()

    def leave(self) -> None:
        if not self.is_lost:
            self.lose("left")
        # Without the stream we are out already.
        with contextlib.suppress(RoomLost):
            self._session.send(muc.write_leave(self.address, self._session.nick))

    def lose(self, reason: str) -> None:
        if self.is_lost:
            return
        self._lost.set_result(reason)
        self._on_lost()

    def handle(self, stanza: Element) -> None:
        """Take a presence or a message that came from this room."""
        self.last_heard_s = time.monotonic()
        if stanza.tag == f"{{{muc.CLIENT}}}presence":
            self._on_presence(stanza)
        elif stanza.tag == f"{{{muc.CLIENT}}}message":
            self._on_message(stanza)

    def _on_presence(self, stanza: Element) -> None:
        if stanza.get("type") == "error":
            if not self._joined.done() and not self.is_lost:
                error = muc.read_error(stanza)
                self._joined.set_exception(
                    bounced(error.condition, f"join of {self.address}: {error}")
                )
            return
        presence = muc.read_presence(stanza)
        if presence.nick == self._session.nick:
            self._on_own_presence(presence)
        elif presence.is_here:
            self._others[presence.nick] = presence
        else:
            self._others.pop(presence.nick, None)
            self._someone_left.set()

    def _on_own_presence(self, presence: muc.Presence) -> None:
        if presence.is_here:
            if not self._joined.done():
                self._joined.set_result(presence)
        elif self._joined.done():
            codes = ", ".join(map(str, sorted(presence.statuses)))
            self.lose(f"the room put us out (status {codes})")
        elif muc.STATUS_ROOM_ENDS in presence.statuses:
            # It was destroyed, and takes our join with it: no answer will come.
            self._has_ended = True
            self.lose("the room ended while it was joined")
        # Else it is the leaving of an occupancy before this one.

    def _on_message(self, stanza: Element) -> None:
        result = stanza.find(f"{{{muc.MAM}}}result")
        if result is not None:
            self._archive.handle(result, stanza)
            return
        reflected = self._under_way.get(stanza.get("id", ""))
        if reflected is None or reflected.done():
            return
        if stanza.get("type") == "error":
            reflected.set_exception(_read_bounce(stanza))
        elif stanza.get("from") == self._me:
            archive_id = muc.read_archive_id(stanza, self.address)
            if archive_id is not None:
                reflected.set_result(archive_id)
            else:
                what = f"{self.address} reflected a batch and did not say it is stored"
                reflected.set_exception(NotArchived(what))

    async def _fence(self) -> None:
        account = muc.bare(self._session.address)
        for nick, other in list(self._others.items()):
            if other.affiliation != "owner" or muc.bare(other.jid) != account:
                continue
            log.warning(
                "older session in the room: evicting it",
                extra={"feed": self._feed, "outcome": "evicted"},
            )
            await self._session.evict(other.jid)
            await self._wait_until_gone(nick)

    async def _wait_until_gone(self, nick: str) -> None:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                while nick in self._others:
                    self._someone_left.clear()
                    await self._someone_left.wait()
        except TimeoutError as error:
            raise RoomLost(f"an older session does not leave {self.address}") from error

    def _list_changes(
        self, visibility: Visibility | None, offered: Mapping[str, muc.Field]
    ) -> dict[str, room_options.Values]:
        return room_options.list_changes(
            self._feed, offered, visibility, is_opened=self.is_opened
        )

    async def _read_options(self) -> dict[str, muc.Field]:
        query = f"<query xmlns='{muc.MUC_OWNER}'/>"
        answer = await self._session.ask("get", self.address, query)
        offered = muc.read_form(answer)
        missing = room_options.find_missing(offered)
        if missing:
            raise RoomError(f"{self.address} does not offer {', '.join(missing)}")
        return offered

    def _make_loss(self) -> RoomLost:
        kind = RoomEnded if self._has_ended else RoomLost
        return kind(self._lost.result())

    async def _answer(self, future: asyncio.Future[R], what: str) -> R:
        """Wait for an answer, but no longer than the room lasts."""
        await asyncio.wait(
            (future, self._lost),
            timeout=ANSWER_TIMEOUT_S,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if future.done():
            return future.result()
        if self.is_lost:
            raise self._make_loss()
        raise RoomLost(f"{self.address}: {what} did not come in {ANSWER_TIMEOUT_S} s")


def _read_bounce(stanza: Element) -> RoomError:
    error = muc.read_error(stanza)
    head = muc.read_refused_head(stanza)
    if head is not None:
        return Behind(head.position, str(error))
    if error.type in ("wait", "auth") or error.condition in _JOIN_AGAIN:
        return RoomLost(str(error))
    return Refused(str(error))
