"""Connections out of the pool, looked at before a request gets one.

CONN_HEALTH_CHECKS would ask the server with an empty query: a way there and back for
every request. A server that went away has closed the connection, which the socket
tells without asking.

A connection may live on though its server takes no writes any more: it became a standby
while another took its place behind the same address, or the session began while the
database was read-only, and stays so. PostgreSQL reports both states of its own accord
(from version 14 on), with the answer to a statement; so a connection that said so is
replaced, and once a write was refused every older one is.
"""

from __future__ import annotations

import select
import time
from functools import cached_property
from typing import Any

from django.db.backends.base.introspection import TableInfo
from django.db.backends.postgresql import base, introspection
from django.db.utils import DatabaseErrorWrapper
from psycopg.errors import ReadOnlySqlTransaction

_OURS = "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = 'aviso'"


class DatabaseIntrospection(introspection.DatabaseIntrospection):
    def get_table_list(self, cursor: Any) -> list[TableInfo]:
        """List Aviso's tables too, whatever the search path: `flush` asks for them."""
        visible = super().get_table_list(cursor)
        cursor.execute(_OURS)
        ours = [TableInfo(f'aviso"."{name}', "t") for (name,) in cursor.fetchall()]
        return [*visible, *ours]


class _Refusals:
    """When a write was last refused, in this process, by a read-only database."""

    refused_at = float("-inf")

    def note(self) -> None:
        now = time.monotonic()
        # While it lasts, connections are not replaced without end.
        if now - self.refused_at > _REPLACED_AFTER_S:
            self.refused_at = now


_refusals = _Refusals()
# A new connection is given so long, read-only or not: while all of them are, each
# would otherwise serve one request.
_REPLACED_AFTER_S = 1.0


class _NotingErrors(DatabaseErrorWrapper):
    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        if isinstance(exc_value, ReadOnlySqlTransaction):
            _refusals.note()
        super().__exit__(exc_type, exc_value, traceback)


class DatabaseWrapper(base.DatabaseWrapper):
    introspection_class = DatabaseIntrospection

    @cached_property
    def wrap_database_errors(self) -> DatabaseErrorWrapper:
        return _NotingErrors(self)

    def _configure_connection(self, connection: Any) -> Any:
        connection.aviso_opened_at = time.monotonic()
        return super()._configure_connection(connection)  # type: ignore[misc] # as above

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Take a connection that is of use; raise PoolTimeout if none comes."""
        connection = super().get_new_connection(conn_params)
        pool = self.pool  # type: ignore[attr-defined] # not yet in django-stubs
        while pool and (_is_lost(connection) or _is_outlived(connection)):
            connection.close()
            # The pool makes a new one in place of one that comes back closed.
            pool.putconn(connection)
            connection = super().get_new_connection(conn_params)
        return connection


def _is_lost(connection: Any) -> bool:
    """Return whether something came unasked: the end, or the server's word of it.

    A notice would count too, and costs a new connection.
    """
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _is_outlived(connection: Any) -> bool:
    """Return whether it is, or may be, read-only where a new one is not."""
    opened_at = connection.aviso_opened_at
    if opened_at < _refusals.refused_at:
        return True
    told = connection.info.parameter_status
    is_read_only = "on" in (
        told("default_transaction_read_only"),
        told("in_hot_standby"),
    )
    return bool(is_read_only and time.monotonic() - opened_at > _REPLACED_AFTER_S)
