"""How many requests a caller has left in this minute, over all workers.

The counts are rows, each raised by one atomic statement. A worker takes a hundredth of
the limit at a time and hands it out by itself, so that most requests cost the database
nothing: together the workers never give more than the limit, and at most a hundredth
less for each worker that did not use up what it took.

The table is UNLOGGED: a crash of PostgreSQL may forget a minute's counts.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection

_PERIOD_S = 60
_LEASES_PER_LIMIT = 100
_TAKE = """
    INSERT INTO aviso.request_counts AS counts (caller, minute, taken)
    VALUES (%(caller)s, %(minute)s, %(lease)s)
    ON CONFLICT (caller, minute) DO UPDATE SET taken = counts.taken + excluded.taken
    RETURNING taken
"""
_FORGET = "DELETE FROM aviso.request_counts WHERE minute < %s"


@dataclass(slots=True)
class _Lease:
    left: int = 0
    is_last: bool = False


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
        now = self._clock()
        minute = int(now // _PERIOD_S)
        lease = self._find(caller, minute)
        if not self._hand_out(lease):
            if not lease.is_last:
                self._renew(lease, caller, minute, limit)
            if not self._hand_out(lease):
                return max(1, round((minute + 1) * _PERIOD_S - now))
        return 0

    def _find(self, caller: str, minute: int) -> _Lease:
        with self._lock:
            is_new_minute = minute > self._minute
            if is_new_minute:
                self._minute = minute
                self._leases.clear()
            lease = self._leases.setdefault(caller, _Lease())
        if is_new_minute:
            with connection.cursor() as cursor:
                cursor.execute(_FORGET, [minute - 1])
        return lease

    def _hand_out(self, lease: _Lease) -> bool:
        with self._lock:
            if lease.left == 0:
                return False
            lease.left -= 1
            return True

    def _renew(self, lease: _Lease, caller: str, minute: int, limit: int) -> None:
        size = max(1, limit // _LEASES_PER_LIMIT)
        with connection.cursor() as cursor:
            cursor.execute(_TAKE, {"caller": caller, "minute": minute, "lease": size})
            (taken,) = cursor.fetchone()
        granted = min(size, limit - (taken - size))
        with self._lock:
            lease.left += max(0, granted)
            lease.is_last = taken >= limit


quotas = Quotas()
