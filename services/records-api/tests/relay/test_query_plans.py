"""The relay's steps look only at what they are about, however much lies behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, LiteralString

import pytest

from aviso.relay.outbox import _LOAD, _NUMBER, _REPUBLISH_NEWEST, _SCAN
from aviso.relay.pruning import FIND_FEEDS, FIND_OLDEST, PRUNE
from tests.relay.drivers import Database

PAST = 30_000
NEW = 20

FEED: dict[str, Any] = {"feed": "orders", "epoch": "abcd", "days": 30}
STEPS: dict[str, tuple[LiteralString, Any]] = {
    "number": (_NUMBER, (NEW,)),
    "scan": (_SCAN, ()),
    "load": (_LOAD, (["orders"], [PAST], [NEW], 1_000_000)),
    "show the newest": (_REPUBLISH_NEWEST, ()),
    "find feeds to prune": (FIND_FEEDS, {"after": "", "limit": 500, "days": 30}),
    "prune": (PRUNE, FEED | {"limit": NEW}),
    "find the oldest": (FIND_OLDEST, FEED),
}


@pytest.fixture
def past(database: Database) -> Database:
    """A long published past, then events of which half are numbered."""
    database.add_feed("orders")
    database.run("UPDATE aviso.feeds SET epoch = 'abcd'")
    database.run(
        "INSERT INTO aviso.events (feed, type, subject, record_version, record_data,"
        " record_created_at, record_updated_at, sequence, published_at)"
        " SELECT 'orders', 'created', gen_random_uuid(), 1, '{}', now(), now(), n,"
        " now() - interval '100 days' FROM generate_series(1, %s) AS n",
        PAST,
    )
    database.add_records("orders", 2 * NEW)
    database.run(
        "UPDATE aviso.events SET sequence = %s::bigint + place FROM (SELECT number,"
        " row_number() OVER (ORDER BY number) AS place FROM aviso.events"
        " WHERE sequence IS NULL ORDER BY number LIMIT %s) AS first"
        " WHERE events.number = first.number",
        PAST,
        NEW,
    )
    database.run("UPDATE aviso.feed_heads SET sequence = %s", PAST + NEW)
    database.run("VACUUM ANALYZE")
    return database


@pytest.mark.parametrize("step", STEPS)
def test_a_step_reads_what_it_is_about_and_nothing_of_the_past(
    past: Database, step: str
) -> None:
    query, values = STEPS[step]

    plan = explain(past, query, values)

    nodes = list(walk(plan))
    scanned = [n for n in nodes if n["Node Type"] == "Seq Scan"]
    assert "events" not in [n.get("Relation Name") for n in scanned]
    # Of every node, all its loops: the most that anything had to look at.
    touched = max(
        node["Actual Loops"]
        * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
        for node in nodes
    )
    assert touched <= 4 * NEW


def explain(database: Database, query: LiteralString, values: Any) -> dict[str, Any]:
    """Run the query, take back what it did, and return how it was done."""
    with database.connect() as connection, connection.transaction(force_rollback=True):
        cursor = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", values)
        row = cursor.fetchone()
    assert row is not None
    plan: dict[str, Any] = row[0][0]["Plan"]
    return plan


def walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", []):
        yield from walk(below)
