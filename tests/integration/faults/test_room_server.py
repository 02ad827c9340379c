"""ejabberd goes away for a while, in order or all of a sudden."""

from __future__ import annotations

import time

import pytest

from ..waiting import until
from .effort import choose
from .experiment import Experiment
from .news import wait_for_news
from .pushers import (
    demand_no_detour,
    memory_mib,
    wait_until_beyond,
    wait_until_holding,
)

OUTAGE_S = choose(10, 120)
KILLS = choose(3, 20)
BURST = 1000
PREFETCH = 500
BACKLOG = choose(2000, 20_000)
GROWTH_MIB = 60


@pytest.mark.timeout(choose(300, 900))
def test_while_ejabberd_is_down_the_pusher_holds_its_prefetch_and_no_more(
    experiment: Experiment,
) -> None:
    stack, feed = experiment.stack, experiment.feed
    pusher = experiment.make_pusher()
    trial = experiment.make_trial(watched=False)
    trial.post()
    until(lambda: pusher.sequence(feed) == 1, "the first event")
    before = memory_mib(pusher.pid)

    stack.stop_part("ejabberd")
    try:
        trial.insert(BACKLOG)
        with trial.writing(rate=20):
            time.sleep(OUTAGE_S)
        wait_until_holding(pusher, feed, PREFETCH)
    finally:
        stack.start_part("ejabberd")
    with experiment.recovery():
        wait_for_news(lambda: pusher.sequence(feed))

    experiment.conclude(trial, 120)
    demand_no_detour(pusher)
    assert memory_mib(pusher.pid) < before + GROWTH_MIB


@pytest.mark.timeout(choose(300, 900))
def test_ejabberd_down_under_writes_and_up_again_is_live_again(
    experiment: Experiment,
) -> None:
    stack = experiment.stack
    trial = experiment.make_trial()
    page = trial.watched

    with trial.writing(rate=20):
        stack.stop_part("ejabberd")
        try:
            time.sleep(OUTAGE_S)
        finally:
            stack.start_part("ejabberd")
        with experiment.recovery():
            wait_for_news(lambda: page.position, 90)

    experiment.conclude(trial)
    page.wait_for_state("live")


@pytest.mark.timeout(choose(300, 1200))
def test_ejabberd_killed_under_load_loses_and_repeats_nothing(
    experiment: Experiment,
) -> None:
    stack, feed = experiment.stack, experiment.feed
    pusher = experiment.make_pusher()
    trial = experiment.make_trial(watched=choose(True, False))

    for kill in range(KILLS):
        trial.insert(BURST)
        # In the midst of the burst a batch is under way at any moment.
        wait_until_beyond(kill * BURST, pusher, feed)
        pid = stack.kill_part("ejabberd")
        with experiment.recovery():
            stack.wait_for_another("ejabberd", pid)
            wait_until_beyond((kill + 1) * BURST - 1, pusher, feed)

    experiment.conclude(trial)
