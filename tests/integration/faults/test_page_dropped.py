"""One message of the room never reaches the page, though the connection stands."""

from __future__ import annotations

from .effort import choose
from .experiment import Experiment
from .news import reach
from .room_messages import NextBatch

_SILENCE_S = 30  # after so long without an event the page looks whether it missed one


def test_a_batch_dropped_on_the_way_is_fetched_when_the_next_one_comes(
    experiment: Experiment,
) -> None:
    wire = experiment.make_wire()
    wire.edit = batch = NextBatch()
    trial = experiment.make_trial(wire=wire)
    page = trial.watched

    with trial.writing(rate=20):
        for _ in range(choose(5, 100)):
            batch.eat()
            batch.wait_until_done()
            eaten = len(trial.acknowledged)
            with experiment.recovery():
                reach(page, eaten)

    experiment.conclude(trial)


def test_the_last_batch_for_a_while_dropped_on_the_way_is_missed_all_the_same(
    experiment: Experiment,
) -> None:
    wire = experiment.make_wire()
    wire.edit = batch = NextBatch()
    trial = experiment.make_trial(wire=wire)
    page = trial.watched
    trial.post(2)
    page.wait_for_position(2)

    batch.eat()
    trial.post()
    batch.wait_until_done()
    with experiment.recovery():
        page.wait_for_position(3, 2 * _SILENCE_S)

    page.wait_for_state("live")
    experiment.conclude(trial)
