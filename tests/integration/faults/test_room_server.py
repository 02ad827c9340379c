"""ejabberd goes away for a while, in order or all of a sudden."""

from __future__ import annotations

import time

import pytest

from ..waiting import until
from .effort import choose
from .experiment import Experiment
from .heads import archived_head, wait_until_beyond
from .news import reach, wait_for_news
from .pushers import demand_no_detour, memory_mib
from .queues import count_messages

OUTAGE_S = choose(5, 120)
KILLS = choose(3, 20)
# Several times what is under way at once.
BURST = 4000
# What the relay keeps under way of a feed.
UNDER_WAY = 4
BACKLOG = choose(2000, 20_000)
GROWTH_MIB = 60


@pytest.mark.timeout(choose(300, 900))
def test_while_ejabberd_is_down_little_is_under_way_and_the_rest_waits(
    experiment: Experiment,
) -> None:
    stack, feed = experiment.stack, experiment.feed
    pusher = experiment.make_pusher()
    trial = experiment.make_trial(watched=False)
    trial.post()
    until(lambda: archived_head(stack, feed) == 1, "the first event")
    before = memory_mib(pusher.pid)

    stack.stop_part("ejabberd")
    try:
        trial.insert(BACKLOG)
        with trial.writing(rate=20):
            until(lambda: count_messages(stack), "the first to be sent", 60)
            time.sleep(OUTAGE_S)
        assert count_messages(stack) <= UNDER_WAY
    finally:
        stack.start_part("ejabberd")
    with experiment.recovery():
        wait_until_beyond(len(trial.acknowledged) - 1, stack, feed)

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
    experiment.make_pusher()
    trial = experiment.make_trial(watched=choose(True, False))

    for kill in range(KILLS):
        trial.insert(BURST)
        # In the midst of the burst a batch is under way at any moment.
        wait_until_beyond(kill * BURST, stack, feed)
        pid = stack.kill_part("ejabberd")
        with experiment.recovery():
            stack.wait_for_another("ejabberd", pid)
            wait_until_beyond((kill + 1) * BURST - 1, stack, feed)
        # A page that missed more than 10,000 shows the newest, and says so.
        if trial.page is not None:
            reach(trial.page, (kill + 1) * BURST)

    experiment.conclude(trial)
