"""The active relay's pruning: a batch at a time, when there is nothing better to do.

On the lock's connection, called by the term's cycle after everything else.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import Any, LiteralString

import psycopg

from aviso.relay.database import Connection, describe
from aviso.relay.errors import DatabaseLostError
from aviso.relay.metrics import Metrics
from aviso.relay.pruning import BATCH, FIND_FEEDS, PRUNE

logger = logging.getLogger("aviso.relay.housekeeping")

FEEDS_A_LOOK = 500
# Between two rounds through all feeds.
ROUND_INTERVAL_S = 60.0
# Between two batches while there are events to relay.
BUSY_PAUSE_S = 1.0


class Housekeeping:
    """Prunes what is older than `days`; nothing where `days` is 0."""

    def __init__(self, connection: Connection, days: int, metrics: Metrics) -> None:
        self._connection = connection
        self._days = days
        self._metrics = metrics
        self._feeds: deque[str] = deque()
        self._looked_up_to = ""
        self._rests_until = float("-inf")

    async def step(self, *, is_idle: bool) -> bool:
        """Do one batch or one look; tell whether another makes sense at once."""
        if not self._days or time.monotonic() < self._rests_until:
            return False
        if self._feeds:
            await self._prune(self._feeds[0])
        else:
            await self._look()
        if not is_idle:
            self._rests_until = max(self._rests_until, time.monotonic() + BUSY_PAUSE_S)
        return time.monotonic() >= self._rests_until

    async def _look(self) -> None:
        rows = await self._run(
            FIND_FEEDS, {"after": self._looked_up_to, "limit": FEEDS_A_LOOK}
        )
        self._feeds.extend(feed for feed, has_some in rows if has_some)
        self._looked_up_to = rows[-1][0] if len(rows) == FEEDS_A_LOOK else ""
        if not self._looked_up_to and not self._feeds:
            self._rests_until = time.monotonic() + ROUND_INTERVAL_S

    async def _prune(self, feed: str) -> None:
        ((count, last),) = await self._run(PRUNE, {"feed": feed, "limit": BATCH})
        # To the back: a feed with much to prune does not keep the others waiting.
        self._feeds.rotate(-1)
        if count < BATCH:
            self._feeds.pop()
        if count:
            self._metrics.pruned.inc(count)
            logger.info(
                "Pruned",
                extra={
                    "feed": feed,
                    "count": count,
                    "sequence": last,
                    "outcome": "pruned",
                },
            )

    async def _run(
        self, query: LiteralString, values: dict[str, object]
    ) -> list[tuple[Any, ...]]:
        """Without waiting for the disk: what a crash takes back is pruned again."""
        try:
            async with self._connection.transaction():
                await self._connection.execute("SET LOCAL synchronous_commit = off")
                cursor = await self._connection.execute(
                    query, {**values, "days": self._days}
                )
                return await cursor.fetchall()
        except psycopg.Error as exc:
            raise DatabaseLostError(describe(exc)) from exc
