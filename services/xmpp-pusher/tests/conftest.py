"""What counts for every test of the suite."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A machine that stands still for a moment is no fault of what is tested.
settings.register_profile(
    "patient",
    settings.default,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("patient")
