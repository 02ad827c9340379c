-- What a tracked table's triggers do. These functions are Aviso's, and whoever writes to
-- the table needs no right on anything that they touch.

-- Write what the rows of a transition table say, as a CTE of its name: those that are in
-- a feed, and with `nameless` those of which nobody can say it.
CREATE FUNCTION aviso.said_code(t aviso.tracked_tables, transition text, nameless boolean)
RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format($code$ %1$s_said AS MATERIALIZED (
        SELECT (said).value, CASE WHEN (said).cause = 'unclear' THEN NULL
            ELSE (said).subject END AS subject, (said).data, (said).cause,
            row_number() OVER () AS position
        FROM (SELECT aviso_rows.%2$I(%1$s.*) AS said FROM %1$s) AS rows
        WHERE (said).data IS NOT NULL OR (said).cause IS NOT NULL
    ), %1$s_rows AS MATERIALIZED (
        SELECT *, %3$s AS feed FROM %1$s_said WHERE %4$s
    ),$code$,
        transition, 'row_' || t.id,
        CASE WHEN t.placeholder IS NULL THEN format('%L::text', t.feed)
            ELSE format('aviso.feed_name(%L, value, %L)', t.prefix, t.suffix) END,
        CASE WHEN nameless AND t.placeholder IS NULL THEN 'true'
            ELSE 'subject IS NOT NULL' END)
$$;

-- Write the statement that tells `changes`, and what they leave out.
CREATE FUNCTION aviso.changes_code(t aviso.tracked_tables, ctes text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT aviso.telling(
        'type, subject, NULL, data, clock_timestamp()', 'open',
        'type <> ''deleted'', position',
        ctes || CASE WHEN t.placeholder IS NULL THEN ' open AS (SELECT * FROM changes),'
        ELSE format($code$ feeds AS MATERIALIZED (
            SELECT feed FROM (SELECT DISTINCT feed, value FROM changes) AS touched
            WHERE aviso.open_feed(%1$s, feed, value)
        ), open AS MATERIALIZED (
            SELECT * FROM changes WHERE feed IN (SELECT feed FROM feeds)
        ), lost AS (
            INSERT INTO aviso.notes (tracked, kind, size)
            SELECT %1$s, 'untold', count(*) FROM (
                SELECT FROM changes WHERE feed NOT IN (SELECT feed FROM feeds) %2$s
            ) AS untold HAVING count(*) > 0
        ),$code$, t.id, CASE WHEN ctes LIKE '%written_said AS%' THEN
            'UNION ALL SELECT FROM written_said WHERE subject IS NULL' ELSE '' END) END)
$$;

-- Data of the events that no row has.
CREATE FUNCTION aviso.unavailable_data(cause text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT '{"event_id":null,"type":null,"cause":"'
        || CASE cause WHEN 'too-large' THEN 'too-large' ELSE 'no-form' END || '"}'
$$;
-- Of a row that is gone, and whose last state could not be told.
CREATE FUNCTION aviso.gone_data(subject text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT '{"id":' || to_json(subject)::text || ',"data":{}}'
$$;

-- Refuse to tell rows of another table than this one, or one of its partitions.
CREATE FUNCTION aviso.check_trigger(tracked integer, relation oid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM aviso.tracked_tables t
        WHERE t.id = tracked AND (t.relation = check_trigger.relation
            OR t.relation IN (SELECT relid FROM pg_partition_ancestors(check_trigger.relation))))
    THEN
        RAISE EXCEPTION 'the trigger of tracked table % is none of %',
            tracked, check_trigger.relation::regclass
            USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$;

-- Whether what a statement did to a table may have been changed again before its trigger
-- fires: by another statement on it that ran within it, and has told that already. Then
-- what counts is what the table says. Not cheaper to know for certain, and harmless if
-- it was another statement of the same transaction. The note stays until the transaction
-- ends: a statement that inserts and updates (ON CONFLICT, MERGE) has several triggers.
CREATE FUNCTION aviso.is_nested(tracked integer) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    is_noted boolean;
BEGIN
    is_noted := EXISTS (SELECT FROM aviso.nested n
        WHERE n.xid = pg_current_xact_id() AND n.tracked = is_nested.tracked);
    -- Of the trigger that asks: 1 where nothing is around its statement.
    IF NOT is_noted AND pg_trigger_depth() > 1 THEN
        INSERT INTO aviso.nested VALUES (pg_current_xact_id(), is_nested.tracked);
    END IF;
    RETURN is_noted;
END $$;

-- Whether a table was a partition of a tracked one, and is none any more: until the relay
-- takes it away it has a trigger of ours on TRUNCATE, which is no clone that goes with it.
CREATE FUNCTION aviso.is_detached(tracked integer, relation oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM aviso.tracked_tables AS t
        WHERE t.id = tracked AND is_detached.relation = ANY (t.leaves::oid[])
            AND t.relation NOT IN (
                SELECT relid FROM pg_partition_ancestors(is_detached.relation)))
$$;

-- What is to be the last word on a subject of a feed; without data and cause: nothing.
CREATE TYPE aviso.state AS (feed text, value text, subject text, data text, cause text);

-- Tell what the log does not say yet, a changeset a feed; return how many it told.
CREATE FUNCTION aviso.tell_states(tracked integer, states aviso.state[]) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    SET enable_mergejoin = off SET jit = off AS $function$
DECLARE
    told integer;
BEGIN
    WITH wanted AS MATERIALIZED (
        SELECT DISTINCT ON (feed, subject) s.feed, s.value, s.subject,
            CASE WHEN s.cause IS NULL THEN s.data ELSE aviso.unavailable_data(s.cause) END
                AS data, s.cause, s.data IS NOT NULL OR s.cause IS NOT NULL AS is_there, place
        FROM unnest(states) WITH ORDINALITY AS s (feed, value, subject, data, cause, place)
        WHERE s.subject IS NOT NULL AND s.cause IS DISTINCT FROM 'unclear'
        ORDER BY feed, subject, (s.data IS NULL AND s.cause IS NULL), place
    ), wrong AS MATERIALIZED (
        SELECT w.feed, w.value, w.subject, w.place, w.is_there,
            CASE WHEN NOT w.is_there THEN 'deleted'
                WHEN w.cause IS NOT NULL THEN 'unavailable'
                WHEN last.type IS NULL OR last.type = 'deleted' THEN 'created'
                ELSE 'updated' END AS type,
            CASE WHEN w.is_there THEN w.data WHEN last.type = 'unavailable'
                THEN aviso.gone_data(w.subject) ELSE last.data END AS data
        FROM wanted AS w LEFT JOIN LATERAL aviso.last_event(w.feed, w.subject) AS last ON true
        WHERE CASE WHEN w.is_there THEN last.type IS NULL OR last.type = 'deleted'
                OR last.data <> w.data
            ELSE last.type <> 'deleted' END
    ), feeds AS MATERIALIZED (
        SELECT feed FROM (SELECT DISTINCT feed, value FROM wrong) AS touched
        WHERE value IS NULL AND EXISTS (SELECT FROM aviso.tracked_feeds f
                WHERE f.feed = touched.feed AND f.tracked = tell_states.tracked)
            OR aviso.open_feed(tell_states.tracked, feed, value)
    ), made AS MATERIALIZED (
        SELECT feed, size, nextval('aviso.changesets') AS changeset
        FROM (SELECT feed, count(*) AS size FROM wrong
            WHERE feed IN (SELECT feed FROM feeds) GROUP BY feed) AS counted
    ), queued AS (
        INSERT INTO aviso.queue (changeset, feed, size)
        SELECT changeset, feed, size FROM made
    )
    INSERT INTO aviso.events (changeset, place, feed, type, start, subject, data,
        traceparent)
    SELECT changeset, row_number() OVER (PARTITION BY feed ORDER BY is_there, place), feed,
        type::aviso.event_type, left(subject, 600), subject::aviso.event_subject, data,
        aviso.traceparent()
    FROM wrong JOIN made USING (feed);
    GET DIAGNOSTICS told = ROW_COUNT;
    IF told > 0 THEN
        PERFORM aviso.wake_relay();
    END IF;
    RETURN told;
END $function$;

-- The feed that a row with this value has.
CREATE FUNCTION aviso.feed_of(t aviso.tracked_tables, value text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN t.placeholder IS NULL THEN t.feed
        ELSE aviso.feed_name(t.prefix, value, t.suffix) END
$$;

-- Tell of rows what the table says now: `rows` are what their states before and after
-- said, `present` what the table has under their subjects.
CREATE FUNCTION aviso.tell_rows(tracked integer, said aviso.state[], present aviso.state[])
RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t aviso.tracked_tables;
    wanted aviso.state[];
    lost integer;
BEGIN
    SELECT * INTO t FROM aviso.tracked_tables WHERE id = tell_rows.tracked;
    SELECT array_agg(ROW(aviso.feed_of(t, one.value), one.value, one.subject, one.data,
            one.cause)::aviso.state) INTO wanted
    FROM (
        SELECT s.value, s.subject, NULL AS data, NULL AS cause FROM unnest(said) AS s
        WHERE s.data IS NOT NULL OR s.cause <> 'unclear'
        UNION ALL
        SELECT f.value, f.subject, f.data, f.cause FROM unnest(present) AS f
        WHERE f.data IS NOT NULL OR f.cause <> 'unclear'
    ) AS one WHERE one.subject IS NOT NULL;
    SELECT count(*) INTO lost FROM unnest(present) AS f
    WHERE f.cause IS NOT NULL AND (f.subject IS NULL OR f.cause = 'unclear');
    IF lost > 0 AND t.placeholder IS NULL THEN
        PERFORM aviso.tell(t.feed, 'unavailable', NULL, NULL,
            aviso.unavailable_data('no-form')) FROM generate_series(1, lost);
    ELSIF lost > 0 THEN
        INSERT INTO aviso.notes (tracked, kind, size) VALUES (t.id, 'untold', lost);
    END IF;
    RETURN aviso.tell_states(tracked, wanted);
END $$;

-- Write the loop that tells the rows of transition tables as the table says.
CREATE FUNCTION aviso.retelling_code(t aviso.tracked_tables, transitions text[])
RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format($code$
        PERFORM aviso.tell_rows(%1$s, said, present) FROM (
            SELECT array_agg(ROW(NULL::text, (said).value, (said).subject, (said).data,
                    (said).cause)::aviso.state) AS said,
                array_agg(ROW(NULL::text, (present).value, (present).subject, (present).data,
                    (present).cause)::aviso.state) AS present
            FROM (
                SELECT said, aviso_rows.%3$I((said).subject, 'no') AS present, position
                FROM (SELECT aviso_rows.%2$I(touched.*) AS said, row_number() OVER () AS position
                    FROM (%4$s) AS touched OFFSET 0) AS rows OFFSET 0
            ) AS rows GROUP BY position / 1000 ORDER BY min(position)
        ) AS page;$code$, t.id, 'row_' || t.id, 'find_' || t.id,
        (SELECT string_agg('SELECT * FROM ' || name, ' UNION ALL ') FROM unnest(transitions) AS name))
$$;

-- Write the function of the statement triggers.
CREATE FUNCTION aviso.statement_code(t aviso.tracked_tables) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT aviso.telling_function('capture_' || t.id, format($code$
    IF TG_OP OPERATOR(pg_catalog.=) 'UPDATE' THEN%10$s
    ELSIF TG_OP OPERATOR(pg_catalog.=) 'INSERT' THEN%9$s
    ELSE%11$s
    END IF;%13$s
    IF TG_RELID <> %1$s::oid THEN
        PERFORM aviso.check_trigger(%2$s, TG_RELID);
    END IF;
    IF %12$s THEN
        is_nested := aviso.is_nested(%2$s);
    END IF;
    IF is_nested THEN
        IF TG_OP = 'INSERT' THEN%3$s
        ELSIF TG_OP = 'UPDATE' THEN%4$s
        ELSE%5$s
        END IF;
    ELSIF TG_OP = 'INSERT' THEN%6$s
    ELSIF TG_OP = 'UPDATE' THEN%7$s
    ELSE%8$s
    END IF;%14$s$code$,
        t.relation::oid, t.id,
        aviso.retelling_code(t, ARRAY['written']),
        aviso.retelling_code(t, ARRAY['before', 'written']),
        aviso.retelling_code(t, ARRAY['before']),
        aviso.changes_code(t, aviso.said_code(t, 'written', true) || $code$
    changes AS MATERIALIZED (
        SELECT feed, value, CASE WHEN cause IS NULL THEN 'created' ELSE 'unavailable' END
            AS type, subject,
            CASE WHEN cause IS NULL THEN data ELSE aviso.unavailable_data(cause) END AS data,
            position
        FROM written_rows
    ),$code$),
        aviso.changes_code(t, aviso.said_code(t, 'before', false)
            || aviso.said_code(t, 'written', true) || $code$
    changes AS MATERIALIZED (
        SELECT feed, coalesce(n.value, o.value) AS value,
            CASE WHEN n.position IS NULL THEN 'deleted'
                WHEN n.cause IS NOT NULL THEN 'unavailable'
                WHEN o.position IS NULL THEN 'created' ELSE 'updated' END AS type,
            subject,
            CASE WHEN n.position IS NULL THEN
                CASE WHEN o.cause IS NULL THEN o.data ELSE aviso.gone_data(subject) END
                WHEN n.cause IS NULL THEN n.data
                ELSE aviso.unavailable_data(n.cause) END AS data,
            coalesce(n.position, o.position) AS position
        FROM before_rows AS o FULL JOIN written_rows AS n USING (feed, subject)
        WHERE o.position IS NULL OR n.position IS NULL OR o.data IS DISTINCT FROM n.data
            OR o.cause IS DISTINCT FROM n.cause OR n.cause = 'no-form'
    ),$code$),
        aviso.changes_code(t, aviso.said_code(t, 'before', false) || $code$
    changes AS MATERIALIZED (
        SELECT feed, value, 'deleted' AS type, subject,
            CASE WHEN cause IS NULL THEN data ELSE aviso.gone_data(subject) END AS data,
            position
        FROM before_rows
    ),$code$),
        aviso.single_code(t, 'created'), aviso.single_code(t, 'updated'),
        aviso.single_code(t, 'deleted'), aviso.within_code(),
        -- An error takes this back with all else that the statement did.
        CASE WHEN aviso.is_bare(t) THEN $code$
    writers_path := pg_catalog.current_setting('search_path');
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);$code$ END,
        CASE WHEN aviso.is_bare(t) THEN $code$
    PERFORM pg_catalog.set_config('search_path', writers_path, true);$code$ END),
        CASE WHEN NOT aviso.is_bare(t) THEN aviso.pinned(t) END,
        CASE WHEN aviso.is_lean(t) THEN 'is_nested boolean; event_data pg_catalog.text;'
                ' writers_path pg_catalog.text;'
            ELSE 'is_nested boolean; named text; one aviso.change;' END)
$$;

-- Write the function of the row triggers: of partitions, whose rows may be written past
-- their parent's statements, and of the role `replica`, for which apply fires no other.
CREATE FUNCTION aviso.each_row_code(t aviso.tracked_tables) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT aviso.telling_function('capture_row_' || t.id, format($code$
    IF TG_RELID <> %1$s::oid THEN
        PERFORM aviso.check_trigger(%2$s, TG_RELID);
    END IF;
    IF TG_NARGS > 0 AND NOT aviso.tells_arrivals() THEN
        RETURN NULL;
    END IF;
    PERFORM aviso.tell_rows(%2$s, said, present) FROM (
        SELECT array_agg(ROW(NULL::text, (said).value, (said).subject, (said).data,
                (said).cause)::aviso.state) AS said,
            array_agg(ROW(NULL::text, (present).value, (present).subject, (present).data,
                (present).cause)::aviso.state) AS present
        FROM (
            SELECT said, aviso_rows.%4$I((said).subject, 'no') AS present
            FROM (
                SELECT aviso_rows.%3$I(OLD) AS said WHERE TG_OP <> 'INSERT'
                UNION ALL SELECT aviso_rows.%3$I(NEW) WHERE TG_OP <> 'DELETE' OFFSET 0
            ) AS rows OFFSET 0
        ) AS rows
    ) AS page;$code$,
        t.relation::oid, t.id, 'row_' || t.id, 'find_' || t.id), aviso.pinned(t), '')
$$;

-- Tell that a table's feeds have no rows any more.
CREATE FUNCTION aviso.tell_reset(tracked integer, cause text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM aviso.tell(feed, 'reset', NULL, NULL, format('{"cause":"%s"}', cause))
    FROM (
        SELECT f.feed FROM aviso.tracked_feeds f WHERE f.tracked = tell_reset.tracked
        UNION SELECT n.feed FROM aviso.notes n
        WHERE n.tracked = tell_reset.tracked AND n.kind = 'feed'
        ORDER BY feed
    ) AS emptied;
END $$;

-- Write the function of the triggers on TRUNCATE, of the table and of its partitions.
CREATE FUNCTION aviso.truncate_code(t aviso.tracked_tables) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format($code$
CREATE OR REPLACE FUNCTION aviso.%I() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS %L$code$,
        'capture_truncate_' || t.id, format($code$
BEGIN
    IF TG_RELID <> %1$s::oid THEN
        IF aviso.is_detached(%5$s, TG_RELID) THEN
            RETURN NULL;
        END IF;
        PERFORM aviso.check_trigger(%5$s, TG_RELID);
    END IF;
    IF TG_NARGS > 0 AND NOT aviso.tells_arrivals() THEN
        RETURN NULL;
    END IF;
    IF %3$L = 'refuse' THEN
        RAISE EXCEPTION 'TRUNCATE of %% is refused, since its rows are the feed %%: use DELETE',
            %2$L, %4$L USING ERRCODE = 'feature_not_supported';
    END IF;
    PERFORM aviso.tell_reset(%5$s, 'truncated');
    IF TG_RELID <> %1$s::oid THEN
        INSERT INTO aviso.notes (tracked, kind) VALUES (%5$s, 'backfill');
    END IF;
    RETURN NULL;
END $code$,
        t.relation::oid, aviso.full_name(t.relation), t.on_truncate, t.feed, t.id))
$$;
