"""How many requests a caller has left in this minute, over all workers.

The counts are rows, each raised by one atomic statement. A worker takes a hundredth of
the limit at a time and hands it out by itself, so that most requests cost the database
nothing: together the workers never give more than the limit, and at most a hundredth
less for each worker that did not use up what it took.

The table is UNLOGGED: a crash of PostgreSQL may forget a minute's counts. While the
database takes no writes each worker counts by itself, so that reading goes on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import Error as DatabaseError
from django.db import connection

from aviso.database.failures import refuses_writes

_PERIOD_S = 60
_LEASES_PER_LIMIT = 100
_TAKE = """
    INSERT INTO aviso.request_counts AS counts (caller, minute, taken)
    VALUES (%(caller)s, %(minute)s, %(lease)s)
    ON CONFLICT (caller, minute) DO UPDATE SET taken = counts.taken + excluded.taken
    RETURNING taken
"""
_FORGET = "DELETE FROM aviso.request_counts WHERE minute NOT BETWEEN %s AND %s"


@dataclass(slots=True)
class _Lease:
    left: int = 0
    is_last: bool = False
    taken_here: int = 0


class Quotas:
    """What this process has taken and not handed out yet."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._minute = 0
        self._leases: dict[str, _Lease] = {}

    def take(self, caller: str, limit: int) -> int:
        """Take one request of `limit` a minute; 0 is no limit.

        Returns 0, or the seconds until the next minute when none is left.
        """
        if not limit:
            return 0
        lease, minute = self._find(caller)
        if not self._hand_out(lease):
            if not lease.is_last:
                self._renew(lease, caller, minute, limit)
            if not self._hand_out(lease):
                return max(1, round((minute + 1) * _PERIOD_S - self._clock()))
        return 0

    def _find(self, caller: str) -> tuple[_Lease, int]:
        """Return the caller's lease, and the minute that it is for."""
        with self._lock:
            minute = int(self._clock() // _PERIOD_S)
            # Not only a later one: a clock that was set back begins anew too.
            is_other_minute = minute != self._minute
            if is_other_minute:
                self._minute = minute
                self._leases.clear()
            lease = self._leases.setdefault(caller, _Lease())
        if is_other_minute:
            _execute(_FORGET, [minute - 1, minute + 1])
        return lease, minute

    def _hand_out(self, lease: _Lease) -> bool:
        with self._lock:
            if lease.left == 0:
                return False
            lease.left -= 1
            return True

    def _renew(self, lease: _Lease, caller: str, minute: int, limit: int) -> None:
        size = max(1, limit // _LEASES_PER_LIMIT)
        taken = _execute(_TAKE, {"caller": caller, "minute": minute, "lease": size})
        with self._lock:
            lease.taken_here += size
            taken = lease.taken_here if taken is None else taken
            granted = min(size, limit - (taken - size))
            lease.left += max(0, granted)
            lease.is_last = taken >= limit


def _execute(statement: str, values: Any) -> int | None:
    """Execute and return the number that comes back; None without writing."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return int(cursor.fetchone()[0]) if cursor.description else None
    except DatabaseError as exc:
        if refuses_writes(exc):
            return None
        raise


quotas = Quotas()
