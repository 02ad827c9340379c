"""Who relays: one process, the one whose connection holds the advisory lock.

A standby asks for the lock about every second. The lock belongs to the connection that
numbers, so there is nothing to fence: a process that lost it can't number any more.
It needs a direct connection to PostgreSQL, not one through a pooler that shares them.
"""

from __future__ import annotations

import asyncio
import logging

from aviso.outbox.connection import (
    LOOK_INTERVAL_S,
    SILENCE_TIMEOUT,
    Connection,
    connect,
    fetch,
)
from aviso.outbox.errors import DatabaseError, DatabaseLostError
from aviso.relay.configuration import Configuration
from aviso.relay.delays import Backoff
from aviso.relay.status import Status
from aviso.relay.term import Term

logger = logging.getLogger("aviso.relay.election")

# pg_try_advisory_lock(bigint): one number for the relay of a database.
LOCK_KEY = int.from_bytes(b"aviso-1", "big")
_SESSION = {
    "idle_session_timeout": SILENCE_TIMEOUT,
    # A sequence must be on disk before anyone sees it, whatever the server's own is.
    "synchronous_commit": "on",
    # What is asked again and again is planned once: a look's plan costs as much as the
    # look, and is the same whatever the values are.
    "plan_cache_mode": "force_generic_plan",
}


# A standby of PostgreSQL has locks too. A session that is read-only may stay so when
# its database no longer is, or another has taken its place: it is of no use.
_TRY_LOCK = """
SELECT CASE WHEN NOT current_setting('transaction_read_only')::boolean
    THEN pg_try_advisory_lock(%s) END
"""


async def stand(
    configuration: Configuration, status: Status, stopping: asyncio.Event
) -> None:
    """Be standby or active until `stopping` is set; survive any loss in between."""
    backoff = Backoff()
    while not stopping.is_set():
        try:
            await _stand_once(configuration, status, stopping, backoff)
        except DatabaseError as exc:
            status.lose_database()
            if backoff.failures == 0:
                _say_why(exc)
            await _sleep(backoff.next_s(), stopping)
        finally:
            status.set_role("none")


def _say_why(error: DatabaseError) -> None:
    if isinstance(error, DatabaseLostError):
        logger.warning("No database: %s", error, extra={"outcome": "database-lost"})
        return
    logger.error(
        "The database refused a statement: %s",
        error,
        extra={"outcome": "database-refused"},
    )


async def _stand_once(
    configuration: Configuration,
    status: Status,
    stopping: asyncio.Event,
    backoff: Backoff,
) -> None:
    connection = await connect(name="aviso-relay", session=_SESSION)
    try:
        if await _wait_for_lock(connection, status, stopping, backoff):
            status.set_role("active")
            logger.info("Active", extra={"outcome": "active"})
            await Term(connection, configuration, status).run(stopping)
    finally:
        # Closing gives the lock back; nothing of the term may outlive it.
        await connection.close()


async def _wait_for_lock(
    connection: Connection,
    status: Status,
    stopping: asyncio.Event,
    backoff: Backoff,
) -> bool:
    while not stopping.is_set():
        is_ours = await _try_lock(connection)
        status.see_database()
        if backoff.failures:
            logger.info("The database is back", extra={"outcome": "database-back"})
            backoff.reset()
        if is_ours:
            return True
        if status.role != "standby":
            status.set_role("standby")
            logger.info("Standby", extra={"outcome": "standby"})
        await _sleep(LOOK_INTERVAL_S, stopping)
    return False


async def _try_lock(connection: Connection) -> bool:
    ((is_ours,),) = await fetch(connection, _TRY_LOCK, (LOCK_KEY,))
    if is_ours is None:
        raise DatabaseLostError("it takes no writes at the moment")
    return bool(is_ours)


async def _sleep(seconds: float, stopping: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return
