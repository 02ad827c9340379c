"""Pruning of published events: which may go, and a batch at a time of them.

What is pruned is always the beginning of a feed: everything after its `pruned` is
there. An event stays, and with it whatever follows in its feed, while

- it has no sequence, or its room has not archived it, however old it is;
- it is younger than the retention;
- it is parked and nobody has decided about it: to send it again takes its row;
- it is the newest of its feed, whose place is the feed's head.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import Any

import psycopg

from aviso.outbox.connection import Connection, translate
from aviso.outbox.errors import StatementRefusedError
from aviso.outbox.metrics import Metrics

logger = logging.getLogger("aviso.outbox.pruning")

# One batch is one short transaction, on rows that no writer ever touches.
BATCH = 500
FEEDS_A_LOOK = 500
# Between two rounds through all feeds.
ROUND_INTERVAL_S = 60.0
# Between two batches while there are events to relay.
BUSY_PAUSE_S = 1.0

# The first event that a feed has kept, of `heads`.
_OLDEST = """
LEFT JOIN LATERAL (
    SELECT time FROM (
        SELECT changeset, heads.pruned + 2 - first AS place FROM aviso.places
        WHERE feed = heads.feed AND first <= heads.pruned + 1
        ORDER BY first DESC LIMIT 1
    ) AS lowest JOIN aviso.events USING (changeset, place)
) AS oldest ON true
"""

# The feeds that have something to prune, and how far was looked: one look into an
# index a feed. `after` is the last feed of the look before, "" at first.
FIND_FEEDS = f"""
WITH heads AS MATERIALIZED (
    SELECT feed, sequence, published, pruned FROM aviso.feed_heads
    WHERE feed > %(after)s ORDER BY feed LIMIT %(limit)s
)
SELECT heads.feed, coalesce(
    least(published, sequence - 1) > pruned
    AND oldest.time < clock_timestamp() - make_interval(days => %(days)s), false)
FROM heads {_OLDEST} ORDER BY heads.feed
"""

# From the oldest on, as far as each may go. The row of progress is locked first: one
# prunes at a time, and nobody moves the mark meanwhile.
_DOOMED = """
WITH progress AS MATERIALIZED (
    SELECT feed, published, pruned FROM aviso.feed_progress
    WHERE feed = %(feed)s FOR UPDATE
), bounds AS MATERIALIZED (
    SELECT feed, pruned, least(
        pruned + %(limit)s,
        published,
        (SELECT sequence - 1 FROM aviso.feed_heads WHERE feed = %(feed)s),
        (SELECT min(sequence) - 1 FROM aviso.parked_events
            WHERE feed = %(feed)s AND state IN ('parked', 'sending')
                AND sequence > progress.pruned)
    ) AS last
    FROM progress
), run AS MATERIALIZED (
    SELECT part.changeset, part.first, e.place, part.first + e.place - 1 AS sequence,
        e.time, e.type, e.subject, e.feed, e.data
    FROM bounds CROSS JOIN LATERAL (
        SELECT first, last, changeset FROM aviso.places
        WHERE feed = bounds.feed AND last > bounds.pruned AND first >= coalesce((
            SELECT first FROM aviso.places
            WHERE feed = bounds.feed AND first <= bounds.pruned + 1
            ORDER BY first DESC LIMIT 1), 0) AND first <= bounds.last
        ORDER BY first LIMIT %(limit)s
    ) AS part
    CROSS JOIN LATERAL (
        SELECT * FROM aviso.events
        WHERE changeset = part.changeset
            AND place > bounds.pruned - part.first + 1
            AND place <= bounds.last - part.first + 1
        ORDER BY place LIMIT %(limit)s
    ) AS e
), doomed AS MATERIALIZED (
    SELECT * FROM (
        SELECT *, bool_and(time < clock_timestamp() - make_interval(days => %(days)s))
            OVER (ORDER BY sequence) AS may_go
        FROM run
    ) AS judged WHERE may_go
)
"""

# A record's pruned `created` event leaves what it takes to answer the same write again
# (records/creation.py), in the same transaction. Rows of other tables are not written
# over REST.
PRUNE = f"""
{_DOOMED}, gone AS (
    DELETE FROM aviso.events USING (
        SELECT changeset, min(place) AS first, max(place) AS last
        FROM doomed GROUP BY changeset
    ) AS part
    WHERE events.changeset = part.changeset AND place BETWEEN part.first AND part.last
), kept AS (
    INSERT INTO aviso.first_states (
        subject, feed, version, created_at, updated_at, data_sha256)
    SELECT DISTINCT ON (subject) subject, feed, (told.data ->> 'version')::int,
        (told.data ->> 'created_at')::timestamptz,
        (told.data ->> 'updated_at')::timestamptz,
        sha256(convert_to((told.data -> 'data')::text, 'UTF8'))
    FROM doomed CROSS JOIN LATERAL (SELECT CASE WHEN aviso.is_record_data(doomed.data)
        THEN doomed.data::jsonb END AS data) AS told
    WHERE type = 'created' AND told.data IS NOT NULL ORDER BY subject, sequence
    ON CONFLICT (subject) DO NOTHING
), total AS (
    SELECT count(*) AS amount, coalesce(max(sequence), 0) AS last FROM doomed
), marked AS (
    UPDATE aviso.feed_progress SET pruned = total.last FROM total
    WHERE feed = %(feed)s AND total.amount > 0
), unplaced AS (
    DELETE FROM aviso.places USING total
    WHERE places.feed = %(feed)s AND places.last <= total.last
        AND places.first = ANY(ARRAY(SELECT DISTINCT first FROM doomed))
)
SELECT amount, last, (SELECT set_config('synchronous_commit', 'off', true)) FROM total
"""

# The same judgement over the whole feed, for looking before anything is done.
COUNT = f"{_DOOMED} SELECT count(*) FROM doomed"
EVERYTHING = 2**31 - 1


class Pruning:
    """The active relay's: what is older than `days`; nothing where `days` is 0.

    On the lock's connection, called by the term's cycle after everything else.
    """

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
        count, last = await self._prune_batch(feed)
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

    async def _prune_batch(self, feed: str) -> tuple[int, int]:
        try:
            ((count, last, _),) = await self._run(PRUNE, {"feed": feed, "limit": BATCH})
        except StatementRefusedError as exc:
            if not exc.is_over_a_lock:
                raise
            return 0, 0
        return count, last

    async def _run(self, query: str, values: dict[str, object]) -> list[Any]:
        try:
            cursor = await self._connection.execute(
                query,
                {**values, "days": self._days},
            )
            return await cursor.fetchall()
        except psycopg.Error as exc:
            raise translate(self._connection, exc) from exc
