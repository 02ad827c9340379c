"""Free ports of loopback, and waiting for what listens on them."""

from __future__ import annotations

import itertools
import os
import socket
import time
from collections.abc import Callable

# Below those that Linux gives to outgoing connections, which could take one meanwhile.
_PORTS = range(10_000, 32_768)
# Tests in other processes look elsewhere.
_steps = itertools.count(1_000 * os.getpid())


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on now, another at each call."""
    for _ in _PORTS:
        port = _PORTS[next(_steps) % len(_PORTS)]
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise OSError(f"no free port in {_PORTS}")


def wait_for(ready: Callable[[], bool], what: str, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {timeout_s} s")
        time.sleep(0.05)


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
