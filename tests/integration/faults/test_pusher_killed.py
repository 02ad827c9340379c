"""The pusher dies between sending and acknowledging."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ..database import Database
from ..running import Stack
from ..waiting import until
from .conftest import Outcome
from .effort import choose
from .parking import parked_causes
from .pushers import Pusher, wait_until_beyond, wait_until_holding
from .trial import Trial

KILLS = choose(3, 50)
BURST = 1000
# And one after it: on a quick machine the burst may be through before the kill.
ROUND = BURST + 1
CRASHES = choose(5, 25)
PREFETCH = 500


@pytest.mark.timeout(choose(300, 1200))
def test_the_pusher_killed_under_load_repeats_and_loses_nothing(
    feed: str,
    make_pusher: Callable[..., Pusher],
    make_trial: Callable[..., Trial],
    outcome: Outcome,
    conclude: Callable[..., None],
) -> None:
    pusher = make_pusher()
    trial = make_trial(watched=choose(True, False))

    for kill in range(KILLS):
        trial.insert(BURST)
        # In the midst of the burst a batch is under way at any moment.
        wait_until_beyond(kill * ROUND, pusher, feed)
        pusher.kill()
        pusher.start()
        with outcome.recovery():
            trial.insert(1)
            wait_until_beyond(kill * ROUND + BURST, pusher, feed)

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
