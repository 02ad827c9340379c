"""The one file with slixmpp: the stream to ejabberd, and the rooms on it.

slixmpp logs in, frames and parses. Everything after the login goes out with
``send_raw`` and comes in through ``incoming_filter``: its own ``send()`` would queue
while offline and speak later, in a room that we do not know any more, and most of
its time goes into matching handlers against our own reflections.

Each login has a new object and a new random resource and nick. There is no stream
resumption (XEP-0198): an old session that lingers in a room could still speak there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from slixmpp import ClientXMPP
from slixmpp.xmlstream.stanzabase import StanzaBase
from slixmpp.xmlstream.xmlstream import NotConnectedError

from . import muc
from .backoff import Backoff
from .errors import Bounced, RoomLost
from .events import Visibility
from .room import ANSWER_TIMEOUT_S, OccupiedRoom

log = logging.getLogger(__name__)

_LOGIN_TIMEOUT_S: Final = 15.0
_CLOSE_TIMEOUT_S: Final = 2.0
_IDLE_S: Final = 30.0
_JOINS_AT_ONCE: Final = 8
# After a conflict another pusher is about: whoever comes back at once fights it.
_CONFLICT_PAUSE_S: Final = 1.0
_HANDLED: Final = Element("{urn:aviso:pusher}handled")


@dataclass(frozen=True)
class Account:
    host: str
    port: int
    jid: str
    password: str = field(repr=False)
    use_tls: bool
    rooms_domain: str


class Rooms:
    """Keeps one stream to ejabberd and enters rooms on it."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._session: _Session | None = None
        self._connected = asyncio.Event()
        self._joining = asyncio.Semaphore(_JOINS_AT_ONCE)
        self.connections = 0

    @property
    def is_connected(self) -> bool:
        return self._session is not None

    async def run(self) -> None:
        """Stay connected until cancelled."""
        backoff = Backoff()
        is_first_failure = True
        while True:
            session = _Session(self._account)
            try:
                await session.open()
                self._session = session
                self._connected.set()
                self.connections += 1
                log.info("rooms connected", extra={"outcome": "connected"})
                backoff.reset()
                is_first_failure = True
                await session.watch()
            except RoomLost as lost:
                if is_first_failure:
                    log.warning(
                        "rooms gone: %s", lost, extra={"outcome": "disconnected"}
                    )
                    is_first_failure = False
            finally:
                self._connected.clear()
                self._session = None
                await session.close()
            pause_s = _CONFLICT_PAUSE_S if session.has_conflict else 0
            await asyncio.sleep(pause_s + backoff.next_s())

    async def enter(
        self, feed: str, visibility: Visibility | None, on_lost: Callable[[], None]
    ) -> OccupiedRoom:
        """Join the feed's room, as soon as there is a stream; may wait for ever.

        ``on_lost`` is called once, when we are out of it for any reason. Raises a
        RoomError if the join does not work out; we are not in the room then.
        """
        await self._connected.wait()
        async with self._joining:
            if self._session is None:
                raise RoomLost("the stream to ejabberd is gone")
            return await self._session.enter(
                feed, f"{feed}@{self._account.rooms_domain}", visibility, on_lost
            )


class _Session:
    """One login and the rooms on it; a ``room.Session``."""

    def __init__(self, account: Account) -> None:
        self._account = account
        name = f"aviso-{secrets.token_hex(8)}"
        self.nick = name
        self.address = f"{account.jid}/{name}"
        self._client = _Client(account, name, self._handle)
        self._rooms: dict[str, OccupiedRoom] = {}
        self._asked: dict[str, tuple[str, asyncio.Future[Element]]] = {}
        self._evicted: dict[str, asyncio.Task[None]] = {}

    @property
    def has_conflict(self) -> bool:
        return self._client.has_conflict

    async def open(self) -> None:
        await self._client.open()
        self._client.ended.add_done_callback(lambda _ended: self._lose_all())

    async def watch(self) -> None:
        """Look after idle rooms and the stream itself; returns by raising RoomLost."""
        domain = self._account.jid.partition("@")[2]
        last_ping_s = time.monotonic()
        while True:
            await asyncio.wait((self._client.ended,), timeout=_IDLE_S / 6)
            if self._client.ended.done():
                raise RoomLost(self._client.ended.result())
            now_s = time.monotonic()
            if now_s - last_ping_s >= _IDLE_S:
                last_ping_s = now_s
                await self._ping(domain)
            idle = [
                room.check()
                for room in self._rooms.values()
                if now_s - room.last_heard_s >= _IDLE_S
            ]
            await asyncio.gather(*idle)

    async def enter(
        self,
        feed: str,
        address: str,
        visibility: Visibility | None,
        on_lost: Callable[[], None],
    ) -> OccupiedRoom:
        def forget() -> None:
            if self._rooms.get(address) is room:
                del self._rooms[address]
            on_lost()

        room = OccupiedRoom(self, feed, address, forget)
        self._rooms[address] = room
        try:
            await room.join(visibility)
        except BaseException:
            room.leave()
            raise
        return room

    def send(self, stanza: str) -> None:
        self._client.send_now(stanza)

    async def ask(self, kind: Literal["get", "set"], to: str, payload: str) -> Element:
        query_id = uuid.uuid4().hex
        answered = asyncio.get_running_loop().create_future()
        self._asked[query_id] = (to, answered)
        try:
            self.send(
                f"<iq type='{kind}' id='{query_id}' to={quoteattr(to)}>{payload}</iq>"
            )
            await asyncio.wait(
                (answered, self._client.ended),
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
            raise Bounced(error.condition, f"{to} answered a query with {error}")
        return answer

    async def evict(self, address: str) -> None:
        """Log in as that very session: the server then ends the older one.

        Many rooms may hold the same older session; it is ended once.
        """
        if address not in self._evicted:
            self._evicted[address] = asyncio.create_task(self._replace(address))
        await asyncio.shield(self._evicted[address])

    async def close(self) -> None:
        await self._client.close()
        self._lose_all()

    async def _replace(self, address: str) -> None:
        client = _Client(self._account, muc.resource(address), lambda _stanza: False)
        try:
            await client.open()
        except RoomLost as lost:
            self._evicted.pop(address, None)
            raise RoomLost(f"could not evict an older session: {lost}") from lost
        finally:
            await client.close()

    async def _ping(self, domain: str) -> None:
        # An error is an answer all the same.
        with contextlib.suppress(Bounced):
            await self.ask("get", domain, "<ping xmlns='urn:xmpp:ping'/>")

    def _lose_all(self) -> None:
        for room in list(self._rooms.values()):
            room.lose("the stream to ejabberd is gone")

    def _handle(self, stanza: Element) -> bool:
        if stanza.tag == f"{{{muc.CLIENT}}}iq":
            return self._handle_answer(stanza)
        sender = muc.bare(stanza.get("from", ""))
        room = self._rooms.get(sender)
        if room is not None:
            room.handle(stanza)
        # A room that we have just left has nothing to say to slixmpp either.
        return sender.endswith(f"@{self._account.rooms_domain}")

    def _handle_answer(self, stanza: Element) -> bool:
        to, answered = self._asked.get(stanza.get("id", ""), ("", None))
        if answered is None or stanza.get("from", "") != to:
            return False
        if stanza.get("type") not in ("result", "error"):
            return False
        if not answered.done():
            answered.set_result(stanza)
        return True


class _Client(ClientXMPP):
    """A login with one given resource."""

    def __init__(
        self, account: Account, resource: str, on_stanza: Callable[[Element], bool]
    ) -> None:
        super().__init__(
            f"{account.jid}/{resource}",
            account.password,
            plugin_config={"feature_mechanisms": _choose_security(account.use_tls)},
        )
        self.enable_direct_tls = False
        self.enable_starttls = account.use_tls
        self.enable_plaintext = not account.use_tls
        self._account = account
        self._on_stanza = on_stanza
        self._filters: asyncio.Task[Any] | None = None
        loop = asyncio.get_running_loop()
        self._started: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[str] = loop.create_future()
        self.has_conflict = False
        self.add_filter("in", _drop_handled)
        self.add_event_handler("session_start", self._on_start)
        self.add_event_handler("stream_error", self._on_stream_error)
        self.add_event_handler("failed_all_auth", self._on_no_login)
        self.add_event_handler("connection_failed", self._on_end)
        self.add_event_handler("disconnected", self._on_end)

    async def open(self) -> None:
        """Log in; raises RoomLost with the reason if that does not work out."""
        self.connect(self._account.host, self._account.port)
        await asyncio.wait(
            (self._started, self.ended),
            timeout=_LOGIN_TIMEOUT_S,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if self.ended.done():
            raise RoomLost(self.ended.result())
        if not self._started.done():
            raise RoomLost(f"no login within {_LOGIN_TIMEOUT_S} s")
        if self.boundjid.full != self.requested_jid.full:
            raise RoomLost(f"asked for {self.requested_jid}, got {self.boundjid}")

    async def close(self) -> None:
        self.cancel_connection_attempt()
        if self.transport is not None:
            self.disconnect(wait=_CLOSE_TIMEOUT_S, ignore_send_queue=True)
            await asyncio.wait((self.ended,), timeout=_CLOSE_TIMEOUT_S)
            self.abort()
        self._on_end("closed")
        if self._filters is not None:
            self._filters.cancel()

    def send_now(self, stanza: str) -> None:
        if self.ended.done():
            raise RoomLost(self.ended.result())
        try:
            self.send_raw(stanza)
        except NotConnectedError as error:
            raise RoomLost("the stream to ejabberd is gone") from error

    async def run_filters(self) -> None:
        # Kept, so that it ends with the login: slixmpp would leave it running.
        self._filters = asyncio.current_task()
        await super().run_filters()

    def incoming_filter(self, xml: Element) -> Element:
        try:
            return _HANDLED if self._on_stanza(xml) else xml
        except Exception:
            # Leaving this method with an exception would close the stream.
            log.exception("a stanza was not understood", extra={"outcome": "failed"})
            return _HANDLED

    def _on_start(self, _event: object) -> None:
        if not self._started.done():
            self._started.set_result(None)

    def _on_stream_error(self, error: Any) -> None:
        condition = str(error["condition"])
        self.has_conflict = condition == "conflict"
        self._on_end(f"stream error {condition}")

    def _on_no_login(self, _event: object) -> None:
        self._on_end(f"the login as {self._account.jid} was refused")

    def _on_end(self, reason: object) -> None:
        # slixmpp would try again by itself, up to 300 s apart: the loop is ours.
        self.cancel_connection_attempt()
        if not self.ended.done():
            self.ended.set_result(str(reason or "closed by the other side"))


def _drop_handled(stanza: StanzaBase) -> StanzaBase | None:
    return None if stanza.xml is _HANDLED else stanza


def _choose_security(use_tls: bool) -> dict[str, Any]:
    """Tell slixmpp how to log in, in the words of its SASL plugin.

    SCRAM never shows the password, so it may go over loopback in the open. There the
    stream has nothing to bind to, which slixmpp 1.17 would put as "I could, but you
    did not offer it"; ejabberd 26.07 takes that for an attack and refuses the login.
    """
    if use_tls:
        return {}
    known = {"unencrypted_scram": True, "binding_proposed": True}
    return {"security_callback": lambda names: {n: known.get(n, False) for n in names}}
