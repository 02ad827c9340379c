"""kill -9 in the middle of the work: nothing lost, twice, or out of order."""

from __future__ import annotations

import random
import threading

from .api import Api
from .archive import archived_batches, check_spans, events_of, sequences_of
from .chat import Chat
from .conftest import OpenPage
from .database import Database
from .running import Stack
from .waiting import until

KILLS = 10
RECORDS = 5000
ROWS_PER_STATEMENT = 25
_SEED = 20260101


def test_relay_and_pusher_killed_ten_times_each_lose_and_repeat_nothing(
    stack: Stack, api: Api, database: Database, feed: str, open_page: OpenPage
) -> None:
    page = open_page(feed)
    room = api.get(f"feeds/{feed}/")["room"]
    chance = random.Random(_SEED)  # noqa: S311 # moments, not secrets

    for kill in range(KILLS):
        killers = [
            threading.Timer(chance.uniform(0.02, 0.5), stack.kill_part, [part])
            for part in ("relay", "pusher")
        ]
        before = {part: stack.pid(part) for part in ("relay", "pusher")}
        for each in killers:
            each.start()
        insert(database, feed, kill * RECORDS // KILLS, RECORDS // KILLS)
        for each in killers:
            each.join()
        for part, pid in before.items():
            assert pid
            stack.wait_for_another(part, pid)

    written = database.rows(
        "SELECT id::text FROM records WHERE feed = %s ORDER BY number", [feed]
    )
    ids = [record_id for (record_id,) in written]
    assert len(ids) == RECORDS
    page.wait_for_position(RECORDS, 90)
    with Chat(stack.facts["xmpp"]) as observer:
        batches = archived_batches(observer, room)
    check_spans(batches)
    assert sequences_of(batches) == list(range(1, RECORDS + 1))
    assert [event["subject"] for event in events_of(batches)] == ids
    page.wait_for_rows(ids[::-1], 60)
    assert [row.sequence for row in page.rows()] == list(range(RECORDS, 0, -1))


def insert(database: Database, feed: str, first: int, count: int) -> None:
    """Insert records in many small transactions, as writers do."""
    for start in range(first, first + count, ROWS_PER_STATEMENT):
        database.execute(
            "INSERT INTO records (feed, data)"
            " SELECT %s, jsonb_build_object('n', n)"
            " FROM generate_series(%s::int, %s::int) AS n ORDER BY n",
            [feed, start, start + ROWS_PER_STATEMENT - 1],
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

    until(all_are_there, "all twenty records", 30)
