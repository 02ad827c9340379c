"""What can not be a feed is refused with one sentence, and nothing is half attached."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest

from tests.relay.drivers import Database

TABLES: LiteralString = """
CREATE TABLE orders (id bigint PRIMARY KEY, status text, total numeric);
CREATE TABLE keyless (id bigint);
CREATE TABLE deferred (id bigint PRIMARY KEY DEFERRABLE);
CREATE UNLOGGED TABLE unlogged (id bigint PRIMARY KEY);
CREATE VIEW seen AS SELECT * FROM orders;
CREATE MATERIALIZED VIEW kept AS SELECT seen.* FROM seen JOIN orders USING (id);
CREATE TABLE parent (id bigint PRIMARY KEY);
CREATE TABLE child (extra text) INHERITS (parent);
CREATE TABLE parted (id bigint PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE leaf PARTITION OF parted FOR VALUES FROM (0) TO (9);
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE distant (id bigint) SERVER elsewhere;
CREATE TABLE taker (id bigint PRIMARY KEY);
CREATE TABLE noted (id bigint PRIMARY KEY, note json);
INSERT INTO aviso.feeds (slug) VALUES ('taken'), ('of-7');
"""


@pytest.fixture
def shop(database: Database) -> Database:
    database.run(TABLES)
    return database


@pytest.fixture(scope="module")
def untouched(server: str, migrated: str) -> Iterator[Database]:
    """One shop for all that is refused in it: nothing of that stays."""
    database = Database(server, migrated)
    database.run(TABLES)
    yield database
    database.drop()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("'nowhere', 'f', '{id}'", 'relation "nowhere" does not exist'),
        ("'orders', 'f', '{id,colour}'", "public.orders has no column 'colour'"),
        ("'orders', 'f', '{status}'", "column 'id' is part of the key"),
        ("'orders', 'f', '{}'", "no columns are named"),
        ("'orders', 'f', '{id,id}'", "column 'id' is named twice"),
        ("'orders', 'f', '{id,tableoid}'", "has no column 'tableoid'"),
        ("'orders', 'Orders', '{id}'", "'Orders' names no feed"),
        ("'orders', '', '{id}'", "'' names no feed"),
        ("'orders', NULL, '{id}'", "NULL names no feed"),
        ("'orders', repeat('x', 65), '{id}'", "longer than 64 characters"),
        ("'orders', 'a-{id}-{status}', '{id}'", "names no feed"),
        ("'orders', 'a-{colour}', '{id}'", "no column 'colour', which the feed names"),
        ("'orders', '{id}', '{id}'", "has to have 1 to 30 characters"),
        (
            "'noted', 'f-{note}', '{id}'",
            "column 'note' of public.noted can name no feed",
        ),
        ("'orders', 'taken', '{id}'", "feed 'taken' is taken"),
        ("'orders', 'of-{id}', '{id}'", "feed 'of-7' is taken"),
        ("'orders', 'f', '{id}', visibility => 'open'", "expected public or private"),
        ("'orders', 'f', '{id}', on_truncate => 'x'", "expected reset or refuse"),
        ("'orders', 'f-{id}', '{id}', max_feeds => 0", "max_feeds is 0"),
        ("'pg_class', 'f', '{oid}'", "belongs to PostgreSQL's catalog"),
        ("'aviso.feeds', 'f', '{slug}'", "aviso.feeds is Aviso's own"),
        ("'keyless', 'f', '{id}'", "has no primary key"),
        ("'deferred', 'f', '{id}'", "is deferrable"),
        ("'unlogged', 'f', '{id}'", "is unlogged"),
        (
            "'seen', 'f', '{id}'",
            "is a view, and no trigger sees what its query returns:"
            " track what it reads (public.orders)",
        ),
        ("'kept', 'f', '{id}'", "track what it reads (public.orders, public.seen)"),
        ("'parent', 'f', '{id}'", "inheritance"),
        ("'child', 'f', '{id}'", "inheritance"),
        ("'leaf', 'f', '{id}'", "is a partition: track public.parted"),
        ("'distant', 'f', '{id}'", "is a foreign table"),
        ("'orders_pkey', 'f', '{id}'", "is no table"),
    ],
)
def test_each_is_refused(
    untouched: Database, call: LiteralString, sentence: LiteralString
) -> None:
    before = attached(untouched)

    with pytest.raises(psycopg.Error) as refusal:
        untouched.run(f"SELECT aviso.track({call})")

    assert sentence in (refusal.value.diag.message_primary or "")
    assert before == attached(untouched)


@pytest.mark.parametrize(
    "where",
    [
        "",
        "status =",
        "colour = 'x'",
        "total",
        "status = (SELECT 'x')",
        "EXISTS (SELECT 1)",
        "total > random()",
        "now() > '2026-01-01'",
        "count(*) > 1",
        "row_number() OVER () > 1",
        "true); DROP TABLE orders; --",
        "true) ; CREATE TABLE stolen (a int); SELECT (1",
        "orders IS NULL",
        "aviso_where IS NOT NULL",
        "tableoid = 1",
        "true) ORDER BY (1",
        "generate_series(1, 2) = 1",
    ],
)
def test_a_where_is_one_immutable_expression_over_the_row(
    untouched: Database, where: str
) -> None:
    before = attached(untouched)

    with pytest.raises(psycopg.Error, match=r"the where of public\.orders, "):
        untouched.run("SELECT aviso.track('orders', 'f', '{id}', %s)", where)

    assert before == attached(untouched)


def test_a_where_is_read_by_its_writers_search_path(shop: Database) -> None:
    shop.run(
        "CREATE SCHEMA other;"
        "CREATE FUNCTION other.big(numeric) RETURNS boolean IMMUTABLE LANGUAGE sql"
        " AS 'SELECT $1 > 10'"
    )
    with shop.connect() as connection:
        connection.execute("SET search_path = other, public")
        connection.execute("SELECT aviso.track('orders', 'f', '{id}', 'big(total)')")
        connection.execute("SET search_path = public")
        connection.execute("INSERT INTO orders VALUES (1, 'a', 9), (2, 'b', 11)")

    assert "other.big(total)" == shop.value('SELECT "where" FROM aviso.tracked')
    assert [("2",)] == shop.run("SELECT subject FROM aviso.events WHERE feed = 'f'")


def test_two_tables_can_not_mean_the_same_feed(shop: Database) -> None:
    shop.run("SELECT aviso.track('orders', 'mine-{status}', '{id}')")

    for feed in ("mine-{id}", "mine-x-{id}", "m{id}"):
        with pytest.raises(psycopg.Error, match="could have the names of feeds"):
            shop.run("SELECT aviso.track('taker', %s, '{id}')", feed)
    with pytest.raises(psycopg.Error, match="would be one of table"):
        shop.run("SELECT aviso.track('taker', 'mine-a', '{id}')")
    with pytest.raises(psycopg.Error, match="would be one of table"):
        shop.add_feed("mine-b")


def test_a_temporary_table_is_refused_and_named(untouched: Database) -> None:
    before = attached(untouched)

    with untouched.connect() as session:
        session.execute("CREATE TEMPORARY TABLE fleeting (id bigint PRIMARY KEY)")
        with pytest.raises(
            psycopg.Error,
            match=r"^pg_temp_\d+\.fleeting is temporary: no other session",
        ):
            session.execute("SELECT aviso.track('fleeting', 'f', '{id}')")

    assert before == attached(untouched)


def test_a_table_that_others_use_is_waited_for_and_given_up(shop: Database) -> None:
    with shop.connect() as writer, writer.transaction():
        writer.execute("INSERT INTO orders VALUES (1)")
        with pytest.raises(psycopg.errors.LockNotAvailable, match="others are using"):
            shop.run("SELECT aviso.track('orders', 'f', '{id}')")
    assert [] == shop.run("SELECT * FROM aviso.tracked")


def test_a_table_is_tracked_when_its_writer_has_ended_and_nobody_queues_behind(
    shop: Database,
) -> None:
    tracking = threading.Thread(
        target=shop.run, args=("SELECT aviso.track('orders', 'f', '{id}')",)
    )
    with shop.connect() as writer, writer.transaction():
        writer.execute("INSERT INTO orders VALUES (1)")
        tracking.start()
        for n in range(2, 12):
            shop.run("INSERT INTO orders VALUES (%s)", n)
    tracking.join(60)

    assert [("f",)] == shop.run("SELECT feed FROM aviso.tracked")


def attached(database: Database) -> list[tuple[object, ...]]:
    return database.run(
        "SELECT count(*) FROM pg_proc UNION ALL SELECT count(*) FROM pg_trigger"
        " UNION ALL SELECT count(*) FROM aviso.feeds"
        " UNION ALL SELECT count(*) FROM aviso.tracked_tables"
        " UNION ALL SELECT count(*) FROM pg_class WHERE relname IN ('orders', 'stolen')"
    )


def test_tracking_again_waits_for_nobody_who_writes_records(shop: Database) -> None:
    shop.run("SELECT aviso.track('orders', 'again', '{id}')")
    shop.run("SELECT aviso.untrack('orders')")
    with psycopg.connect(shop.url) as writer:
        writer.execute("INSERT INTO aviso.records (feed, data) VALUES ('again', '{}')")
        with pytest.raises(psycopg.Error, match="writing to a feed of again: try"):
            shop.run("SELECT aviso.track('orders', 'again', '{id}')")
        writer.rollback()

    shop.run("SELECT aviso.track('orders', 'again', '{id}')")
