"""Every part is restarted, one after the other, while records are written and read."""

from __future__ import annotations

import pytest

from ..running import PARTS
from .effort import choose
from .experiment import Experiment
from .news import reach


@pytest.mark.timeout(3600)
def test_a_rolling_restart_of_every_part(experiment: Experiment) -> None:
    stack = experiment.stack
    trial = experiment.make_trial()
    page = trial.watched

    with trial.writing(rate=20):
        for part in PARTS * choose(1, 10):
            stack.stop_part(part)
            with experiment.recovery():
                stack.start_part(part)
                reach(page, len(trial.acknowledged) + 1, 120)

    page.wait_for_state("live", 60)
    experiment.conclude(trial)
