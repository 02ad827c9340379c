"""Connections to PostgreSQL for the relay's asyncio loop.

Django's own connections are synchronous and pooled; the relay needs one of its own that
it keeps, holds the lock, does all the work, and hears the notices: whoever is woken by
one has to ask the database at once, and a session that was just awake answers sooner.
A notice only wakes the cycle earlier: one that is lost costs a second at most.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
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
# A notice of `aviso_events`: '' for something in the queue, this for a parked message;
# and what we say ourselves where there are no notices any more.
CHANNEL = "aviso_events"
PARKED_NOTICE = "parked"
LOST_NOTICE = "lost"

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


class Notices:
    """What is notified to a session that runs statements too; `told` gets each payload.

    While a statement runs, its answer brings them. While none does, they come in
    `heard`, within which none may run.
    """

    def __init__(self, connection: Connection, told: Callable[[str], None]) -> None:
        self._connection = connection
        self._told = told
        self._socket: int | None = None

    async def begin(self) -> None:
        """Listen from now on. Raises DatabaseLostError or StatementRefusedError."""
        self._connection.add_notify_handler(lambda notice: self._told(notice.payload))
        try:
            await self._connection.execute("LISTEN aviso_events")
        except psycopg.Error as exc:
            raise translate(self._connection, exc) from exc

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """Raises DatabaseLostError if the session is gone already."""
        try:
            self._socket = self._connection.pgconn.socket
        except psycopg.Error as exc:
            raise DatabaseLostError(describe(exc)) from exc
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        try:
            # One that came right behind an answer has been read with it.
            self._tell()
            yield
        finally:
            self._stop_reading()

    def _read(self) -> None:
        try:
            self._connection.pgconn.consume_input()
        except psycopg.Error:
            # It would be readable for ever. The next statement finds out.
            self._stop_reading()
            self._told(LOST_NOTICE)
            return
        self._tell()

    def _stop_reading(self) -> None:
        # Once, and at once: it may be closed already, and its number another socket's.
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket = None

    def _tell(self) -> None:
        while notice := self._connection.pgconn.notifies():
            self._told(notice.extra.decode())


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
