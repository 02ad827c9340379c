"""A past that would take hours to travel: written by the triggers, laid down by SQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .bench import Bench, tell

_CHUNK = 100_000
# Of each thousand events a hundred were written one by one, and the rest by hundreds.
_WRITE = """
DO $$
DECLARE
    one jsonb := jsonb_build_object('n', -1, 'text', repeat('x', 120), 'price', 12.5,
        'open', true);
BEGIN
    SET LOCAL synchronous_commit = off;
    FOR step IN 1..{count} / 1000 LOOP
        FOR single IN 1..100 LOOP
            INSERT INTO aviso.records (feed, data) VALUES ('{feed}', one);
        END LOOP;
        FOR list IN 1..9 LOOP
            INSERT INTO aviso.records (feed, data)
            SELECT '{feed}', one FROM generate_series(1, 100);
        END LOOP;
    END LOOP;
END $$
"""
# What numbering does, without the relay.
_NUMBER = """
WITH taken AS (
    DELETE FROM aviso.queue WHERE feed = %(feed)s AND size > 0
    RETURNING changeset, size
), placed AS (
    INSERT INTO aviso.places (feed, first, last, changeset)
    SELECT %(feed)s, last - size + 1, last, changeset FROM (
        SELECT changeset, size,
            %(after)s + sum(size) OVER (ORDER BY changeset) AS last
        FROM taken) AS numbered
)
UPDATE aviso.feed_progress
SET published = %(after)s + (SELECT sum(size) FROM taken), pruned = %(pruned)s
WHERE feed = %(feed)s
"""
_ARCHIVE = """
INSERT INTO archive
    (username, server_host, timestamp, peer, bare_peer, xml, txt, kind, nick)
SELECT %(room)s::text, %(host)s::text, %(base)s + n, %(room)s::text || '/past',
    %(room)s::text,
    format('<message type=''groupchat'' id=''%%s:%%s:%%s-%%s''><body>past</body>'
        '<events xmlns=''urn:aviso:feed:2'' feed=''%%1$s'' epoch=''%%2$s'''
        ' first=''%%3$s'' last=''%%4$s''/><json xmlns=''urn:xmpp:json:0''>%%s</json>'
        '</message>', %(feed)s::text, %(epoch)s::text, (n - 1) * %(size)s + 1,
        n * %(size)s, said),
    'past', 'groupchat', 'past'
FROM generate_series(%(first)s::bigint, %(last)s) AS n, repeat('x', 600) AS said
"""


@contextmanager
def standing_still(bench: Bench) -> Iterator[None]:
    """Relay and pusher stopped: what they know of a feed would be untrue afterwards."""
    parts = ("relay", "pusher")
    for part in parts:
        bench.stack.stop_part(part)
    yield
    for part in reversed(parts):
        bench.stack.start_part(part)


def fill_log(bench: Bench, feed: str, count: int, *, pruned: int = 0) -> None:
    """Give an empty feed `count` thousands of events, as published behind `pruned`."""
    database = bench.database
    for done in range(0, count, _CHUNK):
        chunk = min(_CHUNK, count - done)
        database.execute(_WRITE.format(feed=feed, count=chunk))
        values = {"feed": feed, "after": pruned + done, "pruned": pruned}
        with database.transaction() as connection:
            connection.execute(_NUMBER, values)
        if (done + chunk) % 1_000_000 == 0:
            tell(f"  {done + chunk:,} of {count:,} old events")
    with database.transaction() as connection:
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE aviso.queue, aviso.places, aviso.events")


def fill_archive(bench: Bench, feed: str, batches: int, *, size: int) -> None:
    """Give a feed's room an archive of so many batches of so many events each.

    Nobody reads what is in them: a batch's text is as long as one event's.
    """
    settings, database = bench.settings, bench.ejabberd_database
    room = f"{feed}@{settings.rooms_domain}"
    epoch = bench.database.value(
        "SELECT epoch FROM aviso.feeds WHERE slug = %s", [feed]
    )
    values = {"room": room, "host": settings.domain, "feed": feed, "epoch": epoch}
    values |= {"size": size, "base": _now_us(bench) - batches - 1}
    database.execute("DELETE FROM archive WHERE username = %s", [room])
    for first in range(1, batches + 1, _CHUNK):
        last = min(batches, first + _CHUNK - 1)
        with database.transaction() as connection:
            connection.execute(_ARCHIVE, values | {"first": first, "last": last})
        if last % 1_000_000 == 0:
            tell(f"  {last:,} of {batches:,} old batches")
    with database.transaction() as connection:
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE archive")


def _now_us(bench: Bench) -> int:
    now: int = bench.database.value(
        "SELECT (extract(epoch FROM now()) * 1000000)::bigint"
    )
    return now
