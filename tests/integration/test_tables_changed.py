"""What somebody does to a tracked table by DDL the running relay notices, and says."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from .api import Api, new_slug
from .database import Database
from .running import Stack
from .test_gateway import read
from .waiting import until

# It looks every 5 s; this only says that it does.
PATIENCE_S = 60.0


@pytest.fixture
def table(database: Database) -> Iterator[str]:
    name = f"public.parts_{uuid.uuid4().hex[:8]}"
    database.execute(f"CREATE TABLE {name} (id int PRIMARY KEY, word text, n int)")
    yield name
    database.rows(
        "SELECT aviso.untrack(relation) FROM aviso.tracked WHERE table_name = %s",
        [name.removeprefix("public.")],
    )
    database.execute(f"DROP TABLE IF EXISTS {name}")


def test_a_column_that_is_dropped_is_told_no_more_and_said_everywhere(
    stack: Stack, api: Api, database: Database, table: str
) -> None:
    feed = new_slug("parts")
    track(database, table, feed)
    database.execute(f"INSERT INTO {table} VALUES (1, 'one', 1)")

    database.execute(f"ALTER TABLE {table} DROP COLUMN word")

    problem = until(lambda: health(stack).get(table), "the relay's word", PATIENCE_S)
    assert problem == f"columns of {table} are gone, and told no more: word"
    assert metric(stack, "aviso_relay_table_problems") >= 1
    assert problem in stack.manage("tracked")
    # Nobody's statement fails, before and after it was noticed.
    database.execute(f"INSERT INTO {table} VALUES (2, 2)")
    until(lambda: told(api, feed).get("2") == {"id": 2, "n": 2}, "the row", PATIENCE_S)

    track(database, table, feed, "{id,n}")
    until(lambda: table not in health(stack), "the relay's silence", PATIENCE_S)


def test_a_table_that_is_replaced_is_said(
    stack: Stack, api: Api, database: Database, table: str
) -> None:
    feed = new_slug("parts")
    track(database, table, feed)
    database.execute(f"INSERT INTO {table} VALUES (1, 'one', 1), (2, 'two', 2)")

    with database.transaction() as connection:
        connection.execute(f"CREATE TABLE {table}_new (LIKE {table} INCLUDING ALL)")
        connection.execute(f"INSERT INTO {table}_new SELECT * FROM {table}")
        connection.execute(f"DROP TABLE {table}")
        connection.execute(
            f"ALTER TABLE {table}_new RENAME TO {table.removeprefix('public.')}"
        )

    problem = until(lambda: health(stack).get(table), "the relay's word", PATIENCE_S)
    assert problem.startswith(f"{table} was replaced")
    assert problem in stack.manage("tracked")


def test_a_partition_that_comes_and_goes_is_followed(
    stack: Stack, api: Api, database: Database
) -> None:
    feed, name = new_slug("parts"), f"public.parts_{uuid.uuid4().hex[:8]}"
    database.execute(f"CREATE TABLE {name} (id int PRIMARY KEY) PARTITION BY LIST (id)")
    database.execute(f"CREATE TABLE {name}_1 PARTITION OF {name} FOR VALUES IN (1)")
    database.execute(f"CREATE TABLE {name}_2 (id int PRIMARY KEY)")
    database.execute(f"INSERT INTO {name}_2 VALUES (2)")
    track(database, name, feed, "{id}")
    database.execute(f"INSERT INTO {name} VALUES (1)")
    until(lambda: held(api, feed) == {"1"}, "the row", PATIENCE_S)

    database.execute(f"ALTER TABLE {name} ATTACH PARTITION {name}_2 FOR VALUES IN (2)")
    until(lambda: held(api, feed) == {"1", "2"}, "the new rows", PATIENCE_S)

    database.execute(f"ALTER TABLE {name} DETACH PARTITION {name}_1")
    until(lambda: held(api, feed) == {"2"}, "the row that is left", PATIENCE_S)
    assert name not in health(stack)

    database.execute(f"SELECT aviso.untrack('{name}')")
    database.execute(f"DROP TABLE {name}, {name}_1")


def track(
    database: Database, table: str, feed: str, columns: str = "{id,word,n}"
) -> None:
    database.execute(
        f"SELECT aviso.track('{table}', feed => %s, columns => %s,"
        " visibility => 'public')",
        [feed, columns],
    )


def health(stack: Stack) -> dict[str, str]:
    """What the relay says of tracked tables; empty when it is not well."""
    said: dict[str, str] = json.loads(read(stack, "relay", "/healthz") or "{}").get(
        "tables", {}
    )
    return said


def metric(stack: Stack, name: str) -> float:
    lines = read(stack, "relay", "/metrics").splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))


def told(api: Api, feed: str) -> dict[str, Any]:
    return {
        event["subject"]: event["data"]["data"]
        for event in api.all_events(feed)
        if "subject" in event
    }


def held(api: Api, feed: str) -> set[str]:
    """The keys that whoever read the feed's events holds."""
    keys: set[str] = set()
    for event in api.all_events(feed):
        if event["type"] == "aviso.feed.reset.v1":
            keys.clear()
        elif event["type"] == "aviso.record.deleted.v1":
            keys.discard(event["subject"])
        elif "subject" in event:
            keys.add(event["subject"])
    return keys
