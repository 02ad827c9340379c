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
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from xml.etree.ElementTree import Element

from slixmpp import ClientXMPP
from slixmpp.xmlstream.stanzabase import StanzaBase
from slixmpp.xmlstream.xmlstream import NotConnectedError

from ..backoff import Backoff
from ..errors import RoomLost
from .room import OccupiedRoom
from .stream import Login, OnStanza, Stream

log = logging.getLogger(__name__)

_LOGIN_TIMEOUT_S: Final = 15.0
_CLOSE_TIMEOUT_S: Final = 2.0
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
    ticket_domain: str


class Rooms:
    """Keeps one stream to ejabberd and enters rooms on it."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._session: Stream | None = None
        self._connected = asyncio.Event()
        self._joining = asyncio.Semaphore(_JOINS_AT_ONCE)
        self.connections = 0

    @property
    def is_connected(self) -> bool:
        return self._session is not None

    @property
    def last_heard_s(self) -> float | None:
        return None if self._session is None else self._session.last_heard_s

    async def run(self) -> None:
        """Stay connected until cancelled."""
        account = self._account
        backoff = Backoff()
        is_first_failure = True
        while True:
            session = Stream(
                account.jid,
                account.rooms_domain,
                account.ticket_domain,
                self._log_in,
            )
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

    async def wait_connected(self) -> None:
        await self._connected.wait()

    async def enter(self, feed: str, on_lost: Callable[[], None]) -> OccupiedRoom:
        """Join the feed's room, as soon as there is a stream; may wait for ever.

        ``on_lost`` is called once, when we are out of it for any reason. Raises a
        RoomError if the join does not work out; we are not in the room then.
        """
        await self._connected.wait()
        async with self._joining:
            if self._session is None:
                raise RoomLost("the stream to ejabberd is gone")
            return await self._session.enter(
                feed, f"{feed}@{self._account.rooms_domain}", on_lost
            )

    def _log_in(self, resource: str, on_stanza: OnStanza) -> Login:
        return _Client(self._account, resource, on_stanza)


class _Client(ClientXMPP):
    """A ``stream.Login``."""

    def __init__(self, account: Account, resource: str, on_stanza: OnStanza) -> None:
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
