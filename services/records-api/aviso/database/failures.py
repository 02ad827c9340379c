"""What an error of PostgreSQL means to whoever asked: not now, or his own fault.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

from enum import Enum, auto

from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError
from psycopg import Error

READ_ONLY = "25006"
# Of the connection, of a transaction that others were in the way of, of resources, of
# an operator, of the system.
_NOT_NOW_CLASSES = {"08", "40", "53", "57", "58"}
# And sessions that were ended, objects in use, locks not to be had.
_NOT_NOW = {READ_ONLY, "25P03", "25P04", "55006", "55P03"}
# A value that can not be, or is too much of one.
_VALUE_CLASSES = {"22", "54"}
_CONSTRAINT_CLASS = "23"
# In recovery PostgreSQL refuses unlogged tables before it looks at the transaction.
_NOT_SUPPORTED = "0A000"


class Failure(Enum):
    NOT_NOW = auto()
    VALUE = auto()
    CONSTRAINT = auto()


def classify(exc: DatabaseError) -> Failure | None:
    """Return what the error means; None for what is a fault of the service."""
    state = _state(exc)
    if state is None:
        is_lost = isinstance(exc, OperationalError | InterfaceError)
        return Failure.NOT_NOW if is_lost else None
    if state in _NOT_NOW or state[:2] in _NOT_NOW_CLASSES:
        return Failure.NOT_NOW
    if state[:2] in _VALUE_CLASSES:
        return Failure.VALUE
    return Failure.CONSTRAINT if state[:2] == _CONSTRAINT_CLASS else None


def refuses_writes(exc: DatabaseError) -> bool:
    """Return whether the database is read-only, or in recovery."""
    return _state(exc) in {READ_ONLY, _NOT_SUPPORTED}


def describe_failure(exc: DatabaseError) -> str:
    """Say what PostgreSQL said, without the row that it may quote in its detail."""
    cause = exc.__cause__
    primary = cause.diag.message_primary if isinstance(cause, Error) else None
    return primary or str(exc)


def _state(exc: DatabaseError) -> str | None:
    cause = exc.__cause__
    return cause.sqlstate if isinstance(cause, Error) else None
