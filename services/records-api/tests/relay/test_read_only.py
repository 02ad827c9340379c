"""A relay waits while its database takes no writes, and goes on by itself."""

from __future__ import annotations

from typing import LiteralString

import psycopg
from psycopg import sql

from tests.relay.conftest import StartRelay
from tests.relay.drivers import Database, eventually
from tests.relay.pusher import Pusher


def test_a_read_only_database_is_waited_for(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    relay = start_relay()
    relay.wait_for_broker()
    database.add_records("orders", 5)
    database.wait_until_published()

    _set_read_only(database, "SET default_transaction_read_only = on")
    try:
        database.terminate("aviso-relay")
        eventually(lambda: relay.health().get("database") == "lost")
        before = _count_sessions(database)
        # It looks again and again, and says so once.
        eventually(lambda: _count_sessions(database) >= before + 8)
        assert (1, 1) == tuple(
            len(relay.lines(outcome)) for outcome in ["database-lost", "active"]
        )
    finally:
        _set_read_only(database, "RESET default_transaction_read_only")

    relay.wait_for_role("active")
    database.add_records("orders", 5)
    database.wait_until_published()
    sequences = [m.sequence for m in pusher.take() if m.sequence]
    assert list(range(1, 11)) == sorted(set(sequences))
    assert relay.process.poll() is None


def _set_read_only(database: Database, change: LiteralString) -> None:
    """Change what sessions of the database begin with, from outside of it."""
    with psycopg.connect(database.server_url, autocommit=True) as server:
        name = sql.Identifier(database.name)
        server.execute(sql.SQL("ALTER DATABASE {} ").format(name) + sql.SQL(change))


def _count_sessions(database: Database) -> int:
    """Count the sessions that there ever were."""
    with psycopg.connect(database.server_url, autocommit=True) as server:
        found = server.execute(
            "SELECT sessions FROM pg_stat_database WHERE datname = %s", [database.name]
        ).fetchone()
    return int(found[0]) if found else 0
