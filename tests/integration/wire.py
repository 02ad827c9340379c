"""The wire between browser and server: an HTTP proxy that can be cut.

As in real offices, it may also refuse WebSocket: a browser opens one through a
proxy by CONNECT, while plain requests go by their full URL. Or long polling. And it
can eat, change and add single messages of the server in a WebSocket that goes on, be
slow, be far away, and end whatever lasts long.
"""

from __future__ import annotations

import http.client
import math
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from .frames import Edit, Messages

_CHUNK_BYTES = 65536
_SLICE_BYTES = 8192  # a slow line brings a little at a time

_HOP_BY_HOP = {"connection", "proxy-connection", "keep-alive", "transfer-encoding"}


class Wire:
    """A proxy on loopback. `url` is what the browser is told.

    `edit`, when it is set, is asked about every message of the server that comes by a
    WebSocket opened since; it answers on a thread of the proxy.
    `websockets` are open now, `most_websockets` were at once, `all_websockets` in all.
    `bytes_per_s`, when it is set, is what all connections together carry to it.
    `delay_s` is how long each way is, of what begins since it was set.
    `longest_s`, when it is set, is how long an answer or a WebSocket that begins since
    may last; `ended` counts those that it ended.
    """

    def __init__(
        self, *, passes_websocket: bool = True, passes_bosh: bool = True
    ) -> None:
        self.passes_websocket = passes_websocket
        self.passes_bosh = passes_bosh
        self.edit: Edit | None = None
        self.bytes_per_s: float | None = None
        self.delay_s = 0.0
        self.longest_s: float | None = None
        self.ended = 0
        self.websockets = self.most_websockets = self.all_websockets = 0
        self._free_at = 0.0
        self._is_cut = False
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def is_cut(self) -> bool:
        return self._is_cut

    def cut(self) -> None:
        """End every connection, and let none through until `mend`."""
        with self._lock:
            self._is_cut = True
            for each in self._open:
                _shut(each)

    def mend(self) -> None:
        self._is_cut = False

    def carry(self, data: bytes, browser: Any) -> None:
        """Bring the server's bytes to the browser, as fast as the line is."""
        if self.bytes_per_s is None:
            browser.sendall(data)
            return
        for start in range(0, len(data), _SLICE_BYTES):
            piece = data[start : start + _SLICE_BYTES]
            with self._lock:
                began = max(time.monotonic(), self._free_at)
                self._free_at = began + len(piece) / self.bytes_per_s
            time.sleep(max(0.0, self._free_at - time.monotonic()))
            browser.sendall(piece)

    def close(self) -> None:
        self.cut()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def hold(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)
            if self._is_cut:
                _shut(connection)

    def release(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)

    @property
    def deadline(self) -> float:
        """When what begins now is ended, by the monotonic clock."""
        return time.monotonic() + (self.longest_s or math.inf)

    def note_end(self) -> None:
        with self._lock:
            self.ended += 1

    @contextmanager
    def websocket(self) -> Iterator[None]:
        """Count one that is open as long as the block runs."""
        with self._lock:
            self.all_websockets += 1
            self.websockets += 1
            self.most_websockets = max(self.most_websockets, self.websockets)
        try:
            yield
        finally:
            with self._lock:
                self.websockets -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], wire: Wire) -> None:
        super().__init__(address, _Handler)
        self.wire = wire

    def verify_request(self, request: Any, client_address: Any) -> bool:
        return not self.wire.is_cut

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that was cut is what this is for."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.wire.hold(self.connection)

    def finish(self) -> None:
        self.server.wire.release(self.connection)
        with suppress(OSError):
            super().finish()

    def do_CONNECT(self) -> None:
        if not self.server.wire.passes_websocket:
            self.send_error(403, "This proxy lets no WebSocket through")
            return
        host, _, port = self.path.rpartition(":")
        time.sleep(4 * self.server.wire.delay_s)  # the connection, and this question
        with socket.create_connection((host, int(port)), timeout=10) as upstream:
            self.send_response(200, "Connected")
            self.end_headers()
            self.server.wire.hold(upstream)
            try:
                with self.server.wire.websocket():
                    _join(self.connection, upstream, self.server.wire)
            finally:
                self.server.wire.release(upstream)

    def _forward(self) -> None:
        wire, url = self.server.wire, urlsplit(self.path)
        if url.path == "/http-bind" and not wire.passes_bosh:
            self.send_error(403, "This proxy lets no long polling through")
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        deadline = wire.deadline
        upstream = http.client.HTTPConnection(url.netloc, timeout=wire.longest_s or 90)
        time.sleep(wire.delay_s)
        try:
            target = url.path + (f"?{url.query}" if url.query else "")
            kept = {
                k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP
            }
            upstream.request(self.command, target, body, kept)
            answer = upstream.getresponse()
            time.sleep(wire.delay_s)
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            self.end_headers()
            while chunk := answer.read1(_CHUNK_BYTES):
                if time.monotonic() > deadline:
                    raise TimeoutError
                wire.carry(chunk, self.connection)
        except TimeoutError:
            wire.note_end()
            raise
        finally:
            upstream.close()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _forward

    def log_message(self, format: str, *args: Any) -> None:  # its name
        pass


def _join(browser: socket.socket, server: socket.socket, wire: Wire) -> None:
    """Carry bytes both ways until either side ends, or it has lasted long enough."""
    messages = Messages(wire.edit) if wire.edit else None
    delay_s, deadline = wire.delay_s, wire.deadline
    under_way: deque[tuple[float, Any, bytes]] = deque()
    with selectors.DefaultSelector() as ready:
        for each in (browser, server):
            ready.register(each, selectors.EVENT_READ)
        while True:
            due = under_way[0][0] if under_way else math.inf
            wait_s = min(due, deadline) - time.monotonic()
            for key, _ in ready.select(None if wait_s == math.inf else max(0, wait_s)):
                source: Any = key.fileobj
                data = source.recv(_CHUNK_BYTES)
                under_way.append((time.monotonic() + delay_s, source, data))
                if not data:
                    ready.unregister(source)
            while under_way and under_way[0][0] <= time.monotonic():
                _, source, data = under_way.popleft()
                if not data:
                    return
                if source is browser:
                    server.sendall(data)
                else:
                    wire.carry(messages.take(data) if messages else data, browser)
            if time.monotonic() > deadline:
                wire.note_end()
                return


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
