"""The pusher is put out of a room, for a moment or for long; the room is taken away."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext

import pytest

from aviso_native import ejabberd

from ..api import new_slug
from ..running import Stack
from ..waiting import until, until_equal
from .effort import choose
from .experiment import Experiment
from .heads import wait_until_beyond
from .news import reach, wait_for_news
from .parking import parked_causes
from .pushers import list_speakers
from .queues import count_messages

TIMES = choose(3, 30)
NEIGHBOURS = 4
SHUT_S = choose(7, 120)

Break = Callable[[Stack, str], None]


def kick(stack: Stack, feed: str) -> None:
    """An outcast for a moment: so an administrator puts an owner out of a room."""
    set_pushers_affiliation(stack, feed, "outcast")
    assert list_speakers(stack, feed) == []
    set_pushers_affiliation(stack, feed, "owner")


def set_pushers_affiliation(stack: Stack, feed: str, affiliation: str) -> None:
    settings = stack.settings
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
    # A page that hears nothing for a while has its news over REST.
    until(
        lambda: ejabberd.call(settings, "kick_user", account)["num_resources"],
        "a session of the pusher",
    )


@pytest.mark.timeout(choose(300, 900))
@pytest.mark.parametrize("break_it", [kick, destroy, end_session])
def test_the_pusher_comes_back_and_goes_on(
    experiment: Experiment, break_it: Break
) -> None:
    stack, feed = experiment.stack, experiment.feed
    experiment.make_pusher()
    trial = experiment.make_trial()
    page = trial.watched

    with trial.writing(rate=50):
        for _ in range(TIMES):
            wait_for_news(lambda: page.position)
            break_it(stack, feed)
            with experiment.recovery():
                wait_for_news(lambda: page.position, 90)

    experiment.conclude(trial)
    # By the room, and not over REST for want of it.
    page.wait_for_state("live")
    assert parked_causes(stack, experiment.database, feed) == []


@pytest.mark.timeout(choose(300, 900))
@pytest.mark.parametrize("is_killed", [False, True])
def test_a_room_that_stays_shut_holds_no_other_up_and_is_complete_later(
    experiment: Experiment, is_killed: bool
) -> None:
    stack, api, feed = experiment.stack, experiment.api, experiment.feed
    pusher = experiment.make_pusher()
    trial = experiment.make_trial()
    page = trial.watched
    # One of them is in the same queue, all but certainly.
    neighbours = [new_slug("beside") for _ in range(NEIGHBOURS)]
    for each in neighbours:
        api.create_feed(each)

    with trial.writing(rate=50):
        wait_for_news(lambda: page.position)
        set_pushers_affiliation(stack, feed, "outcast")
        time.sleep(SHUT_S)
    # What can not be archived waits in the database, and in no queue.
    until_equal(0, lambda: count_messages(stack), "the queues to be empty", 60)
    for each in neighbours:
        api.write(each, {"n": 1})
    with experiment.recovery():
        for each in neighbours:
            wait_until_beyond(0, stack, each)

    # Without a later record nothing but the relay's own trying shows the others.
    if is_killed:
        pusher.kill()
        pusher.start()
    with nullcontext() if is_killed else trial.writing(rate=50), experiment.recovery():
        set_pushers_affiliation(stack, feed, "owner")
        reach(page, len(trial.acknowledged), 120)

    experiment.conclude(trial)
    assert parked_causes(stack, experiment.database, feed) == []
