"""ejabberd is away with much behind it: the pusher holds little, and all arrives."""

from __future__ import annotations

import pytest

from ..api import new_slug
from ..database import Database
from ..waiting import until, until_equal
from .effort import choose
from .experiment import Experiment
from .heads import archived_head, wait_until_beyond
from .pushers import memory_mib
from .queues import count_unacked

FEEDS = choose(20, 64)
EVENTS = 1000
# A record holds 64 KiB at most, its braces and names included. Random: it hardly
# becomes shorter on its way. Of `n`, so that each row has another.
TEXT = """(
    SELECT string_agg(md5(random() || ' ' || n * g), '')
    FROM generate_series(1, 2040) AS g
)"""
MOST_MIB = 256


@pytest.mark.timeout(choose(300, 900))
def test_a_thousand_large_events_wait_beside_the_pusher_and_arrive_later(
    experiment: Experiment,
) -> None:
    stack, api, database = experiment.stack, experiment.api, experiment.database
    feed = experiment.feed
    pusher = experiment.make_pusher()
    trial = experiment.make_trial(watched=False)
    others = [new_slug("large") for _ in range(FEEDS)]
    for each in others:
        api.create_feed(each)
    trial.post()
    wait_until_beyond(0, stack, feed)
    # A few openings would be all that is sent.
    unopened = (
        "SELECT count(*) FROM feeds WHERE slug = ANY(%s) AND announced_at IS NULL"
    )
    until_equal(0, lambda: database.value(unopened, [others]), "the feeds to be opened")
    each_of = EVENTS // len(others)

    stack.stop_part("ejabberd")
    try:
        for each in others:
            insert_large(database, each, each_of)
        trial.insert(EVENTS)
        until(lambda: count_unacked(stack) >= FEEDS, "each feed's first to be sent", 60)
        assert archived_head(stack, feed) == 1
    finally:
        stack.start_part("ejabberd")

    with experiment.recovery():
        for each in others:
            wait_until_beyond(each_of - 1, stack, each, 120)
    experiment.conclude(trial)
    assert memory_mib(pusher.pid) < MOST_MIB
    experiment.outcome.notes.append(
        f"the pusher had at most {memory_mib(pusher.pid):.0f} MiB"
    )


def insert_large(database: Database, feed: str, count: int) -> None:
    database.execute(
        "INSERT INTO records (feed, data)"
        f" SELECT %s, jsonb_build_object('text', {TEXT})"
        " FROM generate_series(1, %s) AS n",
        [feed, count],
    )
