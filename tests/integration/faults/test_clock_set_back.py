"""The clock of ejabberd's machine is an hour behind after a restart.

mod_mam takes the ids of the archive, and with them its order, from the clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aviso_native import ejabberd
from aviso_native.process import Command, Part

from ..running import Stack
from .effort import choose
from .experiment import Experiment
from .news import reach

TIMES = choose(1, 5)


@pytest.mark.timeout(choose(300, 900))
def test_a_clock_set_back_changes_no_order(experiment: Experiment) -> None:
    pusher = experiment.make_pusher()
    trial = experiment.make_trial()
    page = trial.watched

    for _ in range(TIMES):
        with trial.writing(rate=20):
            reach(page, len(trial.acknowledged) + 20)
            with clock_set_back(experiment.stack):
                with experiment.recovery():
                    reach(page, len(trial.acknowledged) + 20, 90)
                # All that another one knows of the room is its archive.
                pusher.kill()
                pusher.start()
                reach(page, len(trial.acknowledged) + 20, 90)
            reach(page, len(trial.acknowledged) + 20, 90)

    page.wait_for_state("live", 60)
    experiment.conclude(trial)


@contextmanager
def clock_set_back(stack: Stack) -> Iterator[None]:
    """Restart ejabberd with another clock, and at the end with the right one."""
    settings = stack.settings
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    like = ejabberd.make_part(settings).command()
    clock = {
        "LD_PRELOAD": str(library),
        "FAKETIME": "-1h",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    part = Part(
        name="ejabberd",
        command=lambda: Command(like.argv, {**like.env, **clock}, like.cwd),
        is_ready=ejabberd.make_part(settings).is_ready,
        log=settings.log("ejabberd"),
    )
    stack.stop_part("ejabberd")
    try:
        part.start()
        part.wait_ready()
        yield
    finally:
        part.stop()
        stack.start_part("ejabberd")
