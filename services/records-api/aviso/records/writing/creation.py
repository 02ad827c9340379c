"""Create records: one statement for one or a thousand, all of them or none.

The same write again changes nothing and returns what the first one made, when the
client made the ids: the first state of every record stands in its `created` event, and
once that is pruned in `first_states`, even after the record was changed or deleted.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.db import connection

from aviso.problems import Conflict, show
from aviso.records.bodies import Draft
from aviso.records.rendering import RECORD_COLUMNS, RecordRow

# The trace is set in the statement itself, for the triggers, and costs no way there and
# back. An id that has had a record before is left out, as one that has one now is. What
# was pruned is asked first: behind it the log may have any number of changes.
_INSERT = f"""
    INSERT INTO aviso.records (id, feed, data)
    SELECT given.id, %(feed)s, given.data::jsonb
    FROM set_config('aviso.traceparent', %(trace)s, true) AS trace,
         unnest(%(ids)s::uuid[], %(own)s::boolean[], %(data)s::text[])
             WITH ORDINALITY AS given (id, own, data, position)
    WHERE NOT given.own OR NOT EXISTS (
        SELECT FROM aviso.first_states f WHERE f.subject = given.id::text
        UNION ALL (
            SELECT FROM aviso.events e WHERE e.start = given.id::text
                AND CASE WHEN e.type = 'created' AND aviso.is_record_data(e.data)
                    THEN true END
            ORDER BY e.start, e.feed, e.changeset, e.place LIMIT 1))
    ORDER BY given.position
    ON CONFLICT (id) DO NOTHING
    RETURNING {RECORD_COLUMNS}
"""
# Of ids that were given a record now, those that had one before. The statement that
# gave them one may have begun before that, waited, and seen nothing of it.
_MADE_TWICE = """
    SELECT subject FROM aviso.first_states WHERE subject = ANY(%(ids)s::text[])
    UNION ALL
    SELECT id FROM unnest(%(ids)s::text[]) AS given (id)
    WHERE (
        SELECT count(*) FROM aviso.events e
        WHERE e.start = given.id AND e.type = 'created' AND aviso.is_record_data(e.data)
    ) > 1
    LIMIT 1
"""
# What was pruned is older than any event that is there, and tells the same data by its
# hash. The log is asked as in aviso.last_event, from the other end.
_FIRST_STATES = """
    WITH given AS (
        SELECT * FROM unnest(%(ids)s::uuid[], %(data)s::text[]) AS given (id, data)
    ), created AS (
        SELECT given.id, %(feed)s AS feed, (told.data ->> 'version')::int AS version,
               (told.data ->> 'created_at')::timestamptz AS created_at,
               (told.data ->> 'updated_at')::timestamptz AS updated_at,
               (told.data -> 'data')::text AS data,
               told.data -> 'data' = given.data::jsonb AS is_same, told.changeset
        FROM given CROSS JOIN LATERAL (
            SELECT e.data::jsonb AS data, e.changeset FROM aviso.events e
            WHERE (e.start, e.feed) >= (given.id::text, %(feed)s::text)
                AND (e.start, e.feed) <= (given.id::text, %(feed)s::text)
                AND CASE WHEN e.type = 'created' AND aviso.is_record_data(e.data)
                    THEN true END
                AND NOT EXISTS (
                    SELECT FROM aviso.first_states f WHERE f.subject = given.id::text)
            ORDER BY e.start, e.feed, e.changeset, e.place LIMIT 1
        ) AS told
        UNION ALL
        SELECT given.id, f.feed, f.version, f.created_at, f.updated_at,
               given.data::jsonb::text,
               f.feed = %(feed)s AND f.data_sha256
                   = sha256(convert_to(given.data::jsonb::text, 'UTF8')),
               0
        FROM given JOIN aviso.first_states f ON f.subject = given.id::text
    )
    SELECT DISTINCT ON (id)
           id, feed, version, created_at, updated_at, data, is_same
    FROM created ORDER BY id, changeset
"""


class MadeMeanwhile(Exception):
    """An id got its first record while the write waited: the same again will see it."""


def create_records(feed: str, drafts: Sequence[Draft], trace: str) -> list[RecordRow]:
    """Store the drafts and return the records in their order.

    Raises Conflict where an id has, or had, a record with other content,
    MadeMeanwhile where trying again tells, and IntegrityError where the table refuses.
    Belongs into a transaction, which then has to be rolled back.
    """
    values = {
        "feed": feed,
        "trace": trace,
        "ids": [draft.id for draft in drafts],
        "own": [draft.own_id for draft in drafts],
        "data": [draft.data_text for draft in drafts],
    }
    made = _insert(values)
    _check_made_once([d.id for d in drafts if d.own_id and d.id in made])
    missing = [draft for draft in drafts if draft.id not in made]
    if missing:
        made |= _read_first_states(feed, missing)
    return [made[draft.id] for draft in drafts]


def _insert(values: dict[str, Any]) -> dict[uuid.UUID, RecordRow]:
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, values)
        return {row[0]: RecordRow(*row) for row in cursor.fetchall()}


def _check_made_once(own_ids: list[uuid.UUID]) -> None:
    if not own_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(_MADE_TWICE, {"ids": own_ids})
        if cursor.fetchone():
            raise MadeMeanwhile


def _read_first_states(
    feed: str, missing: Sequence[Draft]
) -> dict[uuid.UUID, RecordRow]:
    found: dict[uuid.UUID, RecordRow] = {}
    values: dict[str, Any] = {
        "feed": feed,
        "ids": [draft.id for draft in missing],
        "data": [draft.data_text for draft in missing],
    }
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_STATES, values)
        for *columns, is_same in cursor.fetchall():
            if is_same:
                record = RecordRow(*columns)
                found[record.id] = record
    for draft in missing:
        if draft.id not in found:
            raise _conflict(draft)
    return found


def _conflict(draft: Draft) -> Conflict:
    return Conflict(
        f"id {show(str(draft.id))} was used before, for a record with other content",
        pointer=f"{draft.pointer}/id",
        index=draft.index,
    )
