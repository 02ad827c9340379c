"""How much of a fault: a little in every test run, much in a soak."""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")


def choose(quick: T, soak: T) -> T:
    """Return `soak` when the environment says AVISO_FAULTS=soak, `quick` otherwise."""
    return soak if os.environ.get("AVISO_FAULTS") == "soak" else quick
