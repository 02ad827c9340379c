"""A plain chat client: slixmpp for the stream and the login, raw stanzas above.

It runs on a thread of its own, so that tests stay plain functions; Playwright keeps
the main thread's loop for itself.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading
import xml.etree.ElementTree as ET
from collections.abc import Coroutine
from typing import Any, TypeVar
from xml.sax.saxutils import quoteattr

import slixmpp

from .waiting import ALIVE_S, until

T = TypeVar("T")

CLIENT = "{jabber:client}"
MUC_USER = "{http://jabber.org/protocol/muc#user}"
_STANZA_ERRORS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
# Whoever waits for a server to come back tries it again then.
_LOG_IN_S = 30.0


class Refused(Exception):
    """The server answered with an error; the text is its condition."""


class Chat:
    """One logged-in session. `received` holds every stanza that came, in order."""

    def __init__(
        self,
        xmpp: dict[str, Any],
        account: tuple[str, str] | None = None,
        *,
        register: bool = False,
        host: str = "domain",
    ) -> None:
        """Log in as `account` (name, password), or as a guest without one.

        With `host="ticket_domain"` the password is a ticket.
        With `register`, the account is made first, in the same stream (XEP-0077).
        Raises Refused when the server takes neither.
        """
        self.received: list[ET.Element] = []
        self._numbers = itertools.count(1)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        try:
            log_in = self._log_in(xmpp, account, register, host)
            self._client = self._await(log_in, _LOG_IN_S + 5)
        except BaseException:
            self._end_loop()
            raise

    @property
    def jid(self) -> str:
        return str(self._client.boundjid)

    def send(self, stanza: str) -> None:
        """Send a stanza as it is written."""
        self._loop.call_soon_threadsafe(self._client.send_raw, stanza)

    def stop_reading(self, kept_bytes: int) -> None:
        """Leave in the socket whatever comes from now on; the kernel keeps so much."""
        transport = self._client.transport
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVBUF, kept_bytes
        )
        self._loop.call_soon_threadsafe(transport.pause_reading)

    def ask(
        self, kind: str, to: str, payload: str, timeout_s: float = ALIVE_S
    ) -> ET.Element:
        """Send an <iq/> and return the result. Raises Refused."""
        number = f"ask-{next(self._numbers)}"
        address = f" to={quoteattr(to)}" if to else ""
        self.send(f"<iq type='{kind}' id='{number}'{address}>{payload}</iq>")
        [answer] = until(
            lambda: [each for each in self.received if each.get("id") == number],
            f"an answer to {payload[:60]}",
            timeout_s,
        )
        _raise_refusal(answer)
        return answer

    def ping(self) -> None:
        """Return once the server has handled everything sent before."""
        self.ask("get", "", "<query xmlns='http://jabber.org/protocol/disco#info'/>")

    def join(self, room: str, nick: str = "") -> None:
        """Enter a room. Raises Refused, with the room's condition."""
        nick = nick or f"guest{id(self)}"
        start = len(self.received)
        self.send(
            f"<presence to={quoteattr(f'{room}/{nick}')}>"
            "<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x>"
            "</presence>"
        )

        def is_answer(stanza: ET.Element) -> bool:
            if stanza.tag != f"{CLIENT}presence" or _bare(stanza.get("from")) != room:
                return False
            codes = [each.get("code") for each in stanza.iter(f"{MUC_USER}status")]
            return stanza.get("type") == "error" or "110" in codes  # 110: my own

        answers = until(
            lambda: [each for each in self.received[start:] if is_answer(each)],
            f"an answer of {room}",
        )
        _raise_refusal(answers[0])

    def messages_from(self, address: str) -> list[ET.Element]:
        """The messages that came from a bare address, in order."""
        return [
            each
            for each in self.received
            if each.tag == f"{CLIENT}message" and _bare(each.get("from")) == address
        ]

    def refusals(self) -> list[str]:
        """The conditions of every error that has come, in order."""
        return [
            condition for each in self.received if (condition := condition_of(each))
        ]

    def close(self) -> None:
        async def leave() -> None:
            transport = self._client.transport
            if transport is not None and not transport.is_reading():
                self._client.abort()  # it would wait for an answer
            await self._client.disconnect()

        self._await(leave(), ALIVE_S)
        self._end_loop()

    def __enter__(self) -> Chat:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _log_in(
        self,
        xmpp: dict[str, Any],
        account: tuple[str, str] | None,
        register: bool,
        host: str,
    ) -> slixmpp.ClientXMPP:
        name, password = account or ("", "")
        jid = f"{name}@{xmpp[host]}" if account else xmpp["guest_domain"]
        client = slixmpp.ClientXMPP(
            jid, password, sasl_mech=None if account else "ANONYMOUS"
        )
        client.enable_plaintext = True
        client.enable_starttls = client.enable_direct_tls = False
        client.whitespace_keepalive = False
        # TLS ends at the gateway; this listener is on loopback.
        mechanisms = client.plugin["feature_mechanisms"]
        mechanisms.unencrypted_scram = mechanisms.unencrypted_plain = True
        client.add_filter("in", self._keep)
        outcome: asyncio.Future[str] = self._loop.create_future()

        def settle(text: str) -> None:
            if not outcome.done():
                outcome.set_result(text)

        client.add_event_handler("session_start", lambda _: settle(""))
        client.add_event_handler("failed_all_auth", lambda _: settle("not-authorized"))
        client.add_event_handler("disconnected", lambda _: settle("disconnected"))
        if register:
            client.register_plugin("xep_0077")

            async def make_account(_form: object) -> None:
                wish = client.Iq(stype="set")
                wish["register"]["username"] = name
                wish["register"]["password"] = password
                try:
                    await wish.send(timeout=_LOG_IN_S)
                except slixmpp.exceptions.IqError as error:
                    settle(str(error.condition))

            client.add_event_handler("register", make_account)
        client.connect("127.0.0.1", xmpp["c2s_port"])
        if refusal := await asyncio.wait_for(outcome, _LOG_IN_S):
            await client.disconnect()
            raise Refused(refusal)
        client.send_raw("<presence/>")
        return client

    def _keep(self, stanza: Any) -> Any:
        if stanza.xml.tag.startswith(CLIENT):
            self.received.append(stanza.xml)
        return stanza

    def _await(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)

    def _end_loop(self) -> None:
        async def cancel_the_rest() -> None:
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

        self._await(cancel_the_rest(), ALIVE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


def condition_of(stanza: ET.Element) -> str:
    """The condition of an error stanza; empty when it is none."""
    if stanza.get("type") != "error":
        return ""
    for each in stanza.iter():
        if each.tag.startswith(_STANZA_ERRORS) and not each.tag.endswith("}text"):
            return each.tag.removeprefix(_STANZA_ERRORS)
    return "undefined-condition"


def _raise_refusal(stanza: ET.Element) -> None:
    if condition := condition_of(stanza):
        raise Refused(condition)


def _bare(address: str | None) -> str:
    return (address or "").partition("/")[0]
