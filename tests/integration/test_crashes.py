"""kill -9 in the middle of the work: nothing lost, twice, or out of order."""

from __future__ import annotations

import random

from .api import Api
from .archive import batches_with, check_spans, events_of, sequences_of
from .chat import Chat
from .conftest import OpenPage
from .database import Database
from .running import Stack
from .waiting import until

KILLED = ("relay", "pusher")
KILLS = 10  # of each
RECORDS = 5000
ROWS_PER_STATEMENT = 25
_SEED = 20260101


def test_relay_and_pusher_killed_ten_times_each_lose_and_repeat_nothing(
    stack: Stack, api: Api, database: Database, feed: str, open_page: OpenPage
) -> None:
    page = open_page(feed)
    room = api.get(f"feeds/{feed}/")["room"]
    chance = random.Random(_SEED)  # noqa: S311 # moments, not secrets

    for rows in rounds():
        # In the midst of the round's statements: what was written before is under way.
        moments = {part: chance.randrange(1, len(rows)) for part in KILLED}
        killed: dict[str, int] = {}
        for moment, first in enumerate(rows):
            insert(database, feed, first)
            for part in KILLED:
                if moments[part] == moment:
                    killed[part] = stack.kill_part(part)
        for part, pid in killed.items():
            stack.bring_back(part, pid)

    written = database.rows(
        "SELECT id::text FROM records WHERE feed = %s ORDER BY number", [feed]
    )
    ids = [record_id for (record_id,) in written]
    assert len(ids) == RECORDS
    page.wait_for_position(RECORDS, 90)
    with Chat(stack.facts["xmpp"]) as observer:
        batches = batches_with(observer, room, ids)
    check_spans(batches)
    assert sequences_of(batches) == list(range(1, RECORDS + 1))
    assert [event["subject"] for event in events_of(batches)] == ids
    page.wait_for_rows(ids[::-1], 60)
    assert [row.sequence for row in page.rows()] == list(range(RECORDS, 0, -1))


def rounds() -> list[list[int]]:
    """The first rows of the statements of each round."""
    in_a_round = RECORDS // KILLS
    return [
        list(range(start, start + in_a_round, ROWS_PER_STATEMENT))
        for start in range(0, RECORDS, in_a_round)
    ]


def insert(database: Database, feed: str, first: int) -> None:
    """Insert a few records in a transaction of their own, as writers do."""
    database.execute(
        "INSERT INTO records (feed, data)"
        " SELECT %s, jsonb_build_object('n', n)"
        " FROM generate_series(%s::int, %s::int) AS n ORDER BY n",
        [feed, first, first + ROWS_PER_STATEMENT - 1],
    )


def test_records_api_killed_comes_back_and_loses_no_answered_write(
    stack: Stack, api: Api, feed: str
) -> None:
    ids = [api.write(feed, {"n": n})["id"] for n in range(20)]

    pid = stack.kill_part("records-api")
    stack.wait_for_another("records-api", pid)

    def all_are_there() -> bool:
        answer = api.call("GET", f"feeds/{feed}/events/?after=0&limit=100")
        return (
            answer.status == 200
            and [event["subject"] for event in answer.json["events"]] == ids
        )

    until(all_are_there, "all twenty records")
