"""The way between pusher and ejabberd: cut, slow, or dead without a word."""

from __future__ import annotations

import time

import pytest

from ..waiting import until
from .effort import choose
from .experiment import Experiment
from .heads import archived_head, wait_until_beyond
from .news import wait_for_news
from .pushers import Pusher, list_speakers
from .tcp_wire import BATCH, Way

CUTS = choose(3, 20)
CUT_S = choose(1.0, 5.0)
BURST = 1000
RATE = choose(50, 200)
DEATHS = choose(1, 10)


@pytest.fixture
def pusher(experiment: Experiment) -> Pusher:
    """A pusher that reaches ejabberd by the wire."""
    return experiment.make_pusher(AVISO_XMPP_PORT=str(experiment.tcp_wire.port))


@pytest.mark.timeout(choose(300, 900))
def test_the_connection_cut_under_load_loses_and_repeats_nothing(
    experiment: Experiment, pusher: Pusher
) -> None:
    stack, feed, tcp_wire = experiment.stack, experiment.feed, experiment.tcp_wire
    trial = experiment.make_trial(watched=choose(True, False))
    trial.insert(1)
    wait_until_beyond(0, stack, feed)

    for cut in range(CUTS):
        # What is on its way when it is cut never arrives, though it was sent.
        tcp_wire.hold(Way.THERE)
        trial.insert(BURST)
        until(lambda: BATCH in tcp_wire.kept, "a batch on its way")
        tcp_wire.cut()
        time.sleep(CUT_S)
        tcp_wire.mend()
        with experiment.recovery():
            wait_until_beyond((cut + 1) * BURST, stack, feed)

    experiment.conclude(trial)
    assert pusher.metric("aviso_pusher_reconnects") >= CUTS


@pytest.mark.timeout(choose(300, 900))
def test_a_connection_that_is_slow_and_jumps_keeps_the_order(
    experiment: Experiment, pusher: Pusher
) -> None:
    stack, feed, tcp_wire = experiment.stack, experiment.feed, experiment.tcp_wire
    trial = experiment.make_trial()

    with trial.writing(rate=RATE):
        for delay_s in (0.3, 0.0, 1.0, 0.0):
            tcp_wire.delay_s = delay_s
            wait_for_news(lambda: archived_head(stack, feed))

    experiment.conclude(trial)


@pytest.mark.timeout(choose(300, 1200))
def test_a_connection_that_died_without_a_word_is_given_up(
    experiment: Experiment, pusher: Pusher
) -> None:
    stack, feed, tcp_wire = experiment.stack, experiment.feed, experiment.tcp_wire
    trial = experiment.make_trial()

    with trial.writing(rate=20):
        for _ in range(DEATHS):
            wait_for_news(lambda: archived_head(stack, feed))
            tcp_wire.drop()
            with experiment.recovery():
                wait_for_news(lambda: archived_head(stack, feed), 120)

    experiment.conclude(trial)


@pytest.mark.timeout(choose(300, 900))
def test_a_pusher_that_restarts_puts_its_ghost_out_of_the_room(
    experiment: Experiment, pusher: Pusher
) -> None:
    """ejabberd believes that the dead connection is there, and its occupant too."""
    stack, feed = experiment.stack, experiment.feed
    trial = experiment.make_trial()

    with trial.writing(rate=50):
        for _ in range(choose(2, 20)):
            wait_for_news(lambda: archived_head(stack, feed))
            [ghost] = list_speakers(stack, feed)
            experiment.tcp_wire.drop()
            pusher.kill()
            assert list_speakers(stack, feed) == [ghost]
            pusher.start()
            with experiment.recovery():
                wait_for_news(lambda: archived_head(stack, feed))
            [speaker] = list_speakers(stack, feed)
            assert speaker != ghost

    experiment.conclude(trial)


@pytest.mark.timeout(choose(300, 900))
@pytest.mark.parametrize("held", [Way.THERE, Way.BACK])
def test_a_batch_that_outlives_its_pusher_stands_in_the_room_once(
    experiment: Experiment, held: Way, pusher: Pusher
) -> None:
    """It dies between sending and acknowledging: before the room has the batch, which
    comes when the next pusher is at work, or after, when only the answer is missing.
    """
    stack, feed, tcp_wire = experiment.stack, experiment.feed, experiment.tcp_wire
    trial = experiment.make_trial()
    trial.insert(1)
    wait_until_beyond(0, stack, feed)

    for _ in range(choose(2, 20)):
        tcp_wire.hold(held)
        trial.insert(10)
        until(lambda: BATCH in tcp_wire.kept, "a batch without an answer")
        pusher.kill()
        pusher.start()
        with experiment.recovery():
            wait_until_beyond(len(trial.acknowledged) - 1, stack, feed)
        tcp_wire.release()
        trial.insert(1)
        wait_until_beyond(len(trial.acknowledged) - 1, stack, feed)

    experiment.conclude(trial)
