"""The wire between a service and a server: a TCP proxy that breaks on demand.

It knows nothing of what it carries.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress
from enum import Enum, auto

_CHUNK_BYTES = 65536
# With this, close() sends RST: what an unplugged or restarted host answers.
_RESET = struct.pack("ii", 1, 0)

# What every batch has in it, and nothing else that goes to a room or comes from it.
BATCH = b"<events xmlns="


class Way(Enum):
    """Seen from the client, who is near."""

    THERE = auto()
    BACK = auto()


class TcpWire:
    """A proxy on loopback to a port on loopback; `port` is what the client is told.

    `delay_s` is how long each chunk takes on its way; it may be set at any time.
    """

    def __init__(self, target: int) -> None:
        self.delay_s = 0.0
        self.carried = 0
        self._target = target
        self._is_cut = False
        self._lock = threading.Lock()
        self._links: set[_Link] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Reset every connection, and let none through until `mend`."""
        with self._lock:
            self._is_cut = True
            links, self._links = self._links, set()
        for link in links:
            link.reset()

    def mend(self) -> None:
        self._is_cut = False

    def drop(self) -> None:
        """Carry no byte of today's connections any more, and tell neither end.

        So dies a connection whose way has forgotten it; a new one works.
        """
        with self._lock:
            for link in self._links:
                link.is_dead = True

    def hold(self, way: Way, since: bytes = b"") -> None:
        """Keep what today's connections carry one way, and tell neither end.

        From the next piece on that has `since` in it: an answer or a question that is
        on its way before it still arrives.
        """
        with self._lock:
            for link in self._links:
                link.since = since
                link.held = way

    @property
    def kept(self) -> bytes:
        """What is being held, of all connections."""
        with self._lock:
            return b"".join(link.kept for link in self._links)

    def release(self) -> None:
        """Let what is held arrive, though whoever sent it may be gone by now."""
        with self._lock:
            links = list(self._links)
        for link in links:
            link.release()

    def close(self) -> None:
        self.cut()
        # shutdown wakes accept(), which close alone does not.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._is_cut:
                _reset(near)
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self._target), 5)
            except OSError:
                _reset(near)
                continue
            far.settimeout(None)
            link = _Link(self, near, far)
            with self._lock:
                self._links.add(link)
                was_cut = self._is_cut
            if was_cut:
                link.reset()
            else:
                link.start()

    def forget(self, link: _Link) -> None:
        with self._lock:
            self._links.discard(link)


class _Link:
    def __init__(self, wire: TcpWire, near: socket.socket, far: socket.socket) -> None:
        self.is_dead = False
        self.held: Way | None = None
        self.since = b""
        self.kept = b""
        self._wire = wire
        self._ends = (near, far)
        # Of what comes while it is released nothing may be lost, or overtake it.
        self._lock = threading.Lock()

    def start(self) -> None:
        near, far = self._ends
        for ways in ((Way.THERE, near, far), (Way.BACK, far, near)):
            threading.Thread(target=self._carry, args=ways, daemon=True).start()

    def reset(self) -> None:
        for each in self._ends:
            _reset(each)

    def release(self) -> None:
        with self._lock:
            way, self.held = self.held, None
            target = self._ends[way is Way.THERE]
            with suppress(OSError):
                target.sendall(self.kept)
            self.kept = b""

    def _keep(self, way: Way, chunk: bytes) -> bool:
        with self._lock:
            is_held = self.held is way and bool(self.kept or self.since in chunk)
            if is_held:
                self.kept += chunk
            return is_held

    def _carry(self, way: Way, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(_CHUNK_BYTES):
                if self.is_dead:
                    continue
                if self._keep(way, chunk):
                    continue
                if self._wire.delay_s:
                    time.sleep(self._wire.delay_s)
                target.sendall(chunk)
                self._wire.carried += len(chunk)
        # The other end of what is held goes on believing in the connection.
        if not self.is_dead and self.held is None:
            self._wire.forget(self)
            self.reset()


def _reset(end: socket.socket) -> None:
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        end.shutdown(socket.SHUT_RDWR)
    end.close()
