-- Tells of a tracked table what its log does not say, a page a transaction.
--
-- A page is looked at first, and what differs is then held, judged again and told: no
-- writer waits but for those rows, and nothing older is told behind a newer word. What
-- somebody else holds is passed over, and waited for at the end, one by one, while
-- nothing else is held. So nobody can be in a deadlock with this.

-- Ask for it; where it is under way it goes on. `again` begins at the first key.
CREATE FUNCTION aviso.ask_backfill(relation regclass, again boolean DEFAULT false)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE aviso.tracked_tables AS t SET backfilled = 'running',
        told = CASE WHEN again OR backfilled IS DISTINCT FROM 'running' THEN 0 ELSE told END,
        backfill_after = CASE WHEN NOT again AND backfilled = 'running' THEN backfill_after END,
        backfill_left = CASE WHEN NOT again AND backfilled = 'running' THEN backfill_left
            ELSE '{}' END
    FROM pg_class AS c
    WHERE t.relation = ask_backfill.relation AND c.oid = t.relation
        AND (pg_has_role(session_user, c.relowner, 'MEMBER')
            OR pg_has_role(session_user, (SELECT nspowner FROM pg_namespace
                WHERE nspname = 'aviso'), 'MEMBER'));
    IF NOT FOUND THEN
        PERFORM aviso.refuse('%s is not tracked, or is not the caller''s',
            aviso.full_name(relation));
    END IF;
END $$;

-- What the table has under subjects, each held as `holds` says.
CREATE FUNCTION aviso.find_states(t aviso.tracked_tables, subjects text[], holds text)
RETURNS aviso.state[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    present aviso.state[];
BEGIN
    EXECUTE format($code$
        SELECT array_agg(ROW(NULL::text, (said).value, (said).subject, (said).data,
            (said).cause)::aviso.state)
        FROM (SELECT aviso_rows.%I(wanted, $2) AS said
            FROM unnest($1) WITH ORDINALITY AS listed (wanted, place) ORDER BY place) AS rows
        WHERE (said).subject IS NOT NULL$code$, 'find_' || t.id)
    INTO present USING subjects, holds;
    RETURN coalesce(present, '{}');
END $$;

-- Do a page of one table; return how many rows it looked at and told, and whether more
-- is left. On a wait for a row that is too long, `lock_not_available` is raised.
CREATE FUNCTION aviso.backfill_step(
    tracked integer, size integer DEFAULT 500,
    OUT looked_at integer, OUT told integer, OUT is_done boolean
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET DateStyle = 'ISO, YMD' SET IntervalStyle = 'iso_8601' SET TimeZone = 'UTC'
    SET extra_float_digits = '1' SET bytea_output = 'hex' SET lc_monetary = 'C'
    SET quote_all_identifiers = 'off' SET jit = 'off' AS $$
DECLARE
    t aviso.tracked_tables;
    page aviso.state[];
    wrong text[];
    held aviso.state[];
    missed text[] := '{}';
    behind text[];
BEGIN
    looked_at := 0;
    told := 0;
    -- One at a time, and the same page never twice at once.
    SELECT * INTO t FROM aviso.tracked_tables
    WHERE id = backfill_step.tracked FOR NO KEY UPDATE;
    is_done := t.backfilled IS DISTINCT FROM 'running';
    IF is_done THEN
        RETURN;
    END IF;
    IF t.backfill_after IS DISTINCT FROM '{}' THEN
        EXECUTE format($code$
            WITH page AS MATERIALIZED (
                SELECT *, row_number() OVER () AS place FROM aviso_rows.%I($1, $2)
            )
            SELECT count(*), (SELECT key FROM page ORDER BY place DESC LIMIT 1),
                array_agg(ROW(NULL::text, value, subject, data, cause)::aviso.state
                    ORDER BY place)
                FILTER (WHERE data IS NOT NULL OR cause IS NOT NULL)
            FROM page$code$, 'page_' || t.id)
        INTO looked_at, behind, page USING t.backfill_after, size;
        IF pg_catalog.current_setting('search_path') OPERATOR(pg_catalog.<>)
            'pg_catalog, pg_temp'::pg_catalog.text
        THEN
            PERFORM aviso.refuse_session(t.relation);
        END IF;
        wrong := aviso.find_wrong(t, page);
        IF cardinality(wrong) > 0 THEN
            held := aviso.find_states(t, wrong, 'skip');
            IF pg_catalog.current_setting('search_path') OPERATOR(pg_catalog.<>)
                'pg_catalog, pg_temp'::pg_catalog.text
            THEN
                PERFORM aviso.refuse_session(t.relation);
            END IF;
            missed := ARRAY(SELECT unnest(wrong) EXCEPT SELECT subject FROM unnest(held));
        END IF;
        is_done := looked_at < size;
        IF is_done THEN
            behind := '{}';
        END IF;
    ELSIF cardinality(t.backfill_left) > 0 THEN
        looked_at := 1;
        behind := '{}';
        held := aviso.find_states(t, t.backfill_left[1:1], 'wait');
        IF pg_catalog.current_setting('search_path') OPERATOR(pg_catalog.<>)
            'pg_catalog, pg_temp'::pg_catalog.text
        THEN
            PERFORM aviso.refuse_session(t.relation);
        END IF;
        t.backfill_left := t.backfill_left[2:];
    END IF;
    told := aviso.tell_rows(t.id, '{}', held);
    missed := t.backfill_left || missed;
    is_done := behind = '{}' AND missed = '{}';
    UPDATE aviso.tracked_tables
    SET backfill_after = behind, backfill_left = missed,
        told = tracked_tables.told + backfill_step.told,
        backfilled = CASE WHEN is_done THEN 'done' ELSE 'running' END
    WHERE id = t.id;
END $$;

-- What the owner's functions did to the session is undone by this.
CREATE FUNCTION aviso.refuse_session(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'a function that rows of % call has changed the search path of its'
        ' session', aviso.full_name(relation) USING ERRCODE = 'insufficient_privilege';
END $$;

-- The subjects whose last word in the log is not their state, once each.
CREATE FUNCTION aviso.find_wrong(t aviso.tracked_tables, states aviso.state[]) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ARRAY(
        SELECT s.subject
        FROM unnest(states) WITH ORDINALITY AS s (feed, value, subject, data, cause, n)
        LEFT JOIN LATERAL aviso.last_event(aviso.feed_of(t, s.value), s.subject) AS last
            ON true
        WHERE s.subject IS NOT NULL AND s.cause IS DISTINCT FROM 'unclear'
            AND (last.type IS NULL OR last.type = 'deleted' OR last.data <>
                CASE WHEN s.cause IS NULL THEN s.data ELSE aviso.unavailable_data(s.cause) END)
        ORDER BY n)
$$;
