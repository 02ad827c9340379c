"""The SQL that finds what the log does not say, and tells it.

`look` reads a page and returns what it found there; `lock` takes the rows that are to
be told about; `tell` judges them once more, now that nobody can change them, and tells.
A row and its event are of one transaction, so no snapshot shows one without the other:
what a look finds is missing, and was not just under way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

# After a CTE `wrong` with type, subject, reader and data; all of one feed.
_TELL: LiteralString = """
, made AS MATERIALIZED (
    SELECT count(*) AS size, nextval('aviso.changesets') AS changeset
    FROM wrong HAVING count(*) > 0
), queued AS (
    INSERT INTO aviso.queue (changeset, feed, size)
    SELECT changeset, %(feed)s, size FROM made
), told AS (
    INSERT INTO aviso.events (
        changeset, place, feed, type, start, subject, reader, data)
    SELECT changeset, row_number() OVER (ORDER BY position), %(feed)s,
        type::aviso.event_type, coalesce(left(subject, 600), ''),
        subject::aviso.event_subject, reader, data
    FROM wrong CROSS JOIN made
    RETURNING type
)
SELECT type, count(*) FROM told GROUP BY type
"""

_SAID: LiteralString = """
aviso.record_data(
    rows.id, rows.version, rows.created_at, rows.updated_at, rows.data)
"""
# What has no event any more, but had one, left its first state when it was pruned. If
# the record has changed since then, its later events may be pruned as well.
_JUDGED: LiteralString = f"""
, judged AS MATERIALIZED (
    SELECT rows.*, CASE
        WHEN last.type = 'deleted' THEN 'created'
        WHEN last.data <> {_SAID} THEN 'updated'
        WHEN last.type IS NOT NULL THEN NULL
        WHEN first.subject IS NULL THEN 'created'
        WHEN first.feed = rows.feed AND first.version = rows.version AND
            first.data_sha256 = sha256(convert_to(rows.data::text, 'UTF8')) THEN NULL
        ELSE 'unknown' END AS kind
    FROM rows
    LEFT JOIN LATERAL aviso.last_event(rows.feed, rows.id::text) AS last ON true
    LEFT JOIN aviso.first_states AS first
        ON last.type IS NULL AND first.subject = rows.id::text
)"""
_JUDGED_READERS: LiteralString = """
, judged AS MATERIALIZED (
    SELECT rows.*, CASE
        WHEN aviso.last_reader_event(feed, reader) = stands THEN NULL
        ELSE stands END AS kind
    FROM (SELECT *, CASE WHEN revoked_at IS NULL THEN 'granted' ELSE 'revoked' END
        AS stands FROM rows) AS rows
)"""


@dataclass(frozen=True, slots=True)
class Search:
    """One way in which a table and the log may differ.

    A page starts behind `first`, the least there is. `look` returns the last of the
    page (null: there was none), how many it looked at, and of those that differ their
    keys and their kinds. Keys of the kind `unknown` are only told if asked to.
    """

    name: str
    first: str
    page_size: int
    look: LiteralString
    lock: LiteralString
    tell: LiteralString
    # Whether `lock` returns the keys that it took, without waiting for others.
    locks_rows: bool


_FOUND: LiteralString = """
SELECT max(position)::text, count(*),
    coalesce(array_agg(key ORDER BY position) FILTER (WHERE kind IS NOT NULL), '{}'),
    coalesce(array_agg(kind ORDER BY position) FILTER (WHERE kind IS NOT NULL), '{}')
FROM found
"""

RECORDS = Search(
    "records",
    "-9223372036854775808",
    500,
    f"""
    WITH rows AS MATERIALIZED (
        SELECT * FROM aviso.records
        WHERE feed = %(feed)s AND number > %(after)s::bigint
        ORDER BY number LIMIT %(limit)s
    ) {_JUDGED}, found AS (
        SELECT number AS position, id::text AS key, kind FROM judged
    ) {_FOUND}""",
    """
    SELECT id::text FROM aviso.records
    WHERE id = ANY(%(keys)s::uuid[]) AND feed = %(feed)s
    ORDER BY id FOR NO KEY UPDATE""",
    f"""
    WITH rows AS MATERIALIZED (
        SELECT * FROM aviso.records
        WHERE id = ANY(%(keys)s::uuid[]) AND feed = %(feed)s
    ) {_JUDGED}, wrong AS MATERIALIZED (
        SELECT CASE kind WHEN 'unknown' THEN 'updated' ELSE kind END AS type,
            id::text AS subject, NULL AS reader, number AS position, {_SAID} AS data
        FROM judged AS rows WHERE kind IS NOT NULL
    ) {_TELL}""",
    locks_rows=True,
)

READERS = Search(
    "readers",
    "",
    500,
    f"""
    WITH rows AS MATERIALIZED (
        SELECT * FROM aviso.readers WHERE feed = %(feed)s AND reader > %(after)s
        ORDER BY reader LIMIT %(limit)s
    ) {_JUDGED_READERS}, found AS (
        SELECT reader AS position, reader AS key, kind FROM judged
    ) {_FOUND}""",
    """
    SELECT reader FROM aviso.readers
    WHERE reader = ANY(%(keys)s::text[]) AND feed = %(feed)s
    ORDER BY id FOR NO KEY UPDATE""",
    f"""
    WITH rows AS MATERIALIZED (
        SELECT * FROM aviso.readers
        WHERE reader = ANY(%(keys)s::text[]) AND feed = %(feed)s
    ) {_JUDGED_READERS}, wrong AS MATERIALIZED (
        SELECT kind AS type, NULL AS subject, reader, id AS position, '{{}}' AS data
        FROM judged WHERE kind IS NOT NULL
    ) {_TELL}""",
    locks_rows=True,
)

# A row that is not there can't be locked. Whoever inserts one has a share in its feed's
# row, by the foreign key, before his event gets its place.
_LOCK_FEED: LiteralString = "SELECT FROM aviso.feeds WHERE slug = %(feed)s FOR UPDATE"

# Through the whole log, of which the feed's part has no index of its own.
RECORDS_GONE = Search(
    "events",
    "0-0",
    5_000,
    """
    WITH page AS MATERIALIZED (
        SELECT changeset, place, feed, type, subject FROM aviso.events
        WHERE (changeset, place) > (split_part(%(after)s, '-', 1)::bigint,
            split_part(%(after)s, '-', 2)::integer)
        ORDER BY changeset, place LIMIT %(limit)s
    ), ghosts AS MATERIALIZED (
        SELECT * FROM page
        WHERE feed = %(feed)s AND type IN ('created', 'updated') AND NOT EXISTS (
            SELECT FROM aviso.records
            WHERE id = aviso.record_id(page.subject) AND records.feed = page.feed)
    ), found AS (
        SELECT page.changeset, page.place, page.subject::text AS key, CASE
            WHEN (last.changeset, last.place) = (page.changeset, page.place)
            THEN 'deleted' END AS kind
        FROM page
        LEFT JOIN ghosts ON (ghosts.changeset, ghosts.place)
            = (page.changeset, page.place)
        LEFT JOIN LATERAL aviso.last_event(ghosts.feed, ghosts.subject) AS last ON true
    )
    SELECT (SELECT changeset || '-' || place FROM page
            ORDER BY changeset DESC, place DESC LIMIT 1),
        count(*),
        coalesce(array_agg(key) FILTER (WHERE kind IS NOT NULL), '{}'),
        coalesce(array_agg(kind) FILTER (WHERE kind IS NOT NULL), '{}')
    FROM found""",
    _LOCK_FEED,
    f"""
    WITH wrong AS MATERIALIZED (
        SELECT 'deleted' AS type, subject, NULL AS reader, subject AS position,
            aviso.record_data(aviso.record_id(subject),
                (state ->> 'version')::integer + 1,
                (state ->> 'created_at')::timestamptz, clock_timestamp(),
                state -> 'data') AS data
        FROM unnest(%(keys)s::text[]) AS subject
        CROSS JOIN LATERAL aviso.last_event(%(feed)s, subject) AS last
        CROSS JOIN LATERAL (SELECT last.data::jsonb AS state) AS told
        WHERE last.type <> 'deleted' AND NOT EXISTS (
            SELECT FROM aviso.records
            WHERE id = aviso.record_id(subject) AND feed = %(feed)s)
    ) {_TELL}""",
    locks_rows=False,
)

READERS_GONE = Search(
    "readers told",
    "",
    500,
    f"""
    WITH page AS MATERIALIZED (
        SELECT DISTINCT reader FROM aviso.events
        WHERE feed = %(feed)s AND reader > %(after)s
            AND type IN ('granted', 'revoked')
        ORDER BY reader LIMIT %(limit)s
    ), found AS (
        SELECT reader AS position, reader AS key, CASE
            WHEN NOT EXISTS (SELECT FROM aviso.readers
                WHERE readers.feed = %(feed)s AND readers.reader = page.reader)
                AND aviso.last_reader_event(%(feed)s, reader) = 'granted'
            THEN 'revoked' END AS kind
        FROM page
    ) {_FOUND}""",
    _LOCK_FEED,
    f"""
    WITH wrong AS MATERIALIZED (
        SELECT 'revoked' AS type, NULL AS subject, reader, reader AS position,
            '{{}}' AS data
        FROM unnest(%(keys)s::text[]) AS reader
        WHERE aviso.last_reader_event(%(feed)s, reader) = 'granted' AND NOT EXISTS (
            SELECT FROM aviso.readers
            WHERE readers.feed = %(feed)s AND readers.reader = reader.reader)
    ) {_TELL}""",
    locks_rows=False,
)

SEARCHES = (READERS, READERS_GONE, RECORDS, RECORDS_GONE)
