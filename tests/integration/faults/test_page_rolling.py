"""Every part is restarted, one after the other, while records are written and read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ..running import PARTS, Stack
from .conftest import Outcome
from .effort import choose
from .news import reach
from .trial import Trial


@pytest.mark.timeout(3600)
def test_a_rolling_restart_of_every_part(
    stack: Stack,
    make_trial: Callable[..., Trial],
    outcome: Outcome,
    conclude: Callable[..., None],
) -> None:
    trial = make_trial()
    page = trial.watched

    with trial.writing(rate=20):
        for part in PARTS * choose(1, 10):
            stack.stop_part(part)
            with outcome.recovery():
                stack.start_part(part)
                reach(page, len(trial.acknowledged) + 1, 120)

    page.wait_for_state("live", 60)
    conclude(trial)
