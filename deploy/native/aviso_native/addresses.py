"""Free loopback ports, and waiting until something listens on one."""

from __future__ import annotations

import socket
import time

LOOPBACK = "127.0.0.1"


def find_free_ports(count: int) -> list[int]:
    """Return `count` different TCP ports that nothing listens on now.

    All sockets are held open until the last one is bound, so that no port is
    given twice. Another program may still take one before it is used: whoever
    listens there has to check that it is alive itself.
    """
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do: a connection in TIME_WAIT does not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def wait_until_free(port: int, timeout_s: float) -> bool:
    """Wait until `port` can be bound; return whether it can."""
    deadline = time.monotonic() + timeout_s
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
