"""The outbox in PostgreSQL: numbering, loading, marking. All of the relay's SQL on it.

Everything here runs on the one connection that holds the advisory lock. That is what
makes the relay single: whoever loses the lock has lost the connection, and with it the
means to number. Nothing here waits for the broker.

- A sequence is given in one statement, committed before anyone can see it.
- Events are found by what they lack (a sequence, a mark), never by `id > last`: rows
  do not commit in the order of their numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

from events.rendering import EventRow, Lists
from relay.backlog import Found, Wanted
from relay.database import Connection, describe
from relay.errors import DatabaseLostError
from relay.measures import MEASURE, Depth
from relay.outgoing import Opening
from relay.pruning import FIND_OLDEST
from relay.requests import Republish

# pg_try_advisory_lock(bigint): one number for the relay of a database.
LOCK_KEY = int.from_bytes(b"aviso-1", "big")
# So many places of pruned events are kept for one request; the pusher asks on.
PRUNED_PLACES = 1_000

_NUMBER = """
WITH batch AS (
    SELECT number, feed, row_number() OVER (PARTITION BY feed ORDER BY number) AS place
    FROM (
        SELECT number, feed FROM events
        WHERE sequence IS NULL ORDER BY number LIMIT %s
    ) AS unnumbered
), heads AS (
    UPDATE feed_heads SET sequence = feed_heads.sequence + counted.amount
    FROM (SELECT feed, count(*) AS amount FROM batch GROUP BY feed) AS counted
    WHERE feed_heads.feed = counted.feed
    RETURNING feed_heads.feed, feed_heads.sequence - counted.amount AS before
), numbered AS (
    UPDATE events SET sequence = heads.before + batch.place
    FROM batch JOIN heads USING (feed)
    WHERE events.number = batch.number
    RETURNING events.feed, events.sequence
)
SELECT feed, min(sequence), max(sequence), count(*) FROM numbered GROUP BY feed
"""

_SCAN = """
SELECT feed, min(sequence) FROM events
WHERE published_at IS NULL AND sequence IS NOT NULL GROUP BY feed
"""

_UNANNOUNCED = """
SELECT slug, epoch, visibility, sequence
FROM feeds JOIN feed_heads ON feed = slug WHERE announced_at IS NULL
"""

# The columns of EventRow, and before them the row's number and its feed's state: both
# of one snapshot, so that no event gets an epoch that was not announced before it.
# Bytes are summed over the whole load, so that what comes back is the beginning of
# each feed's unpublished events, however large they are.
_LOAD = """
WITH found AS (
    SELECT place, number, epoch, visibility, announced_at, e.id, e.feed, e.type,
        subject, record_version, record_data::text AS data, record_created_at,
        record_updated_at, time, sequence, traceparent, reader
    FROM unnest(%s::text[], %s::bigint[], %s::int[])
        WITH ORDINALITY AS wanted (feed, after, amount, place)
    JOIN feeds ON slug = wanted.feed
    CROSS JOIN LATERAL (
        SELECT * FROM events
        WHERE events.feed = wanted.feed AND sequence > after AND published_at IS NULL
        ORDER BY sequence LIMIT amount
    ) AS e
), sized AS (
    SELECT *, count(*) OVER () AS total,
        sum(coalesce(octet_length(data), 0)) OVER (ORDER BY place, sequence)
            - coalesce(octet_length(data), 0) AS bytes_before
    FROM found
)
SELECT total, number, epoch, visibility, announced_at IS NOT NULL, id, feed, type,
    subject, record_version, data, record_created_at, record_updated_at, time,
    sequence, traceparent, reader
FROM sized WHERE bytes_before < %s ORDER BY place, sequence
"""

_MARK = """
UPDATE events SET published_at = clock_timestamp()
WHERE number = ANY(%s) AND published_at IS NULL
"""

# Not if the feed changed again meanwhile: then that has to be announced as well.
_MARK_ANNOUNCED = """
UPDATE feeds SET announced_at = clock_timestamp()
WHERE slug = %s AND epoch = %s AND visibility = %s AND announced_at IS NULL
RETURNING slug
"""

# Only of the present epoch: a request of an older one comes from before a restore.
_REPUBLISH = """
WITH again AS (
    UPDATE events SET published_at = NULL FROM feeds
    WHERE slug = %(feed)s AND epoch = %(epoch)s AND events.feed = slug
        AND sequence BETWEEN %(first)s AND %(last)s AND published_at IS NOT NULL
    RETURNING 1
) SELECT count(*) FROM again
"""

# What was lost at a feed's beginning may have been its opening as well.
_REANNOUNCE = """
UPDATE feeds SET announced_at = NULL WHERE slug = %(feed)s AND epoch = %(epoch)s
RETURNING slug
"""

# Accounts that may read now, and ticket holders that may not. No more than an opening
# may hold: the table has no more, but for ticket holders that SQL put out.
_LISTS = """
SELECT slug,
    ARRAY(
        SELECT reader FROM readers
        WHERE feed = slug AND revoked_at IS NULL
            AND (expires_at IS NULL OR expires_at > clock_timestamp())
            AND split_part(reader, '@', 2) <> %(ticket_domain)s
        ORDER BY reader LIMIT 10000
    ),
    ARRAY(
        SELECT reader FROM readers
        WHERE feed = slug
            AND (revoked_at IS NOT NULL OR expires_at <= clock_timestamp())
            AND split_part(reader, '@', 2) = %(ticket_domain)s
        ORDER BY revoked_at DESC LIMIT 10000
    )
FROM unnest(%(feeds)s::text[]) AS slug
"""

# Whoever is changing a row is not waited for: relaying must not stand still for it.
_END_GRANTS = """
WITH over AS (
    SELECT id FROM readers
    WHERE revoked_at IS NULL AND expires_at <= clock_timestamp()
    ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED
), ended AS (
    UPDATE readers SET revoked_at = clock_timestamp() FROM over
    WHERE readers.id = over.id RETURNING 1
)
SELECT (SELECT count(*) FROM ended), (
    SELECT extract(epoch FROM min(expires_at) - clock_timestamp())::float8
    FROM readers WHERE revoked_at IS NULL AND expires_at > clock_timestamp()
)
"""

# One look into an index a feed. What is older has been archived, or asked for.
_REPUBLISH_NEWEST = """
WITH again AS (
    UPDATE events SET published_at = NULL FROM feed_heads AS heads
    WHERE events.feed = heads.feed AND events.sequence = heads.sequence
        AND published_at > clock_timestamp() - interval '1 hour'
    RETURNING 1
) SELECT count(*) FROM again
"""


@dataclass(frozen=True, slots=True)
class Numbered:
    """Sequences `first` to `last` of a feed were given now."""

    feed: str
    first: int
    last: int
    count: int


@dataclass(frozen=True, slots=True)
class Ended:
    """So many grants ended now; the next one does in `next_in_s` seconds, if any."""

    count: int
    next_in_s: float | None


@dataclass(frozen=True, slots=True)
class Unannounced:
    """A feed whose opening is to be published; `head` is its newest sequence."""

    feed: str
    opening: Opening
    head: int


@dataclass(frozen=True, slots=True)
class LoadedRow:
    """A numbered, unpublished event, its row's number, and how its feed stands now."""

    number: int
    opening: Opening
    is_announced: bool
    event: EventRow


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load brought; `is_cut` when the limit in bytes left some behind."""

    rows: list[LoadedRow]
    is_cut: bool

    def by_feed(self) -> dict[str, Found]:
        found: dict[str, Found] = {}
        for row in self.rows:
            before = found.get(row.event.feed)
            count = 1 if before is None else before.count + 1
            found[row.event.feed] = Found(count, row.event.sequence)
        return found


class Outbox:
    """The outbox, over the connection that holds the lock."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def number(self, limit: int) -> list[Numbered]:
        """Give sequences to up to `limit` events, in the order of their numbers."""
        rows = await self._fetch(_NUMBER, (limit,))
        return [Numbered(*row) for row in rows]

    async def scan(self) -> dict[str, int]:
        """Find each feed's first unpublished sequence; feeds without left out."""
        return dict(await self._fetch(_SCAN))

    async def unannounced(self) -> list[Unannounced]:
        """List the feeds whose opening the broker has not confirmed."""
        rows = await self._fetch(_UNANNOUNCED)
        return [
            Unannounced(feed, Opening(epoch, visibility), head)
            for feed, epoch, visibility, head in rows
        ]

    async def load(self, wanted: Sequence[Wanted], limit_bytes: int) -> Loaded:
        """Load what is wanted, in the order of `wanted` and of the sequences."""
        rows = await self._fetch(
            _LOAD,
            (
                [w.feed for w in wanted],
                [w.after for w in wanted],
                [w.limit for w in wanted],
                limit_bytes,
            ),
        )
        loaded = [
            LoadedRow(
                number, Opening(epoch, visibility), is_announced, EventRow(*event)
            )
            for _, number, epoch, visibility, is_announced, *event in rows
        ]
        return Loaded(loaded, is_cut=bool(rows) and rows[0][0] > len(rows))

    async def mark(self, numbers: Sequence[int]) -> None:
        """Mark events as published.

        Without waiting for the disk: a mark that a crash of PostgreSQL takes away
        only has the event published twice.
        """
        try:
            async with (
                self._connection.pipeline(),
                self._connection.transaction(),
            ):
                await self._connection.execute("SET LOCAL synchronous_commit = off")
                await self._connection.execute(_MARK, (list(numbers),))
        except psycopg.Error as exc:
            raise DatabaseLostError(describe(exc)) from exc

    async def mark_announced(self, feed: str, opening: Opening) -> None:
        await self._fetch(_MARK_ANNOUNCED, (feed, opening.epoch, opening.visibility))

    async def republish(self, request: Republish) -> int:
        """Have events travel again that a subscriber lacks; return how many.

        An empty room asks from 1 on, for a piece. Where too much was pruned to keep
        the places of all, the piece is the beginning of what is left.
        """
        skipped = 0
        if request.first == 1:
            pruned = len(await self.pruned_from(request))
            skipped = pruned if pruned > PRUNED_PLACES else 0
        parameters: dict[str, object] = {
            "feed": request.feed,
            "epoch": request.epoch,
            "first": request.first + skipped,
            "last": request.last + skipped,
        }
        ((count,),) = await self._fetch(_REPUBLISH, parameters)
        if request.first == 1:
            await self.reannounce(request.feed, request.epoch)
        return int(count)

    async def pruned_from(self, request: Republish) -> range:
        """Tell which sequences from the first asked for on were pruned.

        They can't travel. It may be more than was asked for.
        """
        ((oldest,),) = await self._fetch(
            FIND_OLDEST, {"feed": request.feed, "epoch": request.epoch}
        )
        return range(request.first, max(request.first, oldest or 0))

    async def republish_newest(self) -> int:
        """Have the newest event of each lively feed travel again; return how many.

        The broker was away. Should it have lost the tail of a feed, nothing else would
        show that before the feed's next event.
        """
        ((count,),) = await self._fetch(_REPUBLISH_NEWEST)
        return int(count)

    async def reannounce(self, feed: str, epoch: str) -> None:
        """Have a feed's opening travel again, with the lists as they will be then."""
        await self._fetch(_REANNOUNCE, {"feed": feed, "epoch": epoch})

    async def lists(self, feeds: Sequence[str], ticket_domain: str) -> dict[str, Lists]:
        """Read who may read these feeds now, and who no longer may."""
        if not feeds:
            return {}
        parameters: dict[str, object] = {
            "feeds": list(feeds),
            "ticket_domain": ticket_domain,
        }
        rows = await self._fetch(_LISTS, parameters)
        return {feed: Lists(readers, revoked) for feed, readers, revoked in rows}

    async def end_grants(self, limit: int) -> Ended:
        """End up to `limit` grants whose time has come; the trigger tells of it."""
        ((count, next_in_s),) = await self._fetch(_END_GRANTS, (limit,))
        return Ended(count, next_in_s)

    async def measure(self) -> Depth:
        (row,) = await self._fetch(MEASURE)
        return Depth(*row)

    async def _fetch(
        self,
        query: LiteralString,
        parameters: Sequence[object] | dict[str, object] = (),
    ) -> list[tuple[Any, ...]]:
        try:
            cursor = await self._connection.execute(query, parameters)
            return await cursor.fetchall()
        except psycopg.Error as exc:
            raise DatabaseLostError(describe(exc)) from exc
