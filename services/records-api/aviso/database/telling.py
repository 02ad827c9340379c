"""The SQL of the statement triggers that tell the relay what was written.

Every table that is told has the same: one changeset for each feed that a statement
touched, its events in the log, and one narrow row in the queue.
"""

from __future__ import annotations


def telling(columns: str, source: str, order: str) -> str:
    """Write the statement that tells the rows of `source`, a changeset a feed.

    `columns` are type, subject, reader, data and time, for each row of the `source`,
    which comes after FROM and has a `feed`.
    """
    return f"""
    WITH made AS MATERIALIZED (
        SELECT feed, size, nextval('aviso.changesets') AS changeset
        FROM (SELECT feed, count(*) AS size FROM {source} GROUP BY feed) AS counted
    ), queued AS (
        INSERT INTO aviso.queue (changeset, feed, size)
        SELECT changeset, feed, size FROM made
    )
    INSERT INTO aviso.events (changeset, place, feed, type, subject, reader, data, time,
        traceparent)
    SELECT changeset, row_number() OVER (PARTITION BY feed ORDER BY {order}), feed,
        {columns}, trace
    FROM {source} JOIN made USING (feed);
    IF FOUND THEN
        PERFORM aviso.wake_relay();
    END IF;"""


def telling_function(name: str, *statements: str) -> str:
    """Write a statement trigger's function, which may say `trace` and `now`.

    Joins by hash alone: a plan is kept for as long as its session, and one that was
    made for a single row would go through a large statement's rows once for each.
    """
    body = "".join(statements)
    return f"""
CREATE FUNCTION aviso.{name}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET enable_nestloop = off SET enable_mergejoin = off AS $$
DECLARE
    trace text := aviso.traceparent();
    now timestamptz := clock_timestamp();
BEGIN{body}
    RETURN NULL;
END $$;
"""
