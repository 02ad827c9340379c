"""Gives events their sequences: whole changesets, in the order of their ids.

Everything here runs on the one connection that holds the relay's lock. That is what
makes the relay single: whoever loses the lock has lost the connection, and with it the
means to number.

**Order.** A changeset's id is taken while its statement holds the locks on its rows. So
of two changes of a row the later one has the higher id; and whoever sees the later
one sees the earlier one too, since the locks were given away by its commit. A look that
takes what it sees in the order of the ids therefore never numbers the later one first.
Nothing is found by "id above the last": ids do not commit in their order.

**What a look reads.** Numbered rows are deleted, but stay in the table and its indexes
for as long as anybody has an older snapshot. A look must not read through them. It
remembers the snapshot of the pass before: what was not visible then is of a transaction
that was under way, which the snapshot lists, or began later, at or above its `xmax`.
Both are found by an index on the transactions' ids; of those listed only the ones that
have ended since are asked for.

**Pages.** A pass that finds more than a page goes on behind the last id that it took,
among what its first look saw, and only then is its snapshot the one to remember: what
became visible in between may have lower ids, and waits for the next pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from aviso.events.rendering import EventRow
from aviso.outbox.connection import Connection, fetch
from aviso.outbox.states import FeedState, Opening

# A page is one short transaction: a changeset costs it one row, however large it is.
PAGE = 2_000

_NEW = """
WITH ended AS MATERIALIZED (
    SELECT xid FROM unnest(%(in_progress)s::bigint[]) AS xid
    WHERE pg_visible_in_snapshot(xid::text::xid8, pg_current_snapshot())
), page AS MATERIALIZED (
    SELECT changeset, feed, size FROM aviso.queue WHERE xid >= %(xmax)s
    UNION ALL
    SELECT found.* FROM ended CROSS JOIN LATERAL (
        SELECT changeset, feed, size FROM aviso.queue WHERE xid = ended.xid OFFSET 0
    ) AS found
    ORDER BY changeset LIMIT %(page)s
)"""

_FURTHER = """
WITH page AS MATERIALIZED (
    SELECT changeset, feed, size FROM aviso.queue
    WHERE changeset > %(after)s
        AND pg_visible_in_snapshot(xid::text::xid8, %(snapshot)s::pg_snapshot)
    ORDER BY changeset LIMIT %(page)s
)"""

# What is asked of `numbered` alone is asked before an event is read: a busy feed's
# would be read for nothing, however many they are.
#
# One statement, so that no sequence is given twice or left out. The events themselves
# come along if there are no more of them than %(inline)s beside those of %(busy)s, with
# their feeds' state: both of one snapshot, so that no event gets an epoch that was not
# announced before it.
_NUMBER = """
, gone AS (
    DELETE FROM aviso.queue WHERE changeset = ANY(ARRAY(SELECT changeset FROM page))
), total AS MATERIALIZED (
    SELECT count(*) AS rows, max(changeset) AS last,
        coalesce(sum(size) FILTER (WHERE feed <> ALL(%(busy)s::text[])), 0) AS events
    FROM page
), heads AS MATERIALIZED (
    SELECT feed, coalesce((
        SELECT last FROM aviso.places WHERE places.feed = named.feed
        ORDER BY first DESC LIMIT 1), 0) AS head
    FROM (SELECT DISTINCT feed FROM page WHERE size > 0) AS named
), numbered AS MATERIALIZED (
    SELECT feed, changeset, size,
        head + sum(size) OVER (PARTITION BY feed ORDER BY changeset) AS last
    FROM page JOIN heads USING (feed) WHERE size > 0
), placed AS (
    INSERT INTO aviso.places (feed, first, last, changeset)
    SELECT feed, last - size + 1, last, changeset FROM numbered
), told AS MATERIALIZED (
    SELECT feed, bool_or(page.size = 0) AS is_to_look_at,
        min(numbered.last - numbered.size + 1) AS first, max(numbered.last) AS last
    FROM page LEFT JOIN numbered USING (feed, changeset) GROUP BY feed
)
SELECT pg_current_snapshot()::text, total.rows, total.last,
    told.feed, told.is_to_look_at, told.first::bigint, told.last::bigint,
    state.*,
    aviso.event_id(run.changeset, run.place, run.time),
    run.feed, run.type, run.subject, run.reader, run.data, run.time, run.sequence,
    run.traceparent
FROM total LEFT JOIN told ON true
LEFT JOIN LATERAL (
    SELECT epoch, visibility, announced_at IS NOT NULL, published,
        greatest(coalesce(told.last, 0), sequence)::bigint, pruned, begun
    FROM aviso.feeds JOIN aviso.feed_heads ON feed = slug WHERE slug = told.feed
) AS state ON true
LEFT JOIN LATERAL (
    SELECT e.*, (numbered.last - numbered.size)::bigint + e.place AS sequence
    FROM numbered CROSS JOIN LATERAL (
        SELECT * FROM aviso.events WHERE changeset = numbered.changeset
        ORDER BY place LIMIT numbered.size
    ) AS e
    WHERE numbered.feed = told.feed AND numbered.feed <> ALL(%(busy)s::text[])
        AND (SELECT events FROM total) <= %(inline)s
) AS run ON true
ORDER BY told.feed, run.sequence
"""

# A restored database has rows of transactions of the server that it came from, whose
# ids mean nothing here: nothing that is visible can be at or above `xmax`.
_ADOPT = """
UPDATE aviso.queue SET xid = 0
WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
RETURNING changeset
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """PostgreSQL's `pg_snapshot`: who had not begun, and who was under way.

    `in_progress` is a text for PostgreSQL to read: of a list the driver would ask each
    number for its type, and the statement would be another one for each type.
    """

    text: str
    xmax: int
    in_progress: str

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `xmin:xmax:xid,xid,…`."""
        _, xmax, listed = text.split(":")
        return cls(text, int(xmax), f"{{{listed}}}")


# Before the first pass of a term nothing was seen: it reads everything.
NOTHING_SEEN = Snapshot("1:1:", 0, "{}")


@dataclass(frozen=True, slots=True)
class Numbered:
    """A feed's new sequences, `first` to `last`, and how the feed stands with them.

    `events` are theirs if they are few and the feed is not busy, else empty.
    """

    feed: str
    first: int
    last: int
    state: FeedState
    events: Sequence[EventRow] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """What a look took out of the queue.

    `to_look_at` are feeds whose opening, progress or grants have changed, `unmade` such
    as have events and are not there yet: a row of a tracked table was their first.
    `is_all` tells whether the pass is over, or another page is to be taken at once;
    `changesets` how many rows of the queue it took.
    """

    numbered: list[Numbered] = field(default_factory=list)
    to_look_at: list[str] = field(default_factory=list)
    unmade: list[str] = field(default_factory=list)
    is_all: bool = True
    changesets: int = 0

    @property
    def is_empty(self) -> bool:
        return not (self.numbered or self.to_look_at or self.unmade)


class Queue:
    """The queue, over the connection that holds the lock."""

    def __init__(self, connection: Connection, page: int = PAGE) -> None:
        self._connection = connection
        self._page = page
        self._seen = NOTHING_SEEN
        self._pass: Snapshot | None = None
        self._after = 0

    async def adopt(self) -> None:
        """Make ours what another server wrote; before the first look of a term."""
        await fetch(self._connection, _ADOPT)

    async def take(self, inline: int, busy: Sequence[str] = ()) -> Taken:
        """Number a page; bring its events too if they are no more than `inline`.

        Of feeds that are `busy` they are neither counted nor brought.
        """
        values: dict[str, object] = {
            "page": self._page,
            "inline": inline,
            "busy": list(busy),
        }
        if self._pass is None:
            seen = self._seen
            values |= {"xmax": seen.xmax, "in_progress": seen.in_progress}
            rows = await fetch(self._connection, _NEW + _NUMBER, values)
            self._pass = Snapshot.read(rows[0][0])
        else:
            values |= {"after": self._after, "snapshot": self._pass.text}
            rows = await fetch(self._connection, _FURTHER + _NUMBER, values)
        _, count, last, *_ = rows[0]
        is_all = count < self._page
        if is_all:
            self._seen, self._pass = self._pass, None
        else:
            self._after = last
        return read_taken(rows, is_all=is_all)


def read_taken(rows: Sequence[tuple[Any, ...]], *, is_all: bool) -> Taken:
    taken = Taken(is_all=is_all, changesets=rows[0][1])
    events: dict[str, list[EventRow]] = {}
    for row in rows:
        feed, is_to_look_at, first, last = row[3:7]
        if feed is None:
            continue
        if feed not in events:
            events[feed] = []
            if is_to_look_at:
                taken.to_look_at.append(feed)
            if first is not None and row[7] is None:
                taken.unmade.append(feed)
            elif first is not None:
                epoch, visibility, *rest = row[7:14]
                state = FeedState(feed, Opening(epoch, visibility), *rest)
                taken.numbered.append(Numbered(feed, first, last, state, events[feed]))
        if row[14] is not None:
            events[feed].append(EventRow(*row[14:]))
    return taken
