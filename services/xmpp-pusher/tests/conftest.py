"""What counts for every test of the suite."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from xmpp_pusher.xmpp import room, stream

# A machine that stands still for a moment is no fault of what is tested.
settings.register_profile(
    "patient",
    settings.default,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give answers longer than the service does; a test that is about that sets it."""
    for module in (room, stream):
        monkeypatch.setattr(module, "ANSWER_TIMEOUT_S", 120.0)
