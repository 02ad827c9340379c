"""Free loopback ports, and waiting until something listens on one."""

from __future__ import annotations

import itertools
import os
import socket
import time

LOOPBACK = "127.0.0.1"

# Linux takes those of outgoing connections from 32768 on: they could take a port before
# it is used.
_PORTS = range(10_000, 32_768)
# More than a stack or a test run needs, for each process.
_steps = itertools.count(1_000 * os.getpid())


def find_free_ports(count: int) -> list[int]:
    """Return `count` different TCP ports that nothing listens on now.

    Another program may still take one before it is used: whoever listens there has to
    check that it is alive itself. Each process looks at ports of its own first, so that
    two that look at the same time find different ones. Raises OSError if none is free.
    """
    candidates = (_PORTS[next(_steps) % len(_PORTS)] for _ in _PORTS)
    ports = list(itertools.islice(filter(is_free, candidates), count))
    if len(ports) < count:
        raise OSError(f"no {count} free ports in {_PORTS}")
    return ports


def find_free_port() -> int:
    return find_free_ports(1)[0]


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
