"""The pusher dies between sending and acknowledging."""

from __future__ import annotations

from collections.abc import Callable

from ..running import Stack
from .conftest import Outcome
from .trial import Trial


def test_the_pusher_killed_under_load_repeats_and_loses_nothing(
    stack: Stack,
    make_trial: Callable[..., Trial],
    outcome: Outcome,
    conclude: Callable[..., None],
) -> None:
    trial = make_trial()

    with trial.writing(rate=50):
        for _ in range(3):
            pid = stack.kill_part("pusher")
            with outcome.recovery():
                stack.wait_for_another("pusher", pid)

    conclude(trial)
