"""XMPP clients for the measurements: a guest who listens, an owner who sends."""

from __future__ import annotations

import asyncio
import time

from slixmpp import ClientXMPP
from slixmpp.xmlstream import ElementBase

from aviso_native.settings import Settings

from ..integration.batches import read_payload

_STANZA_ID = "{urn:xmpp:sid:0}stanza-id"


class Listener:
    """A guest in a room, noting when each record's event came.

    `arrived` maps the record's `data["n"]` to `time.monotonic()` of its arrival.
    """

    def __init__(self, settings: Settings, feed: str) -> None:
        self.arrived: dict[int, float] = {}
        self._room = f"{feed}@{settings.rooms_domain}"
        self._client = _connect(
            settings, settings.guest_domain, "", mechanism="ANONYMOUS"
        )
        self._client.add_event_handler("groupchat_message", self._note)
        self._changed = asyncio.Event()

    async def join(self) -> None:
        await self._client.wait_until("session_start")
        await _join(self._client, self._room)

    async def wait_for(self, count: int, timeout_s: float) -> float:
        """Wait until `count` records came; return when the last one did."""
        async with asyncio.timeout(timeout_s):
            while len(self.arrived) < count:
                self._changed.clear()
                await self._changed.wait()
        return max(self.arrived.values())

    async def leave(self) -> None:
        await self._client.end()

    def _note(self, message: ElementBase) -> None:
        now = time.monotonic()
        for event in read_payload(message.xml):
            self.arrived.setdefault(event["data"]["data"]["n"], now)
        self._changed.set()


class Sender:
    """The room's owner, sending raw stanzas and waiting for their reflection."""

    def __init__(self, settings: Settings, room: str) -> None:
        self.room = f"{room}@{settings.rooms_domain}"
        self._client = _connect(
            settings, f"pusher@{settings.domain}", settings.secrets["pusher"]
        )
        self._client.add_event_handler("groupchat_message", self._note)
        self._waiting: dict[str, asyncio.Future[None]] = {}

    async def join(self) -> None:
        await self._client.wait_until("session_start")
        await _join(self._client, self.room)
        # Rooms are made closed.
        self._client.send_raw(
            f'<iq type="set" id="open" to="{self.room}">'
            '<query xmlns="http://jabber.org/protocol/muc#owner">'
            '<x xmlns="jabber:x:data" type="submit">'
            '<field var="FORM_TYPE"><value>'
            "http://jabber.org/protocol/muc#roomconfig</value></field>"
            '<field var="muc#roomconfig_membersonly"><value>0</value></field>'
            "</x></query></iq>"
        )

    async def send(self, name: str, content: str) -> None:
        """Send one archived message and wait until the room reflects it."""
        done = asyncio.get_running_loop().create_future()
        self._waiting[name] = done
        self._client.send_raw(
            f'<message type="groupchat" id="{name}" to="{self.room}"><body>b</body>'
            f'<json xmlns="urn:xmpp:json:0">{content}</json></message>'
        )
        await asyncio.wait_for(done, 30)

    async def leave(self) -> None:
        await self._client.end()

    def _note(self, message: ElementBase) -> None:
        done = self._waiting.pop(message["id"], None)
        if done is None or done.done():
            return
        if message.xml.find(_STANZA_ID) is None:
            done.set_exception(RuntimeError("the room did not archive the message"))
        else:
            done.set_result(None)


class _Client(ClientXMPP):
    _filters: asyncio.Task[None] | None = None

    async def run_filters(self) -> None:
        # Kept, so that it ends with the client: slixmpp would leave it running.
        self._filters = asyncio.current_task()
        await super().run_filters()

    async def end(self) -> None:
        await self.disconnect()
        if self._filters:
            self._filters.cancel()
            await asyncio.wait([self._filters])


def _connect(
    settings: Settings, jid: str, password: str, mechanism: str | None = None
) -> _Client:
    client = _Client(jid, password, sasl_mech=mechanism)
    client.register_plugin("xep_0045")  # gives the event groupchat_message
    client.enable_direct_tls = False
    client.enable_starttls = False
    client.enable_plaintext = True
    client["feature_mechanisms"].unencrypted_scram = True
    client.connect("127.0.0.1", settings.ports["ejabberd_c2s"])
    return client


async def _join(client: ClientXMPP, room: str) -> None:
    """Enter a room; wait until it says that we are in (status 110).

    A feed that was just made has no room yet: it is asked again.
    """
    loop = asyncio.get_running_loop()
    joined = loop.create_future()
    address = f"{room}/bench-{id(client)}"

    def enter() -> None:
        if not joined.done():
            client.send_raw(
                f'<presence to="{address}"><x xmlns="http://jabber.org/protocol/muc"/>'
                "</presence>"
            )

    def note(presence: ElementBase) -> None:
        codes = presence.xml.iter("{http://jabber.org/protocol/muc#user}status")
        if any(code.get("code") == "110" for code in codes) and not joined.done():
            joined.set_result(None)

    client.add_event_handler("presence_available", note)
    client.add_event_handler("presence_error", lambda _: loop.call_later(0.2, enter))
    enter()
    await asyncio.wait_for(joined, 30)
