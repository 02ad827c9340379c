"""Hears `NOTIFY aviso_events`, on a connection of its own.

A notice only wakes the cycle earlier: one that is lost costs a second at most.
"""

from __future__ import annotations

from collections.abc import Callable

import psycopg

from aviso.relay.database import connect
from aviso.relay.errors import DatabaseLostError


async def listen(wake: Callable[[], None]) -> None:
    """Call `wake` at each notice, until cancelled.

    Raises DatabaseLostError when the connection breaks.
    """
    connection = await connect(name="aviso-relay-listen")
    try:
        await connection.execute("LISTEN aviso_events")
        wake()
        async for _ in connection.notifies():
            wake()
    except psycopg.Error as exc:
        raise DatabaseLostError(f"the listening connection: {exc}") from exc
    finally:
        await connection.close()
    raise DatabaseLostError("the listening connection ended")
