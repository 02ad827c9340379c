"""A session in the replica role is told like any other; an ordinary one once."""

from __future__ import annotations

import threading

from tests.capture.told import as_replica, read_readers_told, read_told
from tests.relay.drivers import Database, eventually


def test_writes_of_a_session_in_the_replica_role_are_told(database: Database) -> None:
    database.add_feed("orders")

    as_replica(
        database,
        "INSERT INTO aviso.records (feed, data)"
        " SELECT 'orders', jsonb_build_object('n', n) FROM generate_series(1, 2) AS n",
    )
    as_replica(
        database, "UPDATE aviso.records SET data = '{}' WHERE data = '{\"n\":2}'"
    )
    as_replica(database, "DELETE FROM aviso.records WHERE data = '{}'")
    as_replica(
        database, "INSERT INTO aviso.readers (feed, reader) VALUES ('orders', 'a@b')"
    )
    as_replica(database, "DELETE FROM aviso.readers")

    expected = [
        ("created", {"n": 1}),
        ("created", {"n": 2}),
        ("updated", {}),
        ("deleted", {}),
    ]
    assert expected == read_told(database)
    assert [("granted", "a@b"), ("revoked", "a@b")] == read_readers_told(database)


def test_a_feed_made_in_the_replica_role_has_its_progress(database: Database) -> None:
    as_replica(database, "INSERT INTO aviso.feeds (slug) VALUES ('orders')")

    assert [("orders", 0, 0, 0)] == database.run(
        "SELECT feed, sequence, published, pruned FROM aviso.feed_heads"
    )


def test_a_truncate_in_the_replica_role_is_told(database: Database) -> None:
    database.add_feed("orders")
    database.add_records("orders", 1)
    database.run("INSERT INTO aviso.readers (feed, reader) VALUES ('orders', 'a@b')")

    as_replica(database, "TRUNCATE aviso.records, aviso.readers")

    assert ("deleted", {"n": 1}) == read_told(database)[-1]
    assert ("revoked", "a@b") == read_readers_told(database)[-1]


def test_an_ordinary_session_is_told_once_though_all_triggers_were_enabled(
    database: Database,
) -> None:
    """As pg_restore leaves them after --disable-triggers."""
    for table in ("feeds", "records", "readers"):
        database.run(f"ALTER TABLE aviso.{table} ENABLE TRIGGER ALL")
    database.add_feed("orders")

    database.add_records("orders", 1)
    database.run("UPDATE aviso.records SET data = '{}'")
    database.run("DELETE FROM aviso.records")
    database.run("INSERT INTO aviso.readers (feed, reader) VALUES ('orders', 'a@b')")

    assert ["created", "updated", "deleted"] == [
        kind for kind, _ in read_told(database)
    ]
    assert [("granted", "a@b")] == read_readers_told(database)


def test_a_record_and_its_feed_that_arrive_at_one_time_miss_nothing(
    database: Database,
) -> None:
    """As when both tables are copied at once."""
    feed = threading.Thread(
        target=as_replica,
        args=(database, "INSERT INTO aviso.feeds (slug) VALUES ('orders')"),
    )

    with database.connect() as records, records.transaction():
        records.execute("SET session_replication_role = replica")
        records.execute(
            "INSERT INTO aviso.records (feed, data) VALUES ('orders', '{}')"
        )
        feed.start()
        eventually(
            lambda: database.value("SELECT count(*) FROM pg_locks WHERE NOT granted")
        )
    feed.join(60)

    assert [("created", {})] == read_told(database)
