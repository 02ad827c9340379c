"""Two pushers share the queues, and what one of them leaves the other takes."""

from __future__ import annotations

import pytest

from ..api import new_slug
from ..waiting import until_equal
from .effort import choose
from .experiment import Experiment
from .heads import wait_until_beyond
from .pushers import Pusher, demand_no_detour, list_speakers, wait_until_shared
from .queues import TRAVELLING
from .trial import Trial

FEEDS = 16
PART = choose(100, 1_000)
ROUNDS = choose(1, 10)


@pytest.mark.timeout(choose(300, 1800))
def test_two_pushers_have_half_each_also_after_one_was_killed_and_came_back(
    experiment: Experiment,
) -> None:
    pushers = [experiment.make_pusher(), experiment.make_pusher()]
    trials = [make_trial(experiment) for _ in range(FEEDS)]
    wait_until_shared(*pushers)

    for _ in range(ROUNDS):
        for killed, survivor in (pushers, pushers[::-1]):
            insert(trials)
            wait_until_archived(experiment, trials)
            demand_shared(experiment, pushers, trials)
            insert(trials)
            killed.kill()
            with experiment.recovery():
                insert(trials)
                wait_until_archived(experiment, trials)
            assert sorted(survivor.queues) == sorted(TRAVELLING)

            # It lets go of a queue while there is much to do.
            insert(trials, 5 * PART)
            killed.start()
            killed.wait_ready()
            wait_until_shared(*pushers)
            wait_until_archived(experiment, trials)
            demand_no_detour(survivor)
            demand_no_detour(killed)

    insert(trials)
    wait_until_archived(experiment, trials)
    demand_shared(experiment, pushers, trials)
    for trial in trials:
        experiment.conclude(trial)


def make_trial(experiment: Experiment) -> Trial:
    slug = new_slug("shared")
    experiment.api.create_feed(slug)
    return experiment.make_trial(of=slug, watched=False)


def insert(trials: list[Trial], count: int = PART) -> None:
    for trial in trials:
        trial.insert(count)


def wait_until_archived(experiment: Experiment, trials: list[Trial]) -> None:
    for trial in trials:
        last = len(trial.acknowledged)
        wait_until_beyond(last - 1, experiment.stack, trial.feed)


def demand_shared(
    experiment: Experiment, pushers: list[Pusher], trials: list[Trial]
) -> None:
    """Each has a queue and rooms of it, and no room has both of them in it."""
    wait_until_shared(*pushers)
    for pusher in pushers:
        assert pusher.metric("aviso_pusher_rooms") > 0
    for trial in trials:
        until_equal(
            1,
            lambda: len(list_speakers(experiment.stack, trial.feed)),  # noqa: B023
            f"one pusher in the room of {trial.feed}",
        )
