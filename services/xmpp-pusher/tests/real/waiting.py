"""Waiting with a deadline for what another process does."""

from __future__ import annotations

import time
from collections.abc import Callable

# No time that anything should take: long enough for a busy machine.
ALIVE_S = 60.0
# Of a server, which is noticed at once if it ends.
START_S = 240.0


def wait_for(ready: Callable[[], bool], what: str, timeout_s: float = ALIVE_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {timeout_s} s")
        time.sleep(0.05)
