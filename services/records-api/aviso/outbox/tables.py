"""Looks after tracked tables: what DDL did to them, and rows that are to be told.

On a connection of its own: a table that others hold, or a large backfill, keeps no
event waiting. What the tables' own functions do to the session is no concern of the
relay's lock either.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from aviso.outbox.connection import Connection, connect, fetch
from aviso.outbox.errors import DatabaseError, StatementRefusedError
from aviso.outbox.standing import Standing, write_standing

logger = logging.getLogger("aviso.outbox.tables")

INTERVAL_S = 5.0
# How long what has changed about the relay is not written down yet.
TELL_INTERVAL_S = 0.5
PAGE_ROWS = 500

_RELATIONS = "SELECT relation::oid FROM aviso.tracked ORDER BY id"
_RECONCILE = """
SELECT format('%%I.%%I', schema_name, table_name), coalesce(problem, 'mended')
FROM aviso.reconcile(%s::oid::regclass)
"""
_TRACKED = """
SELECT id, format('%%I.%%I', schema_name, table_name), problem, unavailable,
    backfilled = 'running'
FROM aviso.tracked ORDER BY id
"""
_STEP = "SELECT is_done, rest_s FROM aviso.backfill_step(%s, %s)"


@dataclass(frozen=True, slots=True)
class TrackedTable:
    """`problem`: what is wrong with it. `unavailable`: rows that could not be told."""

    id: int
    name: str
    problem: str | None
    unavailable: int
    is_backfilling: bool


Note = Callable[[list[TrackedTable]], None]
Tell = Callable[[], Standing]


async def look_after_tables(
    note: Note, tell: Tell, interval_s: float = INTERVAL_S
) -> None:
    """Reconcile every 5 s and backfill what is asked for, until cancelled.

    `note` gets the tables after each look; what `tell` says is written down before it,
    and when it changes behind it.
    What goes wrong with one is logged, and tried again; a lost connection is made
    again.
    """
    while True:
        try:
            connection = await connect(name="aviso-relay-tables")
            try:
                while True:
                    told = tell()
                    await write_standing(connection, told)
                    until = await _look(connection, note, interval_s)
                    await _rest(connection, tell, told, until)
            finally:
                await connection.close()
        except DatabaseError as exc:
            logger.warning("Tracked tables: %s", exc, extra={"outcome": "failed"})
        await asyncio.sleep(interval_s)


async def _look(connection: Connection, note: Note, interval_s: float) -> float:
    """Look once; return the monotonic time until which there is nothing more to do."""
    # Each in a transaction of its own: one that was mended is nobody's to wait for.
    for relation in await fetch(connection, _RELATIONS):
        for name, problem in await fetch(connection, _RECONCILE, relation):
            logger.warning("%s: %s", name, problem, extra={"outcome": "reconciled"})
    tables = [TrackedTable(*row) for row in await fetch(connection, _TRACKED)]
    note(tables)
    started = time.monotonic()
    until = started + interval_s
    # When each is to go on.
    due = {table: started for table in tables if table.is_backfilling}
    while due and (now := min(due.values())) < until:
        await asyncio.sleep(max(0.0, now - time.monotonic()))
        table = min(due, key=due.__getitem__)
        rest_s = await _step(connection, table)
        if rest_s is None:
            del due[table]
        else:
            due[table] = time.monotonic() + rest_s
    return until


async def _rest(
    connection: Connection, tell: Tell, told: Standing, until: float
) -> None:
    while (left_s := until - time.monotonic()) > 0:
        await asyncio.sleep(min(left_s, TELL_INTERVAL_S))
        if (now := tell()) != told:
            await write_standing(connection, now)
            told = now


async def _step(connection: Connection, table: TrackedTable) -> float | None:
    """Do a page of a table, and rest as long.

    Return in how many seconds its next page may be; None: nothing is left for now.
    """
    started = time.monotonic()
    try:
        ((is_done, rest_s),) = await fetch(connection, _STEP, (table.id, PAGE_ROWS))
    except StatementRefusedError as exc:
        if not exc.is_over_a_lock:
            logger.warning("%s: %s", table.name, exc, extra={"outcome": "refused"})
        return None
    await asyncio.sleep(time.monotonic() - started)
    return None if is_done else float(rest_s)
