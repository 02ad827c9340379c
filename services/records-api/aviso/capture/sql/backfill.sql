-- Tells of a tracked table what its log does not say, a page a transaction.
--
-- A page is looked at first, and what differs is then held, judged again and told: no
-- writer waits but for those rows, and nothing older is told behind a newer word. What
-- somebody else holds is passed over, and waited for at the end, one by one, while
-- nothing else is held. So nobody can be in a deadlock with this.

-- Ask for it, with no more than `rate` rows a second (null: no limit). One that is under
-- way or paused goes on where it was; `again` begins at the first key.
CREATE FUNCTION aviso.ask_backfill(
    relation regclass, again boolean DEFAULT false, rate integer DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t aviso.tracked_tables := aviso.find_own(relation);
BEGIN
    IF rate < 1 THEN
        PERFORM aviso.refuse_argument('rate', 'rate is %s, expected 1 or more rows a second',
            rate::text);
    END IF;
    IF again OR coalesce(t.backfilled NOT IN ('running', 'paused'), true) THEN
        UPDATE aviso.tracked_tables
        SET looked_at = 0, told = 0, backfill_after = NULL, backfill_left = '{}'
        WHERE id = t.id;
    END IF;
    UPDATE aviso.tracked_tables SET backfilled = 'running', backfill_rate = rate,
        backfill_next = clock_timestamp()
    WHERE id = t.id;
END $$;

-- Stop one that is under way, where it is.
CREATE FUNCTION aviso.pause_backfill(relation regclass) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t aviso.tracked_tables := aviso.find_own(relation);
BEGIN
    IF t.backfilled IS DISTINCT FROM 'running' THEN
        PERFORM aviso.refuse('no backfill of %s is running', aviso.full_name(relation));
    END IF;
    UPDATE aviso.tracked_tables SET backfilled = 'paused' WHERE id = t.id;
END $$;

-- A table's row in the catalogue, held; refuse whoever may not say what becomes of it.
CREATE FUNCTION aviso.find_own(relation regclass) RETURNS aviso.tracked_tables
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    own aviso.tracked_tables;
BEGIN
    SELECT t.* INTO own FROM aviso.tracked_tables AS t JOIN pg_class AS c ON c.oid = t.relation
    WHERE t.relation = find_own.relation
        AND (pg_has_role(session_user, c.relowner, 'MEMBER')
            OR pg_has_role(session_user, (SELECT nspowner FROM pg_namespace
                WHERE nspname = 'aviso'), 'MEMBER'))
    FOR NO KEY UPDATE OF t;
    IF NOT FOUND THEN
        PERFORM aviso.refuse('%s is not tracked, or is not the caller''s',
            aviso.full_name(relation));
    END IF;
    RETURN own;
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

-- Do a page of one table; return how many rows it looked at and told, whether there is
-- nothing more to do (it is paused, or done), and in how many seconds the next page may be.
-- Before its time nothing is done. On a wait for a row that is too long,
-- `lock_not_available` is raised.
CREATE FUNCTION aviso.backfill_step(
    tracked integer, size integer DEFAULT 500,
    OUT looked_at integer, OUT told integer, OUT is_done boolean, OUT rest_s double precision
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
    rest_s := 0;
    -- One at a time, and the same page never twice at once.
    SELECT * INTO t FROM aviso.tracked_tables
    WHERE id = backfill_step.tracked FOR NO KEY UPDATE;
    is_done := t.backfilled IS DISTINCT FROM 'running';
    rest_s := greatest(0, extract(epoch FROM t.backfill_next - clock_timestamp()));
    IF is_done OR rest_s > 0 THEN
        RETURN;
    END IF;
    size := least(size, t.backfill_rate);
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
    rest_s := coalesce(looked_at / t.backfill_rate::double precision, 0);
    UPDATE aviso.tracked_tables
    SET backfill_after = behind, backfill_left = missed,
        backfill_next = clock_timestamp() + make_interval(secs => rest_s),
        looked_at = tracked_tables.looked_at + backfill_step.looked_at,
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
