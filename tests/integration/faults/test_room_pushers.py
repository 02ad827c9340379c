"""Two pushers, of which one has the feed's queue; and an orderly end."""

from __future__ import annotations

import pytest

from .effort import choose
from .experiment import Experiment
from .heads import wait_until_beyond
from .parking import parked_causes
from .pushers import count_relayed, demand_no_detour, tell_apart, wait_until_shared

ROUNDS = choose(3, 30)
# Many times what is under way at once, so that the pusher is killed amid it.
BURST = 4_000
# And one after it: on a quick machine the burst is through before its pusher ends.
ROUND = BURST + 1
# For each piece on its way to the room or back, so that the burst lasts: some seconds,
# of which looking who has the queue takes one on a busy machine.
DELAY_S = 1.0
# Far more than may be under way at once.
MANY = 3000


@pytest.mark.timeout(choose(300, 900))
def test_the_feeds_pusher_killed_leaves_all_to_the_other(
    experiment: Experiment,
) -> None:
    stack, feed, tcp_wire = experiment.stack, experiment.feed, experiment.tcp_wire
    way = {"AVISO_XMPP_PORT": str(tcp_wire.port)}
    pushers = [experiment.make_pusher(**way), experiment.make_pusher(**way)]
    trial = experiment.make_trial(watched=choose(True, False))

    for number in range(ROUNDS):
        wait_until_shared(*pushers)
        start = number * ROUND
        tcp_wire.delay_s = DELAY_S
        before = count_relayed(pushers)
        trial.insert(BURST)
        wait_until_beyond(start, stack, feed)
        active, other = tell_apart(pushers, before)
        relayed = other.metric("aviso_pusher_relayed_total")
        active.kill()
        tcp_wire.delay_s = 0
        with experiment.recovery():
            trial.insert(1)
            wait_until_beyond(start + BURST, stack, feed)
        more = other.metric("aviso_pusher_relayed_total") - relayed
        assert more > 1, "killed too late"
        demand_no_detour(other)
        active.start()
        active.wait_ready()

    experiment.conclude(trial)
    assert parked_causes(experiment.stack, experiment.database, feed) == []


@pytest.mark.timeout(choose(300, 900))
def test_sigterm_under_load_ends_in_order_and_leaves_nothing_to_repeat(
    experiment: Experiment,
) -> None:
    stack, feed, tcp_wire = experiment.stack, experiment.feed, experiment.tcp_wire
    way = {"AVISO_XMPP_PORT": str(tcp_wire.port)}
    pushers = [experiment.make_pusher(**way), experiment.make_pusher(**way)]
    trial = experiment.make_trial(watched=False)

    for number in range(ROUNDS):
        wait_until_shared(*pushers)
        start = number * ROUND
        tcp_wire.delay_s = DELAY_S
        before = count_relayed(pushers)
        trial.insert(BURST)
        wait_until_beyond(start, stack, feed)
        active, other = tell_apart(pushers, before)
        relayed = other.metric("aviso_pusher_relayed_total")
        assert active.terminate() == 0
        tcp_wire.delay_s = 0
        with experiment.recovery():
            trial.insert(1)
            wait_until_beyond(start + BURST, stack, feed)
        more = other.metric("aviso_pusher_relayed_total") - relayed
        assert more > 1, "ended too late"
        # What had been archived had been acknowledged too: nothing came again.
        assert other.metric("aviso_pusher_copies_total") == 0
        active.start()
        active.wait_ready()

    experiment.conclude(trial)


@pytest.mark.timeout(choose(300, 900))
@pytest.mark.parametrize("signal", ["SIGTERM", "SIGKILL"])
def test_more_than_may_be_under_way_comes_to_the_other_in_order(
    experiment: Experiment, signal: str
) -> None:
    stack, feed = experiment.stack, experiment.feed
    pushers = [experiment.make_pusher(), experiment.make_pusher()]
    trial = experiment.make_trial(watched=False)

    for number in range(ROUNDS):
        wait_until_shared(*pushers)
        before = count_relayed(pushers)
        trial.insert(MANY)
        wait_until_beyond(number * MANY, stack, feed)
        active, other = tell_apart(pushers, before)
        if signal == "SIGTERM":
            assert active.terminate() == 0
        else:
            active.kill()
        with experiment.recovery():
            wait_until_beyond((number + 1) * MANY - 1, stack, feed)
        # What the one held came before what the other had not seen yet.
        demand_no_detour(other)
        if signal == "SIGTERM":
            assert other.metric("aviso_pusher_copies_total") == 0
        active.start()
        active.wait_ready()

    experiment.conclude(trial)
