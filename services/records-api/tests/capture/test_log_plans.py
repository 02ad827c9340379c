"""What asks the log about one record reads a few pages, however long the log is.

The planner guesses how many events a record has from how many most records have: of a
log in which a few records change all the time it may rather go through all of it, from
its end on, for a record that it will not meet soon, or never.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from aviso.events.reading import _AFTER, _NEWEST, _OF_RECORD
from aviso.records.past import _LIST
from aviso.records.writing.creation import _FIRST_STATES, _INSERT, _MADE_TWICE
from tests.relay.drivers import Database

EVENTS = 60_000
MOST_PAGES = 150

# Records that change all the time; of the second the first state was pruned.
KEPT, PRUNED = (
    "7" * 8 + "-aaaa" * 3 + "-" + "7" * 12,
    "8" * 8 + "-aaaa" * 3 + "-" + "8" * 12,
)
# The first thousand are made once and never changed; ten others change all the time.
# A hundred events a changeset, and behind them one with a tenth of all.
_FILL = """
INSERT INTO aviso.events (changeset, place, type, feed, start, subject, data)
SELECT CASE WHEN n <= few THEN 1 + (n - 1) / 100 ELSE few END,
    CASE WHEN n <= few THEN 1 + (n - 1) %% 100 ELSE n - few END,
    CASE WHEN n <= 1010 AND subject <> %(pruned)s THEN 'created' ELSE 'updated' END,
    'orders', subject, subject,
    '{"id":"' || subject || '","version":1,"data":{"n":' || n || '}}'
FROM generate_series(1, %(count)s) AS n, (SELECT %(count)s * 9 / 10 AS few) AS cut,
    LATERAL (SELECT CASE WHEN n <= 1000 THEN 'once-' || n
        WHEN n %% 10 = 7 THEN %(kept)s WHEN n %% 10 = 8 THEN %(pruned)s
        ELSE 'often-' || n %% 10 END) AS named (subject)
"""
_PRUNED = """
INSERT INTO aviso.first_states VALUES (%s, 'orders', 1, now(), now(), sha256(''))
"""
_PLACE = """
INSERT INTO aviso.places (feed, first, last, changeset)
SELECT 'orders', last - size + 1, last, changeset FROM (
    SELECT changeset, count(*) AS size,
        sum(count(*)) OVER (ORDER BY changeset) AS last
    FROM aviso.events GROUP BY changeset) AS numbered
"""
SUBJECTS = ("once-1", "once-1000", "often-3", "never")
_LAST = "SELECT * FROM aviso.last_event('orders', %(subject)s)"
# As a backfill and a recapture ask, of many at once.
_LAST_OF_MANY = """
SELECT last.data FROM unnest(%(subjects)s::text[]) AS s (subject)
LEFT JOIN LATERAL aviso.last_event('orders', s.subject) AS last ON true
"""
_MANY = [f"once-{n}" for n in range(1, 41)] + [f"never-{n}" for n in range(60)]


@pytest.fixture(params=["fresh statistics", "no statistics"], scope="module")
def log(
    server: str, migrated: str, request: pytest.FixtureRequest
) -> Iterator[Database]:
    database = Database(server, migrated)
    database.add_feed("orders")
    with database.connect() as connection:
        cursor = psycopg.ClientCursor(connection)
        cursor.execute("ALTER TABLE aviso.events SET (autovacuum_enabled = off)")
        cursor.execute("ALTER TABLE aviso.places SET (autovacuum_enabled = off)")
        cursor.execute(_FILL, {"count": EVENTS, "kept": KEPT, "pruned": PRUNED})
        cursor.execute(_PRUNED, [PRUNED])
        cursor.execute("SELECT setval('aviso.changesets', %s)", [EVENTS])
        cursor.execute(_PLACE)
        cursor.execute("UPDATE aviso.feed_progress SET published = %s", [EVENTS])
    if request.param == "fresh statistics":
        database.run("VACUUM ANALYZE aviso.events, aviso.places")
    yield database
    database.drop()


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_last_word_on_a_record_is_found_at_once(
    log: Database, subject: str
) -> None:
    pages, plan = explain(log, _LAST, {"subject": subject})

    assert pages <= MOST_PAGES, plan


def test_the_last_words_on_many_are_found_one_by_one(log: Database) -> None:
    pages, plan = explain(log, _LAST_OF_MANY, {"subjects": _MANY})

    assert pages <= 20 * len(_MANY), plan


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_history_of_a_record_is_found_at_once(log: Database, subject: str) -> None:
    changeset, place = _NEWEST
    values = {
        "feed": "orders",
        "subject": subject,
        "changeset": changeset,
        "place": place,
        "newest": EVENTS,
        "limit": 20,
    }

    pages, plan = explain(log, _OF_RECORD, values)

    assert pages <= MOST_PAGES, plan


@pytest.mark.parametrize("after", [0, EVENTS // 2, EVENTS - 21, EVENTS])
def test_the_events_behind_a_sequence_are_found_at_once(
    log: Database, after: int
) -> None:
    pages, plan = explain(log, _AFTER, ("orders", after, 20, EVENTS))

    assert pages <= MOST_PAGES, plan


@pytest.mark.parametrize("high", [10, 1010, EVENTS // 2, EVENTS])
@pytest.mark.parametrize("order", ["ASC", "DESC"])
def test_whether_a_record_was_changed_later_is_found_at_once(
    log: Database, high: int, order: str
) -> None:
    values = {
        "feed": "orders",
        "at": EVENTS,
        "low": high - 10,
        "high": high,
        "limit": 20,
        "bytes": 1_000_000,
    }

    pages, plan = explain(log, _LIST.replace("{order}", order), values)

    assert pages <= MOST_PAGES, plan


NEVER = "9" * 8 + "-aaaa" * 3 + "-" + "9" * 12


@pytest.mark.parametrize("query", [_INSERT, _MADE_TWICE, _FIRST_STATES])
@pytest.mark.parametrize("ids", [[KEPT], [PRUNED], [NEVER], [NEVER, KEPT, PRUNED]])
def test_whether_an_id_was_used_is_found_at_once(
    log: Database, query: str, ids: list[str]
) -> None:
    values = {
        "feed": "orders",
        "trace": "",
        "ids": ids,
        "own": [True] * len(ids),
        "data": ["{}"] * len(ids),
    }
    if query == _MADE_TWICE:
        # It is asked of those alone that were made just now.
        values["ids"] = [NEVER]

    pages, plan = explain(log, query, values)

    assert pages <= MOST_PAGES, plan


def explain(database: Database, query: str, values: Any) -> tuple[int, str]:
    """Run a query; tell how many pages it looked at, and the plan."""
    with (
        database.connect() as connection,
        connection.transaction(force_rollback=True),
    ):
        cursor = psycopg.ClientCursor(connection)
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}", values)
        (said,) = cursor.fetchone() or ("",)
    plan = said[0]["Plan"]
    pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return int(pages), json.dumps(plan, indent=1)
