"""Connections to PostgreSQL for the relay's asyncio loop.

Django's own connections are synchronous and pooled; the relay needs two of its own
that it keeps: one that holds the lock and does all the work, one that listens. A notice
only wakes the cycle earlier: one that is lost costs a second at most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, LiteralString

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections

from aviso.outbox.errors import (
    DatabaseError,
    DatabaseLostError,
    StatementRefusedError,
)

LOOK_INTERVAL_S = 1.0
# A session that says nothing for so long is ended by PostgreSQL, and its lock with it:
# the way out when the relay's process is alive but stopped (it looks every second).
SILENCE_TIMEOUT = "15s"
# Of synchronous connections alone; our own name is another.
_DJANGO_OPTIONS = frozenset(
    {"pool", "cursor_factory", "context", "prepare_threshold", "application_name"}
)
# Both ends notice a dead network within about ten seconds. The server's half matters
# most: while it believes in a dead relay, no standby gets the lock.
_CLIENT_KEEPALIVE = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_SERVER_KEEPALIVE = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "client_connection_check_interval": "5s",
}

# No statement of the relay takes long, or waits long for somebody's lock.
_LIMITS = {"statement_timeout": "30s", "lock_timeout": "1s"}
# It reads a few rows by an index, always. The statistics of tables that fill and empty
# all the time must not talk the planner into anything else.
_PLANS = {"enable_seqscan": "off", "jit": "off"}
# A notice of `aviso_events`: '' for something in the queue, this for a parked message.
CHANNEL = "aviso_events"
PARKED_NOTICE = "parked"

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
Values = Sequence[object] | dict[str, object]


async def connect(*, name: str, session: dict[str, str] | None = None) -> Connection:
    """Open a connection in autocommit; `session` are settings for it.

    Raises DatabaseLostError.
    """
    try:
        connection = await psycopg.AsyncConnection.connect(
            **_connection_arguments(), application_name=name, autocommit=True
        )
    except psycopg.Error as exc:
        raise DatabaseLostError(f"no connection to PostgreSQL: {exc}") from exc
    try:
        settings_of_session = {**_SERVER_KEEPALIVE, **_LIMITS, **_PLANS}
        for setting, value in {**settings_of_session, **(session or {})}.items():
            await connection.execute(
                "SELECT set_config(%s, %s, false)", (setting, value)
            )
    except psycopg.Error as exc:
        await connection.close()
        raise DatabaseLostError(f"PostgreSQL refused the session: {exc}") from exc
    return connection


async def fetch(
    connection: Connection, query: LiteralString, values: Values = ()
) -> list[tuple[Any, ...]]:
    """Run a statement, in a transaction of its own, and return its rows.

    Raises DatabaseLostError or StatementRefusedError.
    """
    try:
        cursor = await connection.execute(query, values)
        return await cursor.fetchall()
    except psycopg.Error as exc:
        raise translate(connection, exc) from exc


async def listen(told: Callable[[str | None], None]) -> None:
    """Call `told` with each notice's payload, until cancelled; None: from now on.

    Raises DatabaseLostError when the connection breaks.
    """
    connection = await connect(name="aviso-relay-listen")
    try:
        await connection.execute("LISTEN aviso_events")
        told(None)
        async for notice in connection.notifies():
            told(notice.payload)
    except psycopg.Error as exc:
        raise DatabaseLostError(f"the listening connection: {exc}") from exc
    finally:
        await connection.close()
    raise DatabaseLostError("the listening connection ended")


def translate(connection: Connection, error: psycopg.Error) -> DatabaseError:
    """Tell a session that is gone from a statement that was refused."""
    if connection.closed or error.sqlstate is None:
        return DatabaseLostError(describe(error))
    return StatementRefusedError(error.sqlstate, describe(error))


def describe(error: psycopg.Error) -> str:
    """Say what went wrong, without the row that PostgreSQL may quote in its detail."""
    return error.diag.message_primary or str(error)


def _connection_arguments() -> dict[str, Any]:
    """Return what Django would connect with, and what the relay adds to it."""
    given = connections[DEFAULT_DB_ALIAS].get_connection_params()
    ours = {name: value for name, value in given.items() if name not in _DJANGO_OPTIONS}
    return {**_CLIENT_KEEPALIVE, **ours}
