"""What is read ends when whoever asked for it has gone away.

While a statement runs its thread waits for the database, a tenth of a second at a time;
in between it looks at its caller's socket. Writes are left alone: a writer that is gone
is not one that takes back what it sent.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg


class _Caller(threading.local):
    """Of the request that this thread answers."""

    peer: socket.socket | None = None
    has_gone = False


_caller = _Caller()


@contextmanager
def reading_for(peer: socket.socket | None) -> Iterator[None]:
    """Let the statements of the block end when the peer has; None is no peer."""
    _caller.peer, _caller.has_gone = peer, False
    try:
        yield
    finally:
        _caller.peer = None


def has_caller_gone() -> bool:
    """Return whether a statement was ended for that, in this thread's last block."""
    return _caller.has_gone


class CallerAwareConnection(psycopg.Connection[Any]):
    """A connection whose statements end, as canceled, when the caller has gone."""

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        if _caller.peer is not None:
            gen = self._watch(gen, _caller.peer)
        return super().wait(gen, *args, **kwargs)

    def _watch(self, gen: Any, peer: socket.socket) -> Generator[Any, Any, Any]:
        """Pass on what is waited for; while nothing comes, look at the caller."""
        try:
            ready = yield next(gen)
            while True:
                if not ready and not _caller.has_gone and _is_closed(peer):
                    _caller.has_gone = True
                    # What can not be canceled ends by its time.
                    with suppress(psycopg.Error):
                        self.cancel_safe(timeout=5)
                ready = yield gen.send(ready)
        except StopIteration as end:
            return end.value


# Where the system does not tell of a half-closed connection, a closed one has to do.
_CLOSED = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR


def _is_closed(peer: socket.socket) -> bool:
    poll = select.poll()
    poll.register(peer.fileno(), _CLOSED)
    return bool(poll.poll(0))
