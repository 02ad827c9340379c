"""Very many feeds get their first records while what carries them is killed."""

from __future__ import annotations

import uuid
from collections import defaultdict
from xml.etree import ElementTree as ET

import pytest

from ..api import new_slug
from ..archive import Batch, read_batch
from ..running import Stack
from ..waiting import until
from .effort import choose
from .experiment import Experiment
from .heads import ejabberd_rows
from .report import add_up, judge

FEEDS = choose(400, 10_000)
KILLED = choose(("pusher", "relay"), ("pusher", "relay", "pusher", "relay", "pusher"))
ALIVE_S = choose(120, 1800)
_INSERT = """
INSERT INTO records (id, feed, data)
SELECT id::uuid, feed, jsonb_build_object('n', %s)
FROM unnest(%s::text[], %s::text[]) AS t(id, feed)
"""


@pytest.mark.timeout(choose(300, 3600))
def test_the_first_records_of_very_many_feeds_arrive_though_their_carriers_are_killed(
    experiment: Experiment,
) -> None:
    stack, database = experiment.stack, experiment.database
    name = new_slug("many")
    feeds = [f"{name}-{number}" for number in range(FEEDS)]
    written: dict[str, list[str]] = defaultdict(list)

    def write() -> None:
        """One record into each feed, in one statement."""
        ids = [str(uuid.uuid4()) for _ in feeds]
        database.execute(_INSERT, [len(written[feeds[0]]), ids, feeds])
        for feed, record in zip(feeds, ids, strict=True):
            written[feed].append(record)

    def count_arrived() -> int:
        return len(
            ejabberd_rows(
                stack,
                "SELECT DISTINCT username FROM archive WHERE username LIKE %s"
                " AND xml NOT LIKE %s",
                [f"{name}-%", "%last='0'%"],
            )
        )

    database.execute("INSERT INTO feeds (slug) SELECT unnest(%s::text[])", [feeds])
    write()
    for number, part in enumerate(KILLED, 1):
        share = number * FEEDS // (len(KILLED) + 1)
        until(lambda: count_arrived() >= share, f"{share} feeds", ALIVE_S)  # noqa: B023
        write()
        with experiment.recovery():
            stack.wait_for_another(part, stack.kill_part(part))
            until(lambda: count_arrived() > share, "one more", ALIVE_S)  # noqa: B023
    until(lambda: count_unpublished(experiment, name) == 0, "all of it", ALIVE_S)

    archives = read_archives(stack, name)
    experiment.outcome.report = report = add_up(
        judge(written[feed], written[feed], archives[feed], None) for feed in feeds
    )
    assert report.is_clean, str(report)
    unannounced = "SELECT count(*) FROM feeds WHERE announced_at IS NULL"
    until(lambda: database.value(unannounced) == 0, "the last opening", ALIVE_S)


def count_unpublished(experiment: Experiment, name: str) -> int:
    count: int = experiment.database.value(
        "SELECT coalesce(sum(sequence - published), 0)"
        " + (SELECT count(*) FROM queue WHERE queue.feed LIKE %s AND size > 0)"
        " FROM feed_heads WHERE feed LIKE %s",
        [f"{name}-%", f"{name}-%"],
    )
    return count


def read_archives(stack: Stack, name: str) -> dict[str, list[Batch]]:
    """What stands in the rooms' archives, in their order, by feed."""
    found: dict[str, list[Batch]] = defaultdict(list)
    rows = ejabberd_rows(
        stack,
        "SELECT xml FROM archive WHERE username LIKE %s ORDER BY timestamp",
        [f"{name}-%"],
    )
    for (xml,) in rows:
        batch = read_batch(ET.fromstring(xml))  # noqa: S314 # of the stack's own server
        if batch is not None:
            found[batch.feed].append(batch)
    return found
