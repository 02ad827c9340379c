"""Connections out of the pool, looked at before a request gets one.

CONN_HEALTH_CHECKS would ask the server with an empty query: a way there and back for
every request. A server that went away has closed the connection, which the socket
tells without asking.
"""

from __future__ import annotations

import select
from typing import Any

from django.db.backends.base.introspection import TableInfo
from django.db.backends.postgresql import base, introspection

_OURS = "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = 'aviso'"


class DatabaseIntrospection(introspection.DatabaseIntrospection):
    def get_table_list(self, cursor: Any) -> list[TableInfo]:
        """List Aviso's tables too, whatever the search path: `flush` asks for them."""
        visible = super().get_table_list(cursor)
        cursor.execute(_OURS)
        ours = [TableInfo(f'aviso"."{name}', "t") for (name,) in cursor.fetchall()]
        return [*visible, *ours]


class DatabaseWrapper(base.DatabaseWrapper):
    introspection_class = DatabaseIntrospection

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Take a connection that is not lost; raise PoolTimeout if none comes."""
        connection = super().get_new_connection(conn_params)
        pool = self.pool  # type: ignore[attr-defined] # not yet in django-stubs
        while pool and _is_lost(connection):
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
