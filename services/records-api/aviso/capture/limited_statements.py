"""Statements on tracked tables, each with an end, and what the database refuses."""

from __future__ import annotations

from typing import Any

from django.db import Error as DatabaseError
from django.db import connection, transaction
from psycopg import errors

from aviso.database.failures import describe_failure

STATEMENT_TIMEOUT_MS = 60_000
# Each wait for somebody who holds a row.
LOCK_TIMEOUT_MS = 5_000


class TableError(Exception):
    """What the database refused, in its words.

    SlowError   a statement took longer than it may
    HeldError   somebody held for too long what it needed

    `argument`: the argument of `aviso.track` that was refused, if it was one.
    """

    def __init__(self, text: str, argument: str | None = None) -> None:
        super().__init__(text)
        self.argument = argument


class SlowError(TableError):
    pass


class HeldError(TableError):
    pass


def ask(
    query: str, values: Any = (), *, timeout_ms: int = STATEMENT_TIMEOUT_MS
) -> list[tuple[Any, ...]]:
    """Run a statement in a transaction, or savepoint, of its own. Raises TableError."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('statement_timeout', %s, true),"
                " set_config('lock_timeout', %s, true)",
                [str(timeout_ms), str(min(timeout_ms, LOCK_TIMEOUT_MS))],
            )
            cursor.execute(query, values)
            return list(cursor.fetchall())
    except DatabaseError as exc:
        raise _name(exc, timeout_ms) from exc


def _name(exc: DatabaseError, timeout_ms: int) -> TableError:
    text = describe_failure(exc)
    match exc.__cause__:
        case errors.QueryCanceled():
            return SlowError(f"it took longer than {timeout_ms / 1000:g} s: {text}")
        case errors.LockNotAvailable():
            return HeldError(text)
        case errors.Error() as cause:
            return TableError(text, cause.diag.column_name)
        case _:
            return TableError(text)
