"""`manage.py recapture` tells what was written without an event, once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from pytest_django import DjangoDbBlocker

from aviso.capture import recapture
from records_api.database import parse_database_url
from tests.capture.told import read_readers_told, read_told, untold
from tests.relay.drivers import (
    PATIENCE_S,
    Database,
    environment_for,
    eventually,
    manage,
)

Run = Callable[..., str]
INSERT = "INSERT INTO aviso.records (feed, data) VALUES ('orders', %s)"


@pytest.fixture
def run(database: Database, django_here: None, monkeypatch: pytest.MonkeyPatch) -> Run:
    # A writer that it waits for ends when the test has seen that it waits.
    monkeypatch.setattr(recapture, "_LOCK_TIMEOUT_MS", round(PATIENCE_S * 1000))
    monkeypatch.setattr(recapture, "_STATEMENT_TIMEOUT_MS", round(PATIENCE_S * 1000))
    database.add_feed("orders")

    def run(*arguments: str) -> str:
        out = StringIO()
        try:
            call_command("recapture", *arguments, stdout=out)
        finally:
            connection.close()
        return out.getvalue().strip()

    return run


@pytest.fixture
def django_here(
    database: Database, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Have this process's Django work on the test's database, without a pool."""
    configured = connections.settings["default"]
    before = dict(configured)
    with django_db_blocker.unblock():
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined] # not yet in django-stubs
        configured |= parse_database_url("url", database.url)
        configured["OPTIONS"] = {}
        yield
        connection.close()
    configured |= before


def test_a_feed_that_lacks_nothing_is_complete(database: Database, run: Run) -> None:
    database.add_records("orders", 2)
    database.run("UPDATE aviso.records SET data = '{}' WHERE data = '{\"n\": 1}'")
    database.run("DELETE FROM aviso.records WHERE data = '{\"n\": 2}'")
    database.run("INSERT INTO aviso.readers (feed, reader) VALUES ('orders', 'a@b')")
    before = read_told(database)

    assert "orders complete" == run("orders")

    assert before == read_told(database)


def test_what_was_written_untold_is_told_once(database: Database, run: Run) -> None:
    database.add_records("orders", 3)
    untold(database, INSERT, '{"n": 4}')
    untold(database, "UPDATE aviso.records SET data = '{}' WHERE data = '{\"n\": 1}'")
    untold(database, "DELETE FROM aviso.records WHERE data = '{\"n\": 2}'")

    dry = run("orders", "--dry-run")
    assert 3 == len(read_told(database))
    first, second = run("--all"), run("orders")

    assert "orders created 1 deleted 1 updated 1" == dry == first
    assert "orders complete" == second
    told = sorted(map(str, read_told(database)[3:]))
    expected = [("created", {"n": 4}), ("deleted", {"n": 2}), ("updated", {})]
    assert [str(event) for event in expected] == told


def test_a_record_that_came_back_untold_is_told_to_be_there(
    database: Database, run: Run
) -> None:
    database.add_records("orders", 1)
    database.run("CREATE TABLE kept AS SELECT * FROM aviso.records")
    database.run("DELETE FROM aviso.records")
    untold(database, "INSERT INTO aviso.records SELECT * FROM kept")

    assert "orders created 1" == run("orders")

    assert ("created", {"n": 1}) == read_told(database)[-1]


def test_a_deletion_is_told_with_the_last_state_and_the_next_version(
    database: Database, run: Run
) -> None:
    database.run(INSERT, '{"n": 1.50}')
    untold(database, "DELETE FROM aviso.records")

    run("orders")

    created, deleted = database.run("SELECT data FROM aviso.events ORDER BY changeset")
    was, is_now = json.loads(created[0]), json.loads(deleted[0])
    assert was | {"version": 2, "updated_at": is_now["updated_at"]} == is_now
    assert '"data":{"n": 1.50}' in deleted[0]


def test_other_feeds_are_left_alone(database: Database, run: Run) -> None:
    database.add_feed("stock")
    untold(database, "INSERT INTO aviso.records (feed, data) VALUES ('stock', '{}')")

    assert "orders complete" == run("orders")

    assert [] == read_told(database, "stock")
    with pytest.raises(CommandError, match="there is no feed nope"):
        run("nope")


def test_readers_are_made_good_too(database: Database, run: Run) -> None:
    grant = "INSERT INTO aviso.readers (feed, reader) VALUES ('orders', %s)"
    for reader in ("ada@b", "bob@b"):
        database.run(grant, reader)
    untold(database, grant, "eve@b")
    untold(
        database, "UPDATE aviso.readers SET revoked_at = now() WHERE reader = 'ada@b'"
    )
    untold(database, "DELETE FROM aviso.readers WHERE reader = 'bob@b'")

    first, second = run("orders"), run("orders")

    assert ("orders granted 1 revoked 2", "orders complete") == (first, second)
    told = sorted(read_readers_told(database)[2:])
    assert [("granted", "eve@b"), ("revoked", "ada@b"), ("revoked", "bob@b")] == told


def test_many_pages_are_looked_through(database: Database, run: Run) -> None:
    database.add_records("orders", 6_000)
    untold(
        database,
        "INSERT INTO aviso.records (feed, data)"
        " SELECT 'orders', '{}' FROM generate_series(1, 1200)",
    )
    untold(database, "DELETE FROM aviso.records WHERE mod((data -> 'n')::int, 2) = 1")

    assert "orders created 1200 deleted 3000" == run("orders")

    assert "orders complete" == run("orders")


def test_what_was_pruned_is_not_told_again_and_what_is_unknown_is_said(
    database: Database, run: Run
) -> None:
    database.add_records("orders", 3)
    database.run("UPDATE aviso.records SET data = '{}' WHERE data = '{\"n\": 2}'")
    database.add_records("orders", 1)
    database.number()
    database.run("UPDATE aviso.feed_progress SET published = 5")
    database.run("UPDATE aviso.events SET time = now() - interval '9 days'")
    manage(environment_for(database.url, "", 1), "prune_events", "--older-than", "5")
    assert [("created", {"n": 1})] == read_told(database)
    untold(database, INSERT, '{"n": 9}')

    assert "orders created 1 unknown 1" == run("orders")
    assert "orders unknown 1" == run("orders")
    assert "orders updated 1" == run("orders", "--unknown")
    assert "orders complete" == run("orders")
    assert [("created", {"n": 9}), ("updated", {})] == read_told(database)[1:]


def test_a_feed_that_was_inserted_untold_gets_its_progress(
    database: Database, run: Run
) -> None:
    database.run("ALTER TABLE aviso.feeds DISABLE TRIGGER USER")
    database.add_feed("stock")
    database.run("ALTER TABLE aviso.feeds ENABLE TRIGGER USER")

    run("stock")

    assert [("stock",)] == database.run(
        "SELECT feed FROM aviso.feed_heads WHERE feed = 'stock'"
    )


def test_a_record_that_is_being_written_is_told_as_it_is_afterwards(
    database: Database, run: Run
) -> None:
    untold(database, INSERT, '{"n": 1}')
    untold(database, INSERT, '{"n": 2}')

    with (
        database.connect() as writer,
        Meanwhile(run, "orders") as meanwhile,
        writer.transaction(),
    ):
        writer.execute(
            "UPDATE aviso.records SET data = '{\"n\": 3}' WHERE data = '{\"n\": 2}'"
        )
        meanwhile.start()
        meanwhile.wait_for_lock(database)
        # What nobody else writes is not kept waiting.
        assert [("created", {"n": 1})] == read_told(database)

    assert "orders created 1" == meanwhile.said
    told = sorted(map(str, read_told(database)))
    assert [str(("created", {"n": 1})), str(("updated", {"n": 3}))] == told


def test_an_id_that_is_being_used_again_is_not_told_to_be_gone(
    database: Database, run: Run
) -> None:
    database.add_records("orders", 1)
    database.run("CREATE TABLE kept AS SELECT id, feed, data FROM aviso.records")
    untold(database, "DELETE FROM aviso.records")

    with (
        database.connect() as writer,
        Meanwhile(run, "orders") as meanwhile,
        writer.transaction(),
    ):
        writer.execute("INSERT INTO aviso.records (id, feed, data) SELECT * FROM kept")
        meanwhile.start()
        meanwhile.wait_for_lock(database)

    assert "orders complete" == meanwhile.said
    assert ["created", "created"] == [kind for kind, _ in read_told(database)]


def test_two_at_a_time_tell_everything_once(database: Database, run: Run) -> None:
    untold(
        database,
        "INSERT INTO aviso.records (feed, data)"
        " SELECT 'orders', '{}' FROM generate_series(1, 2000)",
    )

    with Meanwhile(run, "orders") as one, Meanwhile(run, "orders") as two:
        one.start()
        two.start()

    assert 2000 == len(read_told(database))


class Meanwhile:
    """A recapture in a thread; over, and without a fault, at the block's end."""

    def __init__(self, run: Run, *arguments: str) -> None:
        self._thread = threading.Thread(target=self._run, args=(run, arguments))
        self.said = ""

    def __enter__(self) -> Meanwhile:
        return self

    def start(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._thread.join(2 * PATIENCE_S)
        assert self.said

    def wait_for_lock(self, database: Database) -> None:
        eventually(
            lambda: database.value(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND datname = current_database()"
            )
        )

    def _run(self, run: Run, arguments: tuple[str, ...]) -> None:
        self.said = run(*arguments)
