"""A restore tells nothing again, whichever way it takes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.capture.told import read_told
from tests.postgresql import has_programs, server_program
from tests.relay.drivers import Database, environment_for, manage

pytestmark = pytest.mark.skipif(
    not has_programs("pg_dump", "psql"), reason="this PostgreSQL came without clients"
)
_TABLES = ("feeds", "events", "queue", "places", "feed_progress", "readers", "records")
_DATA = ("--data-only", "--schema=aviso")
_REPLICA = "-c session_replication_role=replica"


@pytest.fixture
def full(database: Database) -> Database:
    """Records and readers with a past, all of it numbered."""
    database.add_feed("orders")
    database.add_records("orders", 5)
    database.run("UPDATE aviso.records SET data = '{}' WHERE data = '{\"n\": 2}'")
    database.run("DELETE FROM aviso.records WHERE data = '{\"n\": 3}'")
    for reader in ("ada@b", "bob@b"):
        database.run(
            "INSERT INTO aviso.readers (feed, reader) VALUES ('orders', %s)", reader
        )
    database.run("DELETE FROM aviso.readers WHERE reader = 'ada@b'")
    database.number()
    database.run("UPDATE aviso.feed_progress SET published = 7")
    return database


@pytest.fixture
def empty(server: str) -> Iterator[Database]:
    database = Database(server)
    yield database
    database.drop()


def test_a_whole_dump_is_restored_exactly(full: Database, empty: Database) -> None:
    restore(dump(full), empty)

    check_same(full, empty)
    check_told_once(empty)


@pytest.mark.parametrize(
    ("options", "session"),
    [(("--disable-triggers",), ""), ((), ""), ((), _REPLICA)],
    ids=["triggers disabled", "triggers on", "replica role"],
)
def test_data_alone_is_restored_without_telling_it_again(
    full: Database, other: Database, options: tuple[str, ...], session: str
) -> None:
    restore(dump(full, *_DATA, *options), other, session)
    manage(environment_for(other.url, "", 1), "migrate", "--verbosity", "0")

    # Where the triggers of feeds fire, the relay is to look at each: no more than that.
    other.run("DELETE FROM aviso.queue WHERE size = 0")
    check_same(full, other)
    check_told_once(other)


def test_a_restore_in_which_the_log_comes_last_leaves_nothing(
    full: Database, other: Database
) -> None:
    first = ("--table=aviso.feeds", "--table=aviso.records")
    log = dump(full, *_DATA, "--table=aviso.events")
    records = "".join(dump(full, "--data-only", table) for table in first)

    with pytest.raises(AssertionError, match="events_pkey"):
        restore(records + log, other)

    assert [(0,)] == other.run("SELECT count(*) FROM aviso.records")


def test_only_what_was_lost_is_told_of_a_table_that_is_restored(
    full: Database,
) -> None:
    records = dump(full, "--data-only", "--table=aviso.records")
    full.run("DELETE FROM aviso.records WHERE data = '{\"n\": 4}'")
    full.run("ALTER TABLE aviso.records DISABLE TRIGGER USER")
    full.run("DELETE FROM aviso.records")
    full.run("ALTER TABLE aviso.records ENABLE TRIGGER USER")
    before = read_told(full)

    restore(records, full)

    assert [("created", {"n": 4})] == read_told(full)[len(before) :]


def test_the_triggers_of_arriving_rows_are_mended_by_migrate(
    database: Database,
) -> None:
    modes = (
        "SELECT tgname, tgenabled FROM pg_trigger"
        " JOIN pg_class ON tgrelid = pg_class.oid"
        " WHERE relnamespace = 'aviso'::regnamespace AND NOT tgisinternal ORDER BY 1"
    )
    before = database.run(modes)
    database.run("ALTER TABLE aviso.records DISABLE TRIGGER ALL")
    database.run("ALTER TABLE aviso.records ENABLE TRIGGER ALL")
    assert before != database.run(modes)

    manage(environment_for(database.url, "", 1), "migrate", "--verbosity", "0")

    assert before == database.run(modes)


def dump(database: Database, *options: str) -> str:
    return run_program("pg_dump", "--dbname", database.url, *options)


def restore(text: str, database: Database, session: str = "") -> None:
    options = [
        "--set=ON_ERROR_STOP=1",
        "--quiet",
        "--no-psqlrc",
        "--single-transaction",
    ]
    run_program("psql", *options, database.url, text=text, session=session)


def run_program(name: str, *options: str, text: str = "", session: str = "") -> str:
    done = subprocess.run(
        [server_program(name), *options],
        check=False,
        capture_output=True,
        text=True,
        input=text,
        env={**os.environ, "PGOPTIONS": session},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_same(database: Database, restored: Database) -> None:
    for table in _TABLES:
        rows = f"SELECT * FROM aviso.{table} AS t ORDER BY t::text"
        assert database.run(rows) == restored.run(rows), table


def check_told_once(restored: Database) -> None:
    before = len(read_told(restored))
    restored.add_records("orders", 1)
    assert [("created", {"n": 1})] == read_told(restored)[before:]
