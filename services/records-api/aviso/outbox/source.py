"""Which database this is: its id, which it keeps wherever it is moved to."""

from __future__ import annotations

from dataclasses import dataclass

from aviso.outbox.connection import Connection, fetch

_MAKE = "INSERT INTO aviso.source DEFAULT VALUES ON CONFLICT DO NOTHING RETURNING id"
_READ = "SELECT id::text FROM aviso.source"


@dataclass(frozen=True, slots=True)
class Source:
    """`id` tells it from any other; `name` and `server` tell a person which it is."""

    id: str
    name: str
    server: str


async def read_source(connection: Connection) -> Source:
    """Read which database a connection leads to; its id is made by the first call.

    Raises DatabaseLostError or StatementRefusedError.
    """
    await fetch(connection, _MAKE)
    ((source_id,),) = await fetch(connection, _READ)
    info = connection.info
    return Source(source_id, info.dbname, f"{info.host}:{info.port}")
