"""Rows that arrive by logical replication are told, each once."""

from __future__ import annotations

import uuid

from tests.capture.replication import Pair
from tests.capture.told import read_readers_told, read_told
from tests.relay.drivers import Looking


def test_rows_of_the_first_copy_are_told_once(pair: Pair) -> None:
    pair.source.add_feed("orders")
    pair.target.add_feed("orders")
    pair.source.add_records("orders", 3)

    pair.replicate("aviso.records")

    assert [("created", {"n": n}) for n in (1, 2, 3)] == read_told(pair.target)


def test_rows_that_arrive_later_are_told_once(pair: Pair) -> None:
    pair.source.add_feed("orders")
    pair.target.add_feed("orders")
    pair.replicate("aviso.records")

    pair.source.add_records("orders", 2)
    pair.source.run(
        "UPDATE aviso.records SET data = '{\"n\": 9}' WHERE data = '{\"n\": 2}'"
    )
    pair.source.run("UPDATE aviso.records SET data = data")
    pair.source.run("DELETE FROM aviso.records WHERE data = '{\"n\": 1}'")
    pair.wait()

    expected = [
        ("created", {"n": 1}),
        ("created", {"n": 2}),
        ("updated", {"n": 9}),
        ("deleted", {"n": 1}),
    ]
    assert expected == read_told(pair.source) == read_told(pair.target)
    versions = "SELECT data::jsonb -> 'version' FROM aviso.events ORDER BY changeset"
    assert pair.source.run(versions) == pair.target.run(versions) == [
        (1,), (1,), (2,), (2,)
    ]  # fmt: skip


def test_a_truncate_that_arrives_is_told_as_deletions(pair: Pair) -> None:
    pair.source.add_feed("orders")
    pair.target.add_feed("orders")
    pair.source.add_records("orders", 2)
    pair.replicate("aviso.records")
    pair.source.run("ALTER TABLE aviso.records DISABLE TRIGGER records_truncating")

    pair.source.run("TRUNCATE aviso.records")
    pair.wait()

    assert [(0,)] == pair.target.run("SELECT count(*) FROM aviso.records")
    assert [("deleted", {"n": 1}), ("deleted", {"n": 2})] == read_told(pair.target)[2:]


def test_a_table_of_another_kind_needs_only_id_feed_and_data(pair: Pair) -> None:
    pair.source.run("DROP TABLE aviso.records CASCADE")
    pair.source.run(
        "CREATE TABLE aviso.records (id uuid PRIMARY KEY, feed text, data jsonb)"
    )
    pair.target.add_feed("orders")
    pair.target.add_feed("stock")
    pair.replicate("aviso.records")
    key = uuid.uuid4()

    pair.source.run("INSERT INTO aviso.records VALUES (%s, 'orders', '{}')", key)
    pair.source.run("UPDATE aviso.records SET data = '{\"n\": 1}'")
    pair.source.run("UPDATE aviso.records SET feed = 'stock'")
    pair.wait()

    orders = [("created", {}), ("updated", {"n": 1}), ("deleted", {"n": 1})]
    assert orders == read_told(pair.target)
    assert [("created", {"n": 1})] == read_told(pair.target, "stock")
    versions = pair.target.run(
        "SELECT data::jsonb -> 'version' FROM aviso.events WHERE feed = 'orders'"
        " ORDER BY changeset"
    )
    assert [(1,), (2,), (3,)] == versions


def test_local_writers_and_rows_that_arrive_do_not_take_each_others_numbers(
    pair: Pair,
) -> None:
    for database in (pair.source, pair.target):
        database.add_feed("orders")
    pair.replicate("aviso.records")

    pair.source.add_records("orders", 3)
    pair.wait()
    pair.target.add_records("orders", 3)

    assert 6 == len(read_told(pair.target))


def test_feeds_that_arrive_are_opened_here_under_an_epoch_of_their_own(
    pair: Pair,
) -> None:
    pair.source.add_feed("orders")
    pair.source.run("UPDATE aviso.feeds SET announced_at = now()")
    pair.source.add_records("orders", 1)
    pair.replicate("aviso.feeds, aviso.records")
    pair.source.add_feed("stock")
    pair.source.add_records("stock", 1)
    pair.wait()

    epochs = "SELECT epoch FROM aviso.feeds"
    assert not set(pair.source.run(epochs)) & set(pair.target.run(epochs))
    state = pair.target.run(
        "SELECT feed, announced_at FROM aviso.feed_progress"
        " JOIN aviso.feeds ON slug = feed ORDER BY feed"
    )
    assert [("orders", None), ("stock", None)] == state
    with Looking(pair.target) as looking:
        numbered = looking.take_all()
    assert [("orders", 1, 1), ("stock", 1, 1)] == sorted(
        (n.feed, n.first, n.last) for n in numbered
    )


def test_what_arrives_before_its_feed_is_told_when_that_comes(pair: Pair) -> None:
    pair.source.add_feed("orders")
    pair.replicate("aviso.records, aviso.readers")
    pair.source.add_records("orders", 2)
    pair.source.run("DELETE FROM aviso.records WHERE data = '{\"n\": 1}'")
    pair.source.run("INSERT INTO aviso.readers (feed, reader) VALUES ('orders', 'a@b')")
    pair.wait()
    assert 0 == pair.target.unnumbered()

    pair.target.add_feed("orders")

    assert [("created", {"n": 2})] == read_told(pair.target)
    assert [("granted", "a@b")] == read_readers_told(pair.target)


def test_a_feeds_opening_there_is_no_opening_here(pair: Pair) -> None:
    pair.source.add_feed("orders")
    pair.replicate("aviso.feeds")
    epoch = pair.target.value("SELECT epoch FROM aviso.feeds")

    pair.source.run(
        "UPDATE aviso.feeds SET announced_at = now(), epoch = aviso.new_epoch()"
    )
    pair.source.run("UPDATE aviso.feeds SET announced_at = now(), title = 'Orders'")
    pair.wait()

    arrived = pair.target.run("SELECT title, epoch, announced_at FROM aviso.feeds")
    assert [("Orders", epoch, None)] == arrived


def test_a_feed_that_becomes_private_there_is_announced_here(pair: Pair) -> None:
    pair.source.add_feed("orders")
    pair.replicate("aviso.feeds")
    pair.target.run("UPDATE aviso.feeds SET announced_at = now()")
    with Looking(pair.target) as looking:
        looking.take_all()
        pair.source.run("UPDATE aviso.feeds SET visibility = 'private'")
        pair.wait()

        assert ["orders"] == looking.take().to_look_at
    assert [(None,)] == pair.target.run("SELECT announced_at FROM aviso.feeds")


def test_readers_that_arrive_are_let_in_and_put_out(pair: Pair) -> None:
    for database in (pair.source, pair.target):
        database.add_feed("orders")
    grant = "INSERT INTO aviso.readers (feed, reader) VALUES ('orders', %s)"
    pair.source.run(grant, "ada@localhost")
    pair.replicate("aviso.readers")

    pair.source.run(grant, "bob@localhost")
    pair.source.run("DELETE FROM aviso.readers WHERE reader = 'ada@localhost'")
    pair.wait()

    expected = [
        ("granted", "ada@localhost"),
        ("granted", "bob@localhost"),
        ("revoked", "ada@localhost"),
    ]
    assert expected == read_readers_told(pair.source)
    assert expected == read_readers_told(pair.target)


def test_where_the_log_arrives_too_nothing_is_told_again(pair: Pair) -> None:
    tables = "feeds, events, queue, places, feed_progress, readers, records"
    pair.source.add_feed("orders")
    pair.source.add_records("orders", 2)
    pair.source.number()

    pair.replicate(
        "aviso.feeds, aviso.events, aviso.queue, aviso.places, aviso.feed_progress,"
        " aviso.readers, aviso.records"
    )
    pair.source.add_feed("stock")
    pair.source.add_records("stock", 1)
    pair.source.run("INSERT INTO aviso.readers (feed, reader) VALUES ('stock', 'a@b')")
    pair.source.run("UPDATE aviso.records SET data = '{}'")
    pair.source.number()
    pair.wait()

    for table in tables.split(", "):
        rows = f"SELECT * FROM aviso.{table} AS t ORDER BY t::text"
        assert pair.source.run(rows) == pair.target.run(rows), table
