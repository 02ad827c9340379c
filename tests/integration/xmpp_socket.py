"""XMPP over a bare WebSocket (RFC 7395): every message is one XML element.

For what no library would send, and from an address of one's choice. It blocks, with a
deadline for each wait.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import os
import socket
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from xml.sax.saxutils import quoteattr

FRAMING = "urn:ietf:params:xml:ns:xmpp-framing"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"
CLIENT = "{jabber:client}"
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10


class Closed(Exception):
    """The server ended the connection, or never took it."""


class WebSocket:
    """Frames over TCP (RFC 6455), from `source` to a port of one of our own servers."""

    def __init__(
        self,
        port: int,
        *,
        address: str = "127.0.0.1",
        source: str = "",
        path: str = "/xmpp-websocket",
        headers: str = "",
    ) -> None:
        """Open it. Raises Closed when the server answers anything but 101."""
        self.tcp = socket.create_connection(
            (address, port), 20, source_address=(source, 0)
        )
        self._pending = b""
        key = _base64(os.urandom(16))
        self.tcp.sendall(
            f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"Sec-WebSocket-Protocol: xmpp\r\n{headers}\r\n".encode()
        )
        head = self._read_until(b"\r\n\r\n", 20)
        if not head.startswith(b"HTTP/1.1 101 "):
            self.close()
            raise Closed(head.decode(errors="replace"))

    def send(self, text: str) -> None:
        """Send one message. Raises Closed when nobody takes it any more."""
        self.send_raw(frame(text.encode()))

    def send_raw(self, data: bytes) -> None:
        try:
            self.tcp.sendall(data)
        except OSError as error:
            raise Closed(str(error)) from error

    def receive(self, timeout_s: float = 20) -> str:
        """Return the next message. Raises Closed, or TimeoutError."""
        deadline = time.monotonic() + timeout_s
        message = b""
        while True:
            is_last, kind, payload = self._read_frame(deadline)
            if kind == _CLOSE:
                raise Closed("closed by the server")
            if kind == _PING:
                self.send_raw(frame(payload, _PONG))
            elif kind != _PONG:
                message += payload
                if is_last:
                    return message.decode()

    def is_closed_within(self, timeout_s: float) -> bool:
        """Read on, whatever comes, until the server closes or the time is over."""
        deadline = time.monotonic() + timeout_s
        try:
            while True:
                self.receive(deadline - time.monotonic())
        except Closed:
            return True
        except TimeoutError:
            return False

    def close(self) -> None:
        self.tcp.close()

    def _read_frame(self, deadline: float) -> tuple[bool, int, bytes]:
        first, length = self._read(2, deadline)
        if extra := {126: 2, 127: 8}.get(length):
            length = int.from_bytes(self._read(extra, deadline))
        return bool(first & 0x80), first & 0x0F, self._read(length, deadline)

    def _read(self, size: int, deadline: float) -> bytes:
        while len(self._pending) < size:
            self._pending += self._receive_some(deadline)
        data, self._pending = self._pending[:size], self._pending[size:]
        return data

    def _read_until(self, mark: bytes, timeout_s: float) -> bytes:
        deadline = time.monotonic() + timeout_s
        while mark not in self._pending:
            self._pending += self._receive_some(deadline)
        head, _, self._pending = self._pending.partition(mark)
        return head

    def _receive_some(self, deadline: float) -> bytes:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.tcp.settimeout(left)
        try:
            data = self.tcp.recv(65536)
        except TimeoutError:
            raise
        except OSError as error:
            raise Closed(str(error)) from error
        if not data:
            raise Closed("the connection ended")
        return data


class XmppSocket(WebSocket):
    """A stream to one of the server's hosts, and a session when logged in."""

    def __init__(
        self,
        port: int,
        host: str,
        *,
        address: str = "127.0.0.1",
        source: str = "",
        headers: str = "",
    ) -> None:
        super().__init__(port, address=address, source=source, headers=headers)
        self.host = host
        self.jid = ""
        self._numbers = itertools.count(1)
        self._offered: set[str | None] = set()

    def open_stream(self) -> ET.Element:
        """Open the stream (again, after a login); return its features.

        Raises Closed, with the server's condition, when it refuses.
        """
        self.send(f"<open xmlns='{FRAMING}' to={quoteattr(self.host)} version='1.0'/>")
        features = self.wait_for(
            lambda each: each.tag.endswith(("}features", "}error"))
        )
        if features.tag.endswith("}error"):
            raise Closed(features[0].tag.rpartition("}")[2])
        self._offered = {each.text for each in features.iter(f"{{{SASL}}}mechanism")}
        return features

    def log_in(self, name: str = "", password: str = "") -> None:
        """Log in as an account, with a ticket as the password, or without a name.

        Raises Closed, with the server's condition, when it refuses.
        """
        self.open_stream()
        self.authenticate(name, password)
        self.open_stream()
        answer = self.ask("set", "", f"<bind xmlns='{BIND}'/>")
        self.jid = answer.findtext(f".//{{{BIND}}}jid") or ""
        self.send("<presence xmlns='jabber:client'/>")

    def authenticate(self, name: str = "", password: str = "") -> None:
        """Say who it is, in the one way that each host offers.

        Nothing as a guest, proof of an account's password, or the ticket as it is.
        """
        if not name:
            outcome = self._say_sasl("auth mechanism='ANONYMOUS'", "=")
        elif "SCRAM-SHA-256" in self._offered:
            outcome = self._prove(name, password)
        else:
            secret = _base64(f"\0{name}\0{password}".encode())
            outcome = self._say_sasl("auth mechanism='PLAIN'", secret)
        if not outcome.tag.endswith("}success"):
            raise Closed(outcome[0].tag.rpartition("}")[2])

    def register(self, name: str, password: str) -> ET.Element:
        """Ask for an account, in a stream of its own (XEP-0077); return the answer."""
        self.open_stream()
        return self.ask(
            "set",
            self.host,
            f"<query xmlns='jabber:iq:register'><username>{name}</username>"
            f"<password>{password}</password></query>",
        )

    def _prove(self, name: str, password: str) -> ET.Element:
        """SCRAM-SHA-256 (RFC 5802, section 3), without a look at the server's proof."""
        first = f"n={name},r={os.urandom(16).hex()}"
        answer = self._say_sasl(
            "auth mechanism='SCRAM-SHA-256'", _base64(f"n,,{first}".encode())
        )
        if not answer.tag.endswith("}challenge"):
            return answer
        challenge = base64.b64decode(answer.text or "").decode()
        given = dict(each.split("=", 1) for each in challenge.split(","))
        last = f"c={_base64(b'n,,')},r={given['r']}"
        salted = hashlib.pbkdf2_hmac(
            "sha256", password.encode(), base64.b64decode(given["s"]), int(given["i"])
        )
        key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(
            hashlib.sha256(key).digest(),
            f"{first},{challenge},{last}".encode(),
            "sha256",
        )
        proof = bytes(one ^ other for one, other in zip(key, signature, strict=True))
        return self._say_sasl(
            "response", _base64(f"{last},p={_base64(proof)}".encode())
        )

    def _say_sasl(self, element: str, text: str) -> ET.Element:
        tag = element.partition(" ")[0]
        self.send(f"<{element} xmlns='{SASL}'>{text}</{tag}>")
        return self.wait_for(lambda each: each.tag.startswith(f"{{{SASL}}}"))

    def ask(
        self, kind: str, to: str, payload: str, timeout_s: float = 20
    ) -> ET.Element:
        """Send an <iq/>, return its answer, be it an error."""
        number = f"ask-{next(self._numbers)}"
        address = f" to={quoteattr(to)}" if to else ""
        self.send(
            f"<iq xmlns='jabber:client' type='{kind}' id='{number}'{address}>"
            f"{payload}</iq>"
        )
        return self.wait_for(lambda each: each.get("id") == number, timeout_s)

    def join(self, room: str, nick: str) -> ET.Element:
        """Ask to enter; return the room's answer: our own presence, or an error."""
        self.send(
            f"<presence xmlns='jabber:client' to={quoteattr(f'{room}/{nick}')}>"
            "<x xmlns='http://jabber.org/protocol/muc'/></presence>"
        )

        def is_answer(each: ET.Element) -> bool:
            return each.tag == f"{CLIENT}presence" and (
                (each.get("from") or "").partition("/")[0] == room
            )

        return self.wait_for(is_answer)

    def wait_for(
        self, is_it: Callable[[ET.Element], bool], timeout_s: float = 20
    ) -> ET.Element:
        """Return the first element that is it; what comes before is lost."""
        deadline = time.monotonic() + timeout_s
        while True:
            element = ET.fromstring(self.receive(deadline - time.monotonic()))  # noqa: S314
            if is_it(element):
                return element


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def frame(payload: bytes, kind: int = _TEXT, *, is_last: bool = True) -> bytes:
    """One frame of a client, masked with zeros: what it carries stays readable."""
    size = len(payload)
    first = kind | (0x80 if is_last else 0)
    if size < 126:
        head = bytes([first, 0x80 | size])
    elif size < 1 << 16:
        head = bytes([first, 0x80 | 126]) + size.to_bytes(2)
    else:
        head = bytes([first, 0x80 | 127]) + size.to_bytes(8)
    return head + bytes(4) + payload
