"""The pusher dies between sending and acknowledging."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ..database import Database
from ..running import Stack
from ..waiting import until
from .conftest import Outcome
from .effort import choose
from .news import wait_for_news
from .parking import parked_causes
from .pushers import Pusher, wait_until_holding
from .trial import Trial

KILLS = choose(3, 50)
CRASHES = choose(5, 25)
PREFETCH = 500


@pytest.mark.timeout(choose(300, 1200))
def test_the_pusher_killed_under_load_repeats_and_loses_nothing(
    stack: Stack,
    make_trial: Callable[..., Trial],
    outcome: Outcome,
    conclude: Callable[..., None],
) -> None:
    trial = make_trial()
    page = trial.watched

    with trial.writing(rate=50):
        for _ in range(KILLS):
            pid = stack.kill_part("pusher")
            with outcome.recovery():
                stack.wait_for_another("pusher", pid)
                wait_for_news(lambda: page.position)

    conclude(trial)


@pytest.mark.timeout(choose(300, 900))
def test_crashes_with_a_full_prefetch_park_nothing_that_was_good(
    stack: Stack,
    database: Database,
    feed: str,
    make_pusher: Callable[..., Pusher],
    make_trial: Callable[..., Trial],
    outcome: Outcome,
    conclude: Callable[..., None],
) -> None:
    """Each crash counts against the broker's limit of deliveries."""
    pusher = make_pusher()
    trial = make_trial()

    stack.stop_part("ejabberd")
    try:
        trial.insert(2 * PREFETCH)
        for _ in range(CRASHES):
            wait_until_holding(pusher, feed, PREFETCH)
            pusher.kill()
            pusher.start()
    finally:
        stack.start_part("ejabberd")
    with outcome.recovery():
        until(lambda: pusher.sequence(feed), "the first batch", 60)

    conclude(trial)
    assert parked_causes(stack, database, feed) == []
