"""The pusher is put out of a room, the room is taken away, or its session ended."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aviso_native import ejabberd

from ..database import Database
from ..running import Stack
from .conftest import Outcome
from .effort import choose
from .news import wait_for_news
from .parking import parked_causes
from .pushers import Pusher
from .trial import Trial

TIMES = choose(3, 30)

Break = Callable[[Stack, str], None]


def kick(stack: Stack, feed: str) -> None:
    """An outcast for a moment: so an administrator puts an owner out of a room."""
    settings = stack.settings
    for affiliation in ("outcast", "owner"):
        ejabberd.call(
            settings,
            "set_room_affiliation",
            {
                "name": feed,
                "service": settings.rooms_domain,
                "jid": f"pusher@{settings.domain}",
                "affiliation": affiliation,
            },
        )


def destroy(stack: Stack, feed: str) -> None:
    settings = stack.settings
    room = {"name": feed, "service": settings.rooms_domain}
    ejabberd.call(settings, "destroy_room", room)


def end_session(stack: Stack, feed: str) -> None:
    settings = stack.settings
    account = {"user": "pusher", "host": settings.domain}
    ejabberd.call(settings, "kick_user", account)


@pytest.mark.timeout(choose(300, 900))
@pytest.mark.parametrize("break_it", [kick, destroy, end_session])
def test_the_pusher_comes_back_and_goes_on(
    break_it: Break,
    stack: Stack,
    database: Database,
    feed: str,
    make_pusher: Callable[..., Pusher],
    make_trial: Callable[..., Trial],
    outcome: Outcome,
    conclude: Callable[..., None],
) -> None:
    pusher = make_pusher()
    trial = make_trial()
    page = trial.watched

    with trial.writing(rate=50):
        for _ in range(TIMES):
            wait_for_news(lambda: page.position)
            break_it(stack, feed)
            with outcome.recovery():
                wait_for_news(lambda: page.position, 90)

    conclude(trial)
    assert pusher.metric("aviso_pusher_retries_total") >= TIMES, "never put out"
    # By the room, and not over REST for want of it.
    page.wait_for_state("live")
    assert parked_causes(stack, database, feed) == []
