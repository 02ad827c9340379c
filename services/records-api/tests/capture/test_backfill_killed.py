"""A backfill that dies at its worst moments goes on, and tells each row once."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString

import psycopg
import pytest

from tests.capture.folding import EVENTS, fold_rows
from tests.relay.drivers import (
    PATIENCE_S,
    SERVICE,
    Database,
    environment_for,
    eventually,
)

ROWS = 20_000
_SEED = 20260729
_GATE = 20_260_729
_FUNCTION: LiteralString = (
    "CREATE FUNCTION public.gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    f" PERFORM pg_advisory_xact_lock_shared({_GATE}); RETURN NEW; END $$"
)
_AT: dict[str, LiteralString] = {
    "told and not noted": "CREATE TRIGGER gate BEFORE UPDATE ON aviso.tracked_tables"
    " FOR EACH ROW WHEN (NEW.told > OLD.told) EXECUTE FUNCTION public.gate()",
    "within its commit": "CREATE CONSTRAINT TRIGGER gate AFTER UPDATE ON"
    " aviso.tracked_tables DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
    " WHEN (NEW.told > OLD.told) EXECUTE FUNCTION public.gate()",
    # Whoever is to kill it before may be slow.
    "far from its end": "CREATE TRIGGER gate BEFORE UPDATE ON aviso.tracked_tables"
    f" FOR EACH ROW WHEN (NEW.looked_at > {ROWS // 2}) EXECUTE FUNCTION public.gate()",
}
_WAITING: LiteralString = (
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    f" AND objid = {_GATE} AND database = (SELECT oid FROM pg_database"
    " WHERE datname = current_database())"
)


@pytest.fixture
def stock(database: Database) -> Database:
    database.run("CREATE TABLE public.stock (id int PRIMARY KEY, n int NOT NULL)")
    database.run(
        "INSERT INTO public.stock SELECT n, 0 FROM generate_series(1, %s) AS n", ROWS
    )
    database.run("SELECT aviso.track('public.stock', 'orders', '{id,n}')")
    database.run(_FUNCTION)
    return database


def test_each_row_is_told_once_whenever_it_is_killed(stock: Database) -> None:
    with writing(stock):
        for moment in ("told and not noted", "within its commit"):
            with held(stock, moment):
                process = start_backfill(stock)
                ((session,),) = eventually(lambda: stock.run(_WAITING))
                kill(process)
            # The server gives the dead one's transaction up, or ends its commit.
            eventually(lambda: not is_there(stock, session))  # noqa: B023
        with held(stock, "told and not noted"):
            process = start_backfill(stock)
            ((session,),) = eventually(lambda: stock.run(_WAITING))
            stock.run("SELECT pg_terminate_backend(%s)", session)
            assert 0 != process.wait(PATIENCE_S)
        told = count_told(stock)
        with held(stock, "far from its end"):
            process = start_backfill(stock)
            eventually(lambda: count_told(stock) > told + 2_000)
            kill(process)
        assert "running" == stock.value("SELECT backfilled FROM aviso.tracked")
        assert 0 == start_backfill(stock).wait(3 * PATIENCE_S)

    assert "done" == stock.value("SELECT backfilled FROM aviso.tracked")
    events = stock.run(EVENTS, "orders")
    table = {
        str(key): {"id": key, "n": n} for key, n in stock.run("TABLE public.stock")
    }
    assert table == fold_rows(events)
    assert [] == find_repeated(events)


def find_repeated(events: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """The events that say what was said of their row already."""
    last: dict[str, tuple[str, str]] = {}
    repeated = []
    for kind, subject, data in events:
        before = last.get(subject)
        is_gone = before is None or before[0] == "deleted"
        if (
            (kind == "created" and not is_gone)
            or (kind == "updated" and before is not None and before[1] == data)
            or (kind == "deleted" and before is not None and is_gone)
        ):
            repeated.append((kind, subject, data))
        last[subject] = (kind, data)
    return repeated


def start_backfill(database: Database) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "backfill", "public.stock"],
        cwd=SERVICE,
        env=environment_for(database.url, "", 1),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def kill(process: subprocess.Popen[bytes]) -> None:
    assert None is process.poll(), "it has ended by itself"
    process.kill()
    process.wait()


def count_told(database: Database) -> int:
    return int(database.value("SELECT told FROM aviso.tracked"))


def is_there(database: Database, session: int) -> bool:
    return bool(database.run("SELECT FROM pg_stat_activity WHERE pid = %s", session))


@contextmanager
def held(database: Database, moment: str) -> Iterator[None]:
    """Hold every backfill at this moment, for as long as the block takes."""
    with database.connect() as guard:
        guard.execute("SELECT pg_advisory_lock(%s)", [_GATE])
        database.run(_AT[moment])
        try:
            yield
        finally:
            guard.execute("SELECT pg_advisory_unlock_all()")
            database.run("DROP TRIGGER gate ON aviso.tracked_tables")


@contextmanager
def writing(database: Database) -> Iterator[None]:
    """Insert, update and delete rows, one after the other, all the while."""
    ended, failures = threading.Event(), []

    def write() -> None:
        chance = random.Random(_SEED)  # noqa: S311 # rows, not secrets
        statements: list[LiteralString] = [
            "UPDATE public.stock SET n = n + 1 WHERE id = %s",
            "INSERT INTO public.stock AS row VALUES (%s, 1)"
            " ON CONFLICT (id) DO UPDATE SET n = row.n + 1",
            "DELETE FROM public.stock WHERE id = %s",
        ]
        try:
            with database.connect() as connection:
                while not ended.wait(0.01):
                    row = chance.randint(1, ROWS + ROWS // 10)
                    connection.execute(chance.choice(statements), [row])
        except psycopg.Error as error:  # shown where the block ends
            failures.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(60)
    assert [] == failures
