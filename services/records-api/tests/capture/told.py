"""What the log says, and writes that no ordinary trigger sees."""

from __future__ import annotations

import json
from typing import Any, LiteralString

from tests.relay.drivers import Database


def read_told(database: Database, feed: str = "orders") -> list[tuple[str, Any]]:
    """Return (type, data) of each event about a record, in the log's order."""
    rows = database.run(
        "SELECT type, data FROM aviso.events WHERE feed = %s AND subject IS NOT NULL"
        " ORDER BY changeset, place",
        feed,
    )
    return [(kind, json.loads(data)["data"]) for kind, data in rows]


def read_readers_told(database: Database) -> list[tuple[str, str]]:
    return [
        (str(kind), str(reader))
        for kind, reader in database.run(
            "SELECT type, reader FROM aviso.events WHERE reader IS NOT NULL"
            " ORDER BY changeset, place"
        )
    ]


def as_replica(database: Database, statement: LiteralString, *values: object) -> None:
    """Run a statement in the session of somebody who replicates."""
    with database.connect() as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(statement, values)


def untold(database: Database, statement: LiteralString, *values: object) -> None:
    """Run a statement that no trigger of ours sees, not even a replica's."""
    with database.connect() as connection, connection.transaction():
        for table in ("records", "readers"):
            connection.execute(f"ALTER TABLE aviso.{table} DISABLE TRIGGER USER")
        connection.execute(statement, values)
        for table in ("records", "readers"):
            connection.execute(f"ALTER TABLE aviso.{table} ENABLE TRIGGER USER")
    _arm(database)


def _arm(database: Database) -> None:
    database.run("SELECT aviso.arm_replica_triggers()")
