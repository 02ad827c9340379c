"""Holds a statement of the product in the database, so that a kill meets its moment.

A trigger of the test's own waits for an advisory lock that the test holds. Nothing of
the product knows of it, and it is gone when the block ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg

from ..database import Database
from ..waiting import until

_KEY = 20_260_101
_FUNCTION = f"""
CREATE FUNCTION test_gate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared({_KEY});
    RETURN NULL;
END $$
"""
# Deferred: it waits within the writer's COMMIT, when nothing more is to be sent.
_AT_COMMIT = """
CREATE CONSTRAINT TRIGGER test_gate AFTER INSERT ON records
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION test_gate()
"""
_AT_MARK = """
CREATE TRIGGER test_gate BEFORE UPDATE OF published ON feed_progress
FOR EACH STATEMENT EXECUTE FUNCTION test_gate()
"""
_WAITING = """
SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND classid = 0 AND objid = %s AND NOT granted
    AND datname = current_database()
"""


class Gate:
    """A gate is closed until it is opened, and may be closed again."""

    def __init__(self, database: Database, guard: psycopg.Connection[Any]) -> None:
        self._database = database
        self._guard = guard
        self.close()

    def close(self) -> None:
        self._guard.execute("SELECT pg_advisory_lock(%s)", [_KEY])

    def open(self) -> None:
        self._guard.execute("SELECT pg_advisory_unlock_all()")

    def waiting(self) -> list[int]:
        """The database sessions that stand before the gate."""
        return [pid for (pid,) in self._database.rows(_WAITING, [_KEY])]

    def wait_for(self, count: int) -> list[int]:
        def are_enough() -> list[int]:
            waiting = self.waiting()
            return waiting if len(waiting) >= count else []

        return until(are_enough, f"{count} sessions at the gate")


def hold_commits(database: Database) -> AbstractContextManager[Gate]:
    """Hold every transaction that has inserted records, in its COMMIT."""
    return _hold(database, "records", _AT_COMMIT)


def hold_marks(database: Database) -> AbstractContextManager[Gate]:
    """Hold the relay where it writes down what is archived."""
    return _hold(database, "feed_progress", _AT_MARK)


@contextmanager
def _hold(database: Database, table: str, trigger: str) -> Iterator[Gate]:
    with database.transaction() as guard:
        guard.autocommit = True
        gate = Gate(database, guard)
        try:
            database.execute(_FUNCTION)
            database.execute(trigger)
            yield gate
        finally:
            gate.open()
            database.execute(f"DROP TRIGGER IF EXISTS test_gate ON {table}")
            database.execute("DROP FUNCTION IF EXISTS test_gate")
