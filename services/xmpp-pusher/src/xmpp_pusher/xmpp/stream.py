"""One stream to ejabberd: its rooms, its questions, and who else is logged in.

What comes in is given to the room it came from or to whoever asked. It knows the
login only by what it needs of it, so that it can be tried without a server.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import secrets
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from itertools import islice
from typing import Final, Literal, Protocol
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from ..errors import Bounced, RoomLost, bounced
from . import muc
from .room import OccupiedRoom
from .session import ANSWER_TIMEOUT_S

_LOOK_EVERY_S: Final = 1.0
_IDLE_S: Final = 30.0
# Of many idle rooms each is asked less often: who has something to say in one that has
# put us out notices at once. Thirty a second take more than 1 % of a core.
_MOST_CHECKS: Final = 5
# Long for a server with anything to say: a connection may have died without a word.
_QUIET_S: Final = 10.0


class Login(Protocol):
    """A connection that logs in with one given resource."""

    ended: asyncio.Future[str]
    has_conflict: bool

    async def open(self) -> None:
        """Log in; raises RoomLost with the reason if that does not work out."""

    async def close(self) -> None: ...

    def send_now(self, stanza: str) -> None:
        """Write to the connection, or raise RoomLost: never queue."""


OnStanza = Callable[[Element], bool]
LogIn = Callable[[str, OnStanza], Login]


class Stream:
    """One login and the rooms on it; a ``session.Session``."""

    def __init__(
        self, jid: str, rooms_domain: str, ticket_domain: str, log_in: LogIn
    ) -> None:
        self._domain = jid.partition("@")[2]
        self._rooms_domain = rooms_domain
        self._ticket_domain = ticket_domain
        self._log_in = log_in
        name = f"aviso-{secrets.token_hex(8)}"
        self.nick = name
        self.address = f"{jid}/{name}"
        self._login = log_in(name, self._handle)
        # The one whose turn to be checked comes next first.
        self._rooms: OrderedDict[str, OccupiedRoom] = OrderedDict()
        self._asked: dict[str, tuple[str, asyncio.Future[Element]]] = {}
        self._checks: set[asyncio.Task[None]] = set()
        self._evicted: dict[str, asyncio.Task[None]] = {}
        self.last_heard_s = time.monotonic()

    @property
    def has_conflict(self) -> bool:
        return self._login.has_conflict

    async def open(self) -> None:
        await self._login.open()
        self._login.ended.add_done_callback(lambda _ended: self._lose_all())

    async def watch(self) -> None:
        """Look after idle rooms and the stream itself; returns by raising RoomLost."""
        last_ping_s = time.monotonic()
        while True:
            await asyncio.wait((self._login.ended,), timeout=_LOOK_EVERY_S)
            if self._login.ended.done():
                raise RoomLost(self._login.ended.result())
            now_s = time.monotonic()
            is_quiet = now_s - max(self.last_heard_s, last_ping_s) >= _QUIET_S
            if is_quiet or now_s - last_ping_s >= _IDLE_S:
                last_ping_s = now_s
                await self._ping()
            self._check_rooms(now_s)

    def _check_rooms(self, now_s: float) -> None:
        """Begin to check those rooms whose turn it is, and which are silent.

        No more at a time than brings each its turn, so that those which were entered
        together are not asked together for ever.
        """
        share = math.ceil(len(self._rooms) * _LOOK_EVERY_S / _IDLE_S)
        for address in list(islice(self._rooms, min(share, _MOST_CHECKS))):
            room = self._rooms[address]
            self._rooms.move_to_end(address)
            if now_s - room.last_heard_s < _IDLE_S or room.is_being_checked:
                continue
            task = asyncio.create_task(room.check())
            self._checks.add(task)
            task.add_done_callback(self._checks.discard)

    async def enter(
        self,
        feed: str,
        address: str,
        on_lost: Callable[[], None],
    ) -> OccupiedRoom:
        def forget() -> None:
            if self._rooms.get(address) is room:
                del self._rooms[address]
            self._give_up_questions(address)
            on_lost()

        room = OccupiedRoom(self, feed, address, self._ticket_domain, forget)
        self._rooms[address] = room
        try:
            await room.join()
        except BaseException:
            room.leave()
            raise
        return room

    def send(self, stanza: str) -> None:
        self._login.send_now(stanza)

    async def ask(self, kind: Literal["get", "set"], to: str, payload: str) -> Element:
        room = muc.bare(to)
        if room.endswith(f"@{self._rooms_domain}") and room not in self._rooms:
            # It would not answer, and whoever asks has not heard of its end yet.
            raise RoomLost(f"out of {room}")
        query_id = uuid.uuid4().hex
        answered = asyncio.get_running_loop().create_future()
        self._asked[query_id] = (to, answered)
        try:
            self.send(
                f"<iq type='{kind}' id='{query_id}' to={quoteattr(to)}>{payload}</iq>"
            )
            await asyncio.wait(
                (answered, self._login.ended),
                timeout=ANSWER_TIMEOUT_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            del self._asked[query_id]
        if not answered.done():
            raise RoomLost(f"{to} did not answer a query")
        answer: Element = answered.result()
        if answer.get("type") == "error":
            error = muc.read_error(answer)
            raise bounced(error.condition, f"{to} answered a query with {error}")
        return answer

    async def evict(self, address: str) -> None:
        """Log in as that very session: the server then ends the older one.

        Many rooms may hold the same older session; it is ended once.
        """
        if address not in self._evicted:
            self._evicted[address] = asyncio.create_task(self._replace(address))
        await asyncio.shield(self._evicted[address])

    async def close(self) -> None:
        for check in self._checks:
            check.cancel()
        await self._login.close()
        self._lose_all()

    async def _replace(self, address: str) -> None:
        login = self._log_in(muc.resource(address), lambda _stanza: False)
        try:
            await login.open()
        except RoomLost as lost:
            self._evicted.pop(address, None)
            raise RoomLost(f"could not evict an older session: {lost}") from lost
        finally:
            await login.close()

    async def _ping(self) -> None:
        # An error is an answer all the same.
        with contextlib.suppress(Bounced):
            await self.ask("get", self._domain, "<ping xmlns='urn:xmpp:ping'/>")

    def _give_up_questions(self, room: str) -> None:
        """A room that ended swallows what was on its way to it."""
        for to, answered in self._asked.values():
            if muc.bare(to) == room and not answered.done():
                answered.set_exception(RoomLost(f"out of {room} before its answer"))

    def _lose_all(self) -> None:
        for room in list(self._rooms.values()):
            room.lose("the stream to ejabberd is gone")

    def _handle(self, stanza: Element) -> bool:
        self.last_heard_s = time.monotonic()
        if stanza.tag == f"{{{muc.CLIENT}}}iq":
            return self._handle_answer(stanza)
        sender = muc.bare(stanza.get("from", ""))
        room = self._rooms.get(sender)
        if room is not None:
            room.handle(stanza)
        # A room that we have just left has nothing to say to slixmpp either.
        return sender.endswith(f"@{self._rooms_domain}")

    def _handle_answer(self, stanza: Element) -> bool:
        to, answered = self._asked.get(stanza.get("id", ""), ("", None))
        if answered is None or stanza.get("from", "") != to:
            return False
        if stanza.get("type") not in ("result", "error"):
            return False
        if not answered.done():
            answered.set_result(stanza)
        return True
