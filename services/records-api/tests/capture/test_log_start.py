"""Whoever tells an event says how its subject begins: by that it is found."""

from __future__ import annotations

from typing import LiteralString

import psycopg
import pytest

from tests.capture.told import untold
from tests.relay.drivers import Database, environment_for, manage

# Shortened, it is another one.
LONG = "é" * 700
WRITERS: dict[str, LiteralString] = {
    "a row": "INSERT INTO shop VALUES (%(long)s)",
    "an update": "UPDATE shop SET price = 2",
    "rows": "INSERT INTO shop VALUES (%(long)s), ('short')",
    "a state": (
        "SELECT aviso.tell_states((SELECT id FROM aviso.tracked_tables),"
        " ARRAY[('shop', NULL, %(long)s::text, '{}', NULL)::aviso.state])"
    ),
    "a truncation": "TRUNCATE shop",
    "a record": "INSERT INTO aviso.records (feed, data) VALUES ('orders', '{}')",
    "a reader": "INSERT INTO aviso.readers (feed, reader) VALUES ('orders', 'a@b')",
    "a word": "SELECT aviso.tell('orders', 'unavailable', %(long)s, NULL, '{}')",
    "a word on all": "SELECT aviso.tell('orders', 'reset', NULL, NULL, '{}')",
}
WRONG: LiteralString = (
    "SELECT type, start, subject FROM aviso.events"
    " WHERE start <> coalesce(left(subject, 600), '')"
)


@pytest.fixture
def shop(database: Database) -> Database:
    database.run("CREATE TABLE public.shop (name text PRIMARY KEY, price int)")
    database.run("INSERT INTO shop VALUES (repeat('e', 700), 1)")
    database.run("SELECT aviso.track('public.shop', 'shop', '{name,price}')")
    database.add_feed("orders")
    return database


@pytest.mark.parametrize("statement", WRITERS.values(), ids=WRITERS.keys())
def test_an_event_begins_as_its_subject_does(
    shop: Database, statement: LiteralString
) -> None:
    before = shop.value("SELECT count(*) FROM aviso.events")

    with shop.connect() as connection:
        connection.execute(statement, {"long": LONG})

    assert shop.value("SELECT count(*) FROM aviso.events") > before
    assert [] == shop.run(WRONG)


def test_an_event_that_is_told_later_begins_as_its_subject_does(
    shop: Database,
) -> None:
    untold(shop, "INSERT INTO aviso.records (feed, data) VALUES ('orders', '{}')")
    untold(shop, "INSERT INTO aviso.readers (feed, reader) VALUES ('orders', 'a@b')")

    manage(environment_for(shop.url, "", 1), "recapture", "orders")

    told = shop.run("SELECT type FROM aviso.events WHERE feed = 'orders' ORDER BY type")
    assert [("created",), ("granted",)] == told
    assert [] == shop.run(WRONG)


def test_an_event_without_is_refused(database: Database) -> None:
    with pytest.raises(psycopg.errors.NotNullViolation, match="start"):
        database.run(
            "INSERT INTO aviso.events (changeset, place, type, feed, subject, data)"
            " VALUES (1, 1, 'created', 'orders', 'a', '{}')"
        )
