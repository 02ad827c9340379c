-- The one capture: what the triggers of every table that is told are made of.
--
-- Code is written as text and executed by the migrations (records, readers) and by
-- aviso.track (everybody's tables). Each statement makes one changeset for each feed
-- that it touched, with its events in the log, and one narrow row in the queue.

-- Write what wakes a relay that sleeps, behind the row in the queue. It holds this lock
-- alone while it sleeps: whoever can't share it has to notify. Whoever shares it keeps it
-- until his end, and so keeps the relay from falling asleep before it has seen what he
-- wrote (aviso/outbox/sleep.py has the proof). No busy writer notifies: a notice makes
-- commits wait for each other.
CREATE FUNCTION aviso.waking_code() RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT $code$IF NOT pg_catalog.pg_try_advisory_xact_lock_shared(27433268021243186) THEN
        PERFORM pg_catalog.pg_notify('aviso_events', '');
    END IF;$code$
$$;

-- For whoever tells without such a trigger.
DO $do$ BEGIN EXECUTE pg_catalog.format($code$
CREATE FUNCTION aviso.wake_relay() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    %s
END $$;$code$, aviso.waking_code()); END $do$;

-- Write the statement that tells the rows of `source`, a changeset a feed.
--
-- `columns` are type, subject, reader, data and time, for each row of the `source`,
-- which comes after FROM and has a `feed`. `ctes` stand before it, each with its comma.
-- Behind the statement nothing may be said that a search path could change: the row
-- functions of other owners have run.
CREATE FUNCTION aviso.telling(columns text, source text, ordering text, ctes text DEFAULT '')
RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT pg_catalog.format($code$
    WITH %4$s made AS MATERIALIZED (
        SELECT feed, size, nextval('aviso.changesets') AS changeset
        FROM (SELECT feed, count(*) AS size FROM %2$s GROUP BY feed) AS counted
    ), queued AS (
        INSERT INTO aviso.queue (changeset, feed, size)
        SELECT changeset, feed, size FROM made
    )
    INSERT INTO aviso.events (changeset, place, feed, type, start, subject, reader, data,
        time, traceparent)
    SELECT changeset, place, feed, type::aviso.event_type,
        coalesce(pg_catalog.left(subject, 600), ''), subject::aviso.event_subject, reader,
        data, "time", aviso.traceparent()
    FROM (
        SELECT changeset, row_number() OVER (PARTITION BY feed ORDER BY %3$s), feed, %1$s
        FROM %2$s JOIN made USING (feed)
    ) AS told (changeset, place, feed, type, subject, reader, data, "time");
    IF FOUND THEN
        %5$s
    END IF;$code$, columns, source, ordering, ctes, aviso.waking_code())
$$;

-- Write a trigger's function, whose statements may say what `variables` declare.
--
-- As a rule, joins by hash alone: a plan is kept for as long as its session, and one that was
-- made for a single row would go through a large statement's rows once for each. With
-- null for its settings it has none, and not even a search path: it runs under its caller's.
CREATE FUNCTION aviso.telling_function(name text, body text,
    settings text DEFAULT 'SET enable_nestloop = off SET enable_mergejoin = off',
    variables text DEFAULT 'now timestamptz := clock_timestamp();')
RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT pg_catalog.format($code$
CREATE OR REPLACE FUNCTION aviso.%1$I() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER%2$s AS %3$L$code$, name,
        E' SET search_path = pg_catalog, pg_temp\n    ' || settings, pg_catalog.format($code$
DECLARE
    %s
BEGIN%s
    RETURN NULL;
END $code$, variables, body))
$$;
