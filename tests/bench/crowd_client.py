"""Very many subscribers of one room in one process: bare WebSockets and one epoll.

Run by crowd.py as a program of its own. It does as little as can be: of a frame it
looks at the stanza's id, which names the batch, and passes over the rest unread. Only
the first subscriber reads what is in a batch. Every record's data has `t`, the
`time.monotonic()` before it was sent, which all processes of a machine share.

On stdin a word a line, `stat` or `mark` (forget what was seen); on stdout JSON a line.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import select
import socket
import sys
import time
import xml.etree.ElementTree as ET
from collections import Counter

from ..integration.batches import read_payload
from ..integration.xmpp_socket import BIND, FRAMING, SASL, frame

_CHUNK_BYTES = 262_144
# So much of a stanza holds its id, and the mark of what is archived.
_HEAD_BYTES = 600
_ARCHIVED = b"<archived"
_BATCH = re.compile(rb"""\bid=["'][^"':]*:[^"':]*:(\d+)-(\d+)["']""")
_ID = re.compile(rb"""\bid=["']([^"']*)["']""")
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10


class Subscriber:
    """One connection: how far it has come, and what of its bytes is still to come."""

    def __init__(self, crowd: Crowd, number: int) -> None:
        self.crowd, self.number = crowd, number
        self.position: int | None = None
        self.is_in = False
        self.socket = socket.socket()
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect(("127.0.0.1", crowd.options.port))
        self.socket.setblocking(False)
        self._stage = 0
        self._pending, self._skip = b"", 0
        port = crowd.options.port
        self.socket.sendall(
            f"GET /xmpp-websocket HTTP/1.1\r\nHost: localhost:{port}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
            f"dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://localhost:{port}\r\n"
            "Sec-WebSocket-Protocol: xmpp\r\n\r\n".encode()
        )

    def receive(self) -> bool:
        """Take what has come; tell whether the connection lives."""
        try:
            data = self.socket.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not data:
            return False
        if self._skip:
            if self._skip >= len(data):
                self._skip -= len(data)
                return True
            data, self._skip = data[self._skip :], 0
        if self._pending:
            data, self._pending = self._pending + data, b""
        if self._stage == 0:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._pending = head
                return True
            if b" 101 " not in head[:20]:
                return False
            self._stage = 1
            self._open()
        return self._read_frames(data)

    def _read_frames(self, data: bytes) -> bool:
        offset, size = 0, len(data)
        while size - offset >= 2:
            length, start = data[offset + 1] & 127, offset + 2
            if length >= 126:
                start += 2 if length == 126 else 8
                if size < start:
                    break
                length = int.from_bytes(data[offset + 2 : start])
            is_passed_over = self.is_in and self.number > 0
            needed = min(length, _HEAD_BYTES) if is_passed_over else length
            if size - start < needed:
                break
            kind = data[offset] & 15
            if kind == _CLOSE:
                return False
            if kind == _PING:
                self._send(frame(data[start : start + length], _PONG))
            elif kind == _TEXT:
                self._take(data[start : start + needed])
            if size - start < length:
                self._skip = length - (size - start)
                return True
            offset = start + length
        self._pending = data[offset:]
        return True

    def _take(self, text: bytes) -> None:
        if not self.is_in:
            self._log_in(text)
        elif text.startswith(b"<message"):
            batch = _BATCH.search(text) if _ARCHIVED in text[:_HEAD_BYTES] else None
            if batch is None:
                return
            first, last = int(batch[1]), int(batch[2])
            if last >= first:
                self.crowd.note(self, first, last, text)
        elif text.startswith(b"<iq") and b"urn:xmpp:ping" in text:
            number = _ID.search(text)
            name = number[1].decode() if number else ""
            self._say(f"<iq xmlns='jabber:client' type='result' id='{name}'/>")

    def _log_in(self, text: bytes) -> None:
        if self._stage == 1 and b"mechanisms" in text:
            self._stage = 2
            self._say(f"<auth xmlns='{SASL}' mechanism='ANONYMOUS'>=</auth>")
        elif self._stage == 2 and b"<success" in text:
            self._stage = 3
            self._open()
        elif self._stage == 3 and b"xmpp-bind" in text:
            self._stage = 4
            self._say(
                "<iq xmlns='jabber:client' type='set' id='bind'>"
                f"<bind xmlns='{BIND}'/></iq>"
            )
        elif self._stage == 4 and text.startswith(b"<iq"):
            self._stage = 5
            room = self.crowd.options.room
            nick = f"crowd-{os.getpid()}-{self.number}"
            self._say(
                f"<presence xmlns='jabber:client' to='{room}/{nick}'>"
                "<x xmlns='http://jabber.org/protocol/muc'>"
                "<history maxstanzas='0'/></x></presence>"
            )
        elif self._stage == 5 and text.startswith(b"<presence") and b"110" in text:
            self.is_in = True
            self.crowd.note_in()

    def _open(self) -> None:
        host = self.crowd.options.host
        self._say(f"<open xmlns='{FRAMING}' to='{host}' version='1.0'/>")

    def _say(self, text: str) -> None:
        self._send(frame(text.encode()))

    def _send(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except OSError:
            return


class Crowd:
    """All of them, and when each batch came to each."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.entered = self.closed = self.gaps = 0
        self._subscribers: list[Subscriber] = []
        self._epoll = select.epoll()
        self._by_file: dict[int, Subscriber] = {}
        self._sent: dict[int, Counter[float]] = {}
        self._arrived: dict[int, list[float]] = {}
        self._started = time.monotonic()

    def run(self) -> None:
        """Let everybody in, tell so, then answer until stdin ends."""
        self._epoll.register(sys.stdin.fileno(), select.EPOLLIN)
        is_told = False
        while True:
            self._fill()
            is_full = self.entered + self.closed >= self.options.count
            if is_full and not is_told:
                is_told = True
                passed = time.monotonic() - self._started
                self._tell(entered=self.entered, seconds=passed)
            for file, _ in self._epoll.poll(1.0):
                if file == sys.stdin.fileno():
                    word = sys.stdin.readline().strip()
                    if not word:
                        return
                    self._answer(word)
                elif not self._by_file[file].receive():
                    self._lose(file)

    def note_in(self) -> None:
        self.entered += 1

    def note(self, who: Subscriber, first: int, last: int, text: bytes) -> None:
        if who.position is not None and first != who.position + 1:
            self.gaps += 1
        who.position = last
        self._arrived.setdefault(last, []).append(time.monotonic())
        if who.number == 0:
            events = read_payload(ET.fromstring(text))  # noqa: S314 # our own server
            self._sent[last] = Counter(each["data"]["data"]["t"] for each in events)

    def _fill(self) -> None:
        """Keep so many on their way in."""
        options = self.options
        while len(self._subscribers) < options.count:
            under_way = len(self._subscribers) - self.entered - self.closed
            if under_way >= options.at_once:
                return
            subscriber = Subscriber(self, len(self._subscribers))
            self._subscribers.append(subscriber)
            file = subscriber.socket.fileno()
            self._by_file[file] = subscriber
            self._epoll.register(file, select.EPOLLIN)

    def _lose(self, file: int) -> None:
        self.closed += 1
        self._epoll.unregister(file)
        self._by_file.pop(file).socket.close()

    def _answer(self, word: str) -> None:
        if word == "mark":
            self._sent.clear()
            self._arrived.clear()
            self.gaps = 0
            self._tell(marked=True)
            return
        positions = [each.position or 0 for each in self._subscribers]
        used = resource.getrusage(resource.RUSAGE_SELF)
        self._tell(
            lowest=min(positions),
            closed=self.closed,
            gaps=self.gaps,
            cpu_s=used.ru_utime + used.ru_stime,
            stanzas=sum(map(len, self._arrived.values())),
            **self._waits(),
        )

    def _waits(self) -> dict[str, float]:
        """Of every record to every subscriber, in milliseconds.

        `begun` and `ended` are the medians of the first and of the last third.
        """
        thirds: list[Counter[int]] = [Counter(), Counter(), Counter()]
        for number, last in enumerate(sorted(self._sent)):
            waits = thirds[3 * number // len(self._sent)]
            for at, times in self._sent[last].items():
                for arrived in self._arrived[last]:
                    waits[int(1000 * (arrived - at))] += times
        waits = thirds[0] + thirds[1] + thirds[2]
        return {
            "deliveries": waits.total(),
            "p50": _quantile(waits, 0.5),
            "p99": _quantile(waits, 0.99),
            "begun": _quantile(thirds[0], 0.5),
            "ended": _quantile(thirds[2], 0.5),
        }

    def _tell(self, **facts: object) -> None:
        print(json.dumps(facts), flush=True)


def _quantile(counted: Counter[int], share: float) -> float:
    """The value that this share of them reaches; 0 of none."""
    passed, wanted = 0, share * counted.total()
    for value in sorted(counted):
        passed += counted[value]
        if passed > wanted:
            return value
    return 0.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--room", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--at-once", type=int, default=32)
    Crowd(parser.parse_args()).run()


if __name__ == "__main__":
    main()
