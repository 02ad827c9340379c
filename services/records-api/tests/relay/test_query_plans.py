"""The relay's steps look only at what they are about, however much lies behind.

Also while somebody holds an older snapshot, as a backup does for hours: what was taken
out of the queue since then can't be removed, and neither can older states of progress.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
import pytest

from aviso.outbox.feeds import _FEEDS_NAMED, _LOAD, _WRITE_PROGRESS
from aviso.outbox.pruning import FIND_FEEDS, PRUNE
from aviso.outbox.queue import _FURTHER, _NEW, _NUMBER
from tests.relay.drivers import Database, Looking

PAST = 30_000
NEW = 20
PASSED = 4_000

FEED: dict[str, Any] = {"feed": "orders", "days": 30}
LOAD = (["orders"], [PAST + 5], [PAST + NEW], [NEW], [1_000_000])
STEPS: dict[str, tuple[LiteralString, Any]] = {
    "load": (_LOAD, LOAD),
    "look at a feed": (_FEEDS_NAMED, (["orders"],)),
    "write progress": (_WRITE_PROGRESS, (["orders"], [PAST], [PAST + NEW])),
    "find feeds to prune": (FIND_FEEDS, {"after": "", "limit": 500, "days": 30}),
    "prune": (PRUNE, FEED | {"limit": NEW}),
}
# As the relay's own session has it.
SESSION = """
SET enable_seqscan = off; SET jit = off; SET plan_cache_mode = force_generic_plan
"""


@pytest.fixture
def past(database: Database) -> Database:
    """A long published past in large and small changesets, then some that is new."""
    database.add_feed("orders")
    database.add_records("orders", PAST // 2)
    with database.connect() as connection, connection.transaction():
        for _ in range(PAST // 100):
            connection.execute(
                "INSERT INTO aviso.records (feed, data)"
                " SELECT 'orders', '{}' FROM generate_series(1, 50)"
            )
    database.run("UPDATE aviso.events SET time = now() - interval '100 days'")
    database.number()
    database.run("UPDATE aviso.feed_progress SET published = %s", PAST)
    database.add_records("orders", NEW)
    database.number()
    database.run("VACUUM ANALYZE")
    return database


@pytest.mark.parametrize("step", STEPS)
def test_a_step_reads_what_it_is_about_and_nothing_of_the_past(
    past: Database, step: str
) -> None:
    query, values = STEPS[step]

    with past.connect() as connection:
        nodes = list(walk(explain(connection, query, values)))

    scanned = [n for n in nodes if n["Node Type"] == "Seq Scan"]
    assert set() == {"events", "places"} & {n.get("Relation Name") for n in scanned}
    # Of every node, all its loops: the most that anything had to look at.
    touched = max(
        node["Actual Loops"]
        * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
        for node in nodes
    )
    assert touched <= 4 * NEW, plan_text(nodes)


def test_while_a_snapshot_is_open_a_look_does_not_read_what_was_taken_since(
    database: Database,
) -> None:
    database.add_feed("orders")
    with Looking(database) as looking, database.connect() as writer:
        looking.take_all()
        before = {step: count_pages(database, looking, step) for step in LOOKS}
        with psycopg.connect(database.url) as backup:
            backup.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            backup.execute("SELECT 1 FROM aviso.feeds")
            with writer.pipeline():
                for _ in range(PASSED):
                    writer.execute(
                        "INSERT INTO aviso.records (feed, data) VALUES ('orders', '{}')"
                    )
            assert PASSED == sum(n.last - n.first + 1 for n in looking.take_all())
            database.run("VACUUM aviso.queue")

            after = {step: count_pages(database, looking, step) for step in LOOKS}

        dead = database.value(
            "SELECT pg_relation_size('aviso.queue')"
            " / current_setting('block_size')::int"
        )
    # The rows are there still; a step that went through them would see their pages.
    assert dead > 20
    for step in LOOKS:
        assert after[step] <= before[step] + 8, (step, before, after)


def test_a_look_reads_no_event_of_a_feed_that_is_busy(database: Database) -> None:
    database.add_feed("orders")
    with Looking(database) as looking:
        looking.take_all()
        database.add_records("orders", NEW)
        seen = looking.queue._seen
        values = {"xmax": seen.xmax, "in_progress": seen.in_progress}
        common = {"page": 2_000, "inline": 100, "busy": ["orders"]}

        with database.connect() as connection:
            plan = explain(connection, _NEW + _NUMBER, values | common)

    of_log = [n for n in walk(plan) if n.get("Relation Name") == "events"]
    assert of_log
    assert 0 == sum(n["Actual Loops"] * n["Actual Rows"] for n in of_log)


LOOKS = ("first page", "further page", "load")


def count_pages(database: Database, looking: Looking, step: str) -> int:
    """Count the pages that a look with one new event goes through."""
    database.add_records("orders", 1)
    head = database.value("SELECT sequence FROM aviso.feed_heads")
    seen = looking.queue._seen
    snapshot = database.value("SELECT pg_current_snapshot()::text")
    after = database.value("SELECT max(changeset) - 1 FROM aviso.queue")
    common: dict[str, Any] = {"page": 2_000, "inline": 100, "busy": []}
    steps: dict[str, tuple[str, Any]] = {
        "first page": (
            _NEW + _NUMBER,
            common | {"xmax": seen.xmax, "in_progress": seen.in_progress},
        ),
        "further page": (
            _FURTHER + _NUMBER,
            common | {"after": after, "snapshot": snapshot},
        ),
        "load": (_LOAD, (["orders"], [head - 1], [head], [1], [1_000])),
    }
    query, values = steps[step]
    with database.connect() as connection:
        # Twice: the first one reads catalogs and marks what it finds dead.
        for _ in range(2):
            plan = explain(connection, query, values, options="ANALYZE, BUFFERS")
    looking.take_all()
    pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    assert isinstance(pages, int)
    return pages


def explain(
    connection: psycopg.Connection[Any],
    query: str,
    values: Any,
    options: str = "ANALYZE",
) -> dict[str, Any]:
    """Run the query, take back what it did, and return how it was done.

    As one that is prepared, and planned without its values.
    """
    text, given = number_values(query, values)
    connection.execute(SESSION)
    connection.execute("DEALLOCATE ALL")
    connection.execute(f"PREPARE step AS {text}".encode())
    with connection.transaction(force_rollback=True):
        places = ", ".join(["%s"] * len(given))
        cursor = psycopg.ClientCursor(connection).execute(
            f"EXPLAIN ({options}, FORMAT JSON) EXECUTE step ({places})", given
        )
        row = cursor.fetchone()
    assert row is not None
    plan: dict[str, Any] = row[0][0]["Plan"]
    return plan


def number_values(query: str, values: Any) -> tuple[str, list[Any]]:
    """Write `$1` for `%s` or `%(name)s`; return the values in their order, too."""
    if isinstance(values, dict):
        names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", query)))
        text = re.sub(
            r"%\((\w+)\)s", lambda found: f"${names.index(found[1]) + 1}", query
        )
        return text.replace("%%", "%"), [values[name] for name in names]
    numbers = itertools.count(1)
    text = re.sub("%s", lambda _: f"${next(numbers)}", query)
    return text.replace("%%", "%"), list(values)


def plan_text(nodes: list[dict[str, Any]]) -> str:
    keys = ("Node Type", "Relation Name", "CTE Name", "Actual Loops", "Actual Rows")
    return "\n".join(str([node.get(key) for key in keys]) for node in nodes)


def walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", []):
        yield from walk(below)
