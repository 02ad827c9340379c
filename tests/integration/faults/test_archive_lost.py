"""A room's archive loses its end, or all of it, under a running pusher."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aviso_native import ejabberd

from ..running import Stack
from .effort import choose
from .experiment import Experiment
from .heads import archived_head, delete_newest, wait_until_beyond
from .news import reach, wait_for_news
from .parking import parked_causes

TIMES = choose(1, 5)
# A page keeps its newest 20,000 records at most: so many must not be reached.
MANY = choose(5000, 15_000)

Lose = Callable[[Stack, str], None]


def destroyed(stack: Stack, feed: str) -> None:
    """The room, and its archive with it."""
    room = {"name": feed, "service": stack.settings.rooms_domain}
    ejabberd.call(stack.settings, "destroy_room", room)
    emptied(stack, feed)


def emptied(stack: Stack, feed: str) -> None:
    delete_newest(stack, feed, kept=0.0)


def shortened(stack: Stack, feed: str) -> None:
    delete_newest(stack, feed, kept=0.5)


@pytest.mark.timeout(choose(300, 1200))
@pytest.mark.parametrize("lose", [destroyed, emptied, shortened])
def test_what_an_archive_has_lost_comes_again_once_and_no_other_feed_waits(
    experiment: Experiment, lose: Lose, neighbour: str
) -> None:
    stack, database, feed = experiment.stack, experiment.database, experiment.feed
    pusher = experiment.make_pusher()
    trial = experiment.make_trial()
    other = experiment.make_trial(of=neighbour, watched=False)
    page = trial.watched
    trial.insert(MANY)
    reach(page, MANY, 120)
    wait_until_beyond(MANY - 1, stack, feed)

    with other.writing(rate=10):
        for _ in range(TIMES):
            with trial.writing(rate=20):
                wait_for_news(lambda: page.position)
                lose(stack, feed)
                with experiment.recovery():
                    wait_until_beyond(len(trial.acknowledged), stack, feed, 120)
                wait_for_news(lambda: archived_head(stack, neighbour))

    assert pusher.metric("aviso_pusher_behind_total") >= TIMES, "it noticed nothing"
    experiment.conclude(other)
    experiment.conclude(trial)
    assert parked_causes(stack, database, feed) == []
