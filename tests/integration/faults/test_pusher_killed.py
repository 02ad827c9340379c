"""The pusher dies between sending and acknowledging."""

from __future__ import annotations

import pytest

from ..waiting import until, until_equal
from .effort import choose
from .experiment import Experiment
from .heads import archived_head, wait_until_beyond
from .parking import parked_causes
from .pushers import demand_no_detour
from .queues import count_unacked
from .tcp_wire import BATCH, Way

KILLS = choose(3, 50)
# The half of it several times what is under way at once.
BURST = 4000
# And one after it, for which the next pusher wakes whatever became of the burst.
ROUND = BURST + 1
CRASHES = choose(5, 25)
# What the relay keeps under way of a feed (contracts/topology.json: a batch's events).
UNDER_WAY = 4
BATCH_EVENTS = 250


@pytest.mark.timeout(choose(300, 1200))
def test_the_pusher_killed_under_load_repeats_and_loses_nothing(
    experiment: Experiment,
) -> None:
    stack, feed, tcp_wire = experiment.stack, experiment.feed, experiment.tcp_wire
    pusher = experiment.make_pusher(AVISO_XMPP_PORT=str(tcp_wire.port))
    trial = experiment.make_trial(watched=choose(True, False))

    for kill in range(KILLS):
        trial.insert(BURST // 2)
        wait_until_beyond(kill * ROUND + BURST // 2 - 1, stack, feed)
        # In turn: the room never has the batch, or only the answer does not come.
        tcp_wire.hold((Way.THERE, Way.BACK)[kill % 2], since=BATCH)
        trial.insert(BURST // 2)
        until(lambda: BATCH in tcp_wire.kept, "a batch without an answer")
        pusher.kill()
        tcp_wire.cut()
        tcp_wire.mend()
        pusher.start()
        with experiment.recovery():
            trial.insert(1)
            wait_until_beyond(kill * ROUND + BURST, stack, feed)
        demand_no_detour(pusher)

    experiment.conclude(trial)


@pytest.mark.timeout(choose(300, 900))
def test_crashes_with_all_that_may_be_under_way_park_nothing_that_was_good(
    experiment: Experiment,
) -> None:
    """Each crash counts against the broker's limit of deliveries."""
    stack, feed = experiment.stack, experiment.feed
    pusher = experiment.make_pusher()
    trial = experiment.make_trial()

    stack.stop_part("ejabberd")
    try:
        trial.insert(2 * UNDER_WAY * BATCH_EVENTS)
        for _ in range(CRASHES):
            until_equal(
                UNDER_WAY, lambda: count_unacked(stack), "all to be with it", 60
            )
            pusher.kill()
            pusher.start()
    finally:
        stack.start_part("ejabberd")
    with experiment.recovery():
        until(lambda: archived_head(stack, feed), "the first batch", 60)

    experiment.conclude(trial)
    assert parked_causes(stack, experiment.database, feed) == []
