"""What the relay reads and writes of feeds, beside the queue: all of its SQL on them.

On the lock's connection, one statement after the other. Nothing here waits for the
broker, and nothing goes through all feeds but `look_at_all`, once a term.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aviso.events.log import EVENT_COLUMNS, RUNS
from aviso.events.rendering import EventRow, Lists
from aviso.outbox.connection import Connection, fetch
from aviso.outbox.states import FeedRun, FeedState, Opening, Progress, Wanted

# With each feed's state: both of one snapshot, so that no event gets an epoch that was
# not announced before it.
_LOAD = f"""
SELECT wanted.turn, wanted.feed, epoch, visibility, announced_at IS NOT NULL, published,
    wanted.last, pruned, begun, {EVENT_COLUMNS}
FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::int[], %s::bigint[])
    WITH ORDINALITY AS wanted (feed, after, last, amount, size_bytes, turn)
JOIN aviso.feeds ON slug = wanted.feed JOIN aviso.feed_progress USING (feed)
{RUNS}
WHERE run.bytes_before < wanted.size_bytes AND run.sequence <= wanted.last
ORDER BY wanted.turn, run.sequence
"""

_FEEDS = """
SELECT slug, epoch, visibility, announced_at IS NOT NULL AS is_announced, published,
    sequence, pruned, begun
FROM aviso.feeds JOIN aviso.feed_heads ON feed = slug
"""

_FEEDS_NAMED = f"{_FEEDS} WHERE slug = ANY(%s)"

_FEEDS_AT_START = f"{_FEEDS} WHERE published < sequence OR announced_at IS NULL"

# Feeds whose first row was written. In the writer's transaction they are asked for, so
# that whoever sees the events sees this as well.
_MAKE_FEEDS = "SELECT * FROM aviso.take_notes()"

# Without waiting for the disk: what a crash of PostgreSQL takes away is only sent
# twice. Not over what somebody has lowered meanwhile: those feeds do not come back.
_WRITE_PROGRESS = """
UPDATE aviso.feed_progress AS written SET published = given.published
FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) AS given (feed, before, published),
    (SELECT set_config('synchronous_commit', 'off', true)) AS relaxed
WHERE written.feed = given.feed AND written.published = given.before
RETURNING written.feed
"""

# Not if the feed changed again meanwhile: then that has to be announced as well. Who is
# changing one is not waited for. Without waiting for the disk: what a crash of
# PostgreSQL takes away is only announced twice.
_OPENED = """
SELECT slug FROM unnest(%(feeds)s::text[], %(epochs)s::text[], %(visibilities)s::text[])
    AS told (feed, epoch, visibility)
JOIN aviso.feeds ON slug = feed AND feeds.epoch = told.epoch
    AND feeds.visibility = told.visibility AND announced_at IS NULL
"""

_MARK_ANNOUNCED = f"""
WITH free AS MATERIALIZED (
    {_OPENED} FOR NO KEY UPDATE OF feeds SKIP LOCKED
), marked AS (
    UPDATE aviso.feeds SET announced_at = clock_timestamp()
    FROM free, (SELECT set_config('synchronous_commit', 'off', true)) AS relaxed
    WHERE feeds.slug = free.slug RETURNING feeds.slug
)
{_OPENED} AND slug <> ALL(ARRAY(SELECT slug FROM marked))
"""

_REANNOUNCE = """
UPDATE aviso.feeds SET announced_at = NULL WHERE slug = %(feed)s
RETURNING slug
"""

# Accounts that may read now, and ticket holders that may not. No more than an opening
# may hold: the table has no more, but for ticket holders that SQL put out.
_LISTS = """
SELECT slug,
    ARRAY(
        SELECT reader FROM aviso.readers
        WHERE feed = slug AND revoked_at IS NULL
            AND (expires_at IS NULL OR expires_at > clock_timestamp())
            AND split_part(reader, '@', 2) <> %(ticket_domain)s
        ORDER BY reader LIMIT 10000
    ),
    ARRAY(
        SELECT reader FROM aviso.readers
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
    SELECT id FROM aviso.readers
    WHERE revoked_at IS NULL AND expires_at <= clock_timestamp()
    ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED
), ended AS (
    UPDATE aviso.readers SET revoked_at = clock_timestamp()
    WHERE id = ANY(ARRAY(SELECT id FROM over)) RETURNING 1
)
SELECT (SELECT count(*) FROM ended), (
    SELECT extract(epoch FROM min(expires_at) - clock_timestamp())::float8
    FROM aviso.readers WHERE revoked_at IS NULL AND expires_at > clock_timestamp()
)
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """So many grants ended now; the next one does in `next_in_s` seconds, if any."""

    count: int
    next_in_s: float | None


class Outbox:
    """The feeds' log and progress, over the connection that holds the lock."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def load(self, wanted: Sequence[Wanted]) -> list[FeedRun]:
        """Load what is wanted, in its order; what is not there is left out."""
        rows = await fetch(
            self._connection,
            _LOAD,
            (
                [w.feed for w in wanted],
                [w.after for w in wanted],
                [w.last for w in wanted],
                [w.limit for w in wanted],
                [w.limit_bytes for w in wanted],
            ),
        )
        runs: dict[int, FeedRun] = {}
        for turn, feed, epoch, visibility, *rest in rows:
            if turn not in runs:
                state = FeedState(feed, Opening(epoch, visibility), *rest[:5])
                runs[turn] = FeedRun(state, [])
            runs[turn].events.append(EventRow(*rest[5:]))
        return list(runs.values())

    async def look_at(self, feeds: Sequence[str]) -> list[FeedState]:
        """Read how feeds stand; those that do not exist are left out."""
        rows = await fetch(self._connection, _FEEDS_NAMED, (list(feeds),))
        return [FeedState(feed, Opening(e, v), *rest) for feed, e, v, *rest in rows]

    async def look_at_all(self) -> list[FeedState]:
        """Read every feed with something to publish or to announce."""
        rows = await fetch(self._connection, _FEEDS_AT_START)
        return [FeedState(feed, Opening(e, v), *rest) for feed, e, v, *rest in rows]

    async def make_feeds(self) -> None:
        """Make the feeds that rows of tracked tables are the first of."""
        await fetch(self._connection, _MAKE_FEEDS)

    async def write_progress(self, progress: Sequence[Progress]) -> set[str]:
        """Write down how far feeds are published; return those where it was so."""
        rows = await fetch(
            self._connection,
            _WRITE_PROGRESS,
            (
                [p.feed for p in progress],
                [p.before for p in progress],
                [p.published for p in progress],
            ),
        )
        return {feed for (feed,) in rows}

    async def mark_announced(self, openings: Mapping[str, Opening]) -> set[str]:
        """Mark feeds as announced, all at once.

        Return those that somebody is changing: they may still have to be marked.
        """
        rows = await fetch(
            self._connection,
            _MARK_ANNOUNCED,
            {
                "feeds": list(openings),
                "epochs": [opening.epoch for opening in openings.values()],
                "visibilities": [opening.visibility for opening in openings.values()],
            },
        )
        return {feed for (feed,) in rows}

    async def reannounce(self, feed: str) -> None:
        """Have a feed's opening travel again, with the lists as they will be then."""
        await fetch(self._connection, _REANNOUNCE, {"feed": feed})

    async def lists(self, feeds: Sequence[str], ticket_domain: str) -> dict[str, Lists]:
        """Read who may read these feeds now, and who no longer may."""
        if not feeds:
            return {}
        values: dict[str, object] = {
            "feeds": list(feeds),
            "ticket_domain": ticket_domain,
        }
        rows = await fetch(self._connection, _LISTS, values)
        return {feed: Lists(readers, revoked) for feed, readers, revoked in rows}

    async def end_grants(self, limit: int) -> Ended:
        """End up to `limit` grants whose time has come; the trigger tells of it."""
        ((count, next_in_s),) = await fetch(self._connection, _END_GRANTS, (limit,))
        return Ended(count, next_in_s)
