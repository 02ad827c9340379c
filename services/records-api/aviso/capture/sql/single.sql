-- The short way of a statement of a single row, as most are; what is out of the ordinary in
-- it goes the long way (capture.sql).

-- The settings of a table's trigger functions. Those that give a value one form, whoever
-- writes it, cost as much as a row: not where no column's form depends on any. And where
-- a statement may touch many feeds, it joins by hash alone.
CREATE FUNCTION aviso.pinned(t aviso.tracked_tables) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN bool_and(atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype,
            'numeric'::regtype, 'bool'::regtype, 'text'::regtype, 'varchar'::regtype,
            'bpchar'::regtype, 'name'::regtype, 'uuid'::regtype, 'jsonb'::regtype)
        OR atttypid IN ('date'::regtype, 'timestamp'::regtype, 'time'::regtype)
            AND attname <> ALL (t.key) AND attname IS DISTINCT FROM t.placeholder) THEN ''
        ELSE 'SET DateStyle = ''ISO, YMD'' SET IntervalStyle = ''iso_8601'' SET TimeZone = ''UTC'''
            ' SET extra_float_digits = ''1'' SET bytea_output = ''hex'' SET lc_monetary = ''C'''
            ' SET quote_all_identifiers = ''off''' END
        || CASE WHEN t.placeholder IS NULL THEN ''
            ELSE ' SET enable_nestloop = off SET enable_mergejoin = off SET jit = off' END
    FROM pg_attribute WHERE attrelid = t.relation AND attnum > 0 AND NOT attisdropped
        AND (attname = ANY (t.columns || t.where_columns) OR attname = t.placeholder)
$$;

-- Whether one expression says all of a row: its types are plain, its key needs no more than
-- quotes, it has one feed. Each further expression costs a writer as much again. And no
-- column is called like a variable of the trigger's, which would be told in its place once
-- it is gone.
CREATE FUNCTION aviso.is_lean(t aviso.tracked_tables) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT t."where" IS NULL AND t.placeholder IS NULL AND cardinality(t.key) = 1
        AND getdatabaseencoding() = 'UTF8' AND bool_and(aviso.is_plain(atttypid)
            AND (attname <> t.key[1] OR aviso.is_comparable(atttypid))
            AND attname <> ALL ('{found,is_nested,event_data,writers_path}')
            AND NOT starts_with(attname::text, 'tg_'))
    FROM pg_attribute WHERE attrelid = t.relation AND attname = ANY (t.columns)
$$;

-- Whether a table's trigger function has no settings, which cost a writer a tenth of all
-- that is done for him. Its short way runs under the writer's search path, with Aviso's
-- rights: there is no name and no operator in it without its schema, and nothing that is
-- another's. The long way sets the path itself.
CREATE FUNCTION aviso.is_bare(t aviso.tracked_tables) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT aviso.is_lean(t) AND aviso.pinned(t) = ''
$$;

-- Write whether a statement runs within another, or another one on the same table may have
-- run within it or before it. Notes of this session's are counted as PostgreSQL does it, for
-- to look for one costs as much as the rest of the way of a single row; where one is counted,
-- it is looked for.
CREATE FUNCTION aviso.within_code() RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT $code$pg_catalog.pg_trigger_depth() OPERATOR(pg_catalog.>) 1
        OR pg_catalog.current_setting('track_counts') OPERATOR(pg_catalog.<>) 'on'
        OR pg_catalog.pg_stat_get_xact_tuples_inserted('aviso.nested'::pg_catalog.regclass)
            OPERATOR(pg_catalog.<>) 0$code$
$$;

-- Write a condition that is true where this is a transition table. Of any other table, or a
-- view, it is an error before anything is planned: whoever may put our function on his table
-- can do so without transition tables, and have views of these names, whose functions would
-- be called with Aviso's rights. It costs nothing, for it is planned away. A row of a
-- transition table alone is of no type that has a name.
CREATE FUNCTION aviso.transition_code(source text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT format(
        '(true OR pg_catalog.array_eq(ARRAY[%I.*], NULL::pg_catalog.record[]))', source)
$$;

-- Write what is told of a row whose types are all plain: its subject, and its data as jsonb
-- writes it, the shortest name first. One call has a template and many values: a writer's
-- transaction makes each node of an expression ready anew.
CREATE FUNCTION aviso.lean_data_code(t aviso.tracked_tables, source text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(format('pg_catalog.format(%L, %s)',
            CASE WHEN part = 0 THEN '{"id":"%s","data":{' ELSE ', ' END || names ||
                CASE WHEN part = (cardinality(t.columns) - 1) / 50 THEN '}}' ELSE '' END,
            concat_ws(', ', CASE WHEN part = 0 THEN subject END, forms)),
        ' OPERATOR(pg_catalog.||) ' ORDER BY part)
    FROM (
        SELECT place / 50 AS part, min(subject) AS subject,
            string_agg(replace(to_json(name)::text, '%', '%%') || ': ' ||
                CASE WHEN NOT is_subject THEN '%s' WHEN type = 'uuid'::regtype THEN '"%1$s"'
                    ELSE '%1$s' END, ', ' ORDER BY place) AS names,
            string_agg(CASE WHEN is_subject THEN NULL ELSE format(
                    CASE WHEN type = 'timestamptz'::regtype THEN 'coalesce(%s, ''null'')'
                        ELSE 'coalesce(pg_catalog.to_json(%s), ''null'')' END,
                    aviso.column_code(value, type)) END,
                ', ' ORDER BY place) AS forms
        FROM (
            SELECT attname::text AS name, atttypid AS type, place, value,
                min(CASE WHEN attname = t.key[1] THEN value END) OVER () AS subject,
                -- Given again where it comes first: behind it goes on with the second value.
                attname = t.key[1] AND place = 0 AS is_subject
            FROM (
                SELECT *, format('%I.%I', source, attname) AS value, row_number() OVER (
                    ORDER BY octet_length(attname::text), attname) - 1 AS place
                FROM pg_attribute WHERE attrelid = t.relation AND attname = ANY (t.columns)
            ) AS placed
        ) AS listed GROUP BY 1
    ) AS parts
$$;

-- Write a condition that is true where these columns are of the types that they are of now.
-- Else it is an error, and one before anything is planned: nothing of another type's owner
-- runs, neither his casts nor a function of his that the planner would run for its constants.
-- It costs nothing, for it is planned away. Only arrays of one type can be compared.
CREATE FUNCTION aviso.lean_types_code(relation regclass, columns text[], source text)
RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'true' || string_agg(format(
        ' OR pg_catalog.array_eq(ARRAY[%I.%I], NULL::pg_catalog.%I[])',
        source, attname, typname), '' ORDER BY attnum)
    FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
    WHERE attrelid = relation AND attname = ANY (columns)
$$;

-- Write a transition table of no more than these columns. Each is named alone, and is an
-- error where it is gone: behind a table's name it would be a call of whatever function of
-- that name the writer's path has, with the row.
CREATE FUNCTION aviso.named_code(columns text[], source text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('(SELECT %1$s FROM %2$I WHERE %3$s) AS %2$I',
        string_agg(format('%I', name), ', ' ORDER BY name), source,
        aviso.transition_code(source))
    FROM unnest(columns) AS name
$$;

-- Write the expression that says what a single row's statement tells: an event's data, ''
-- for nothing, and null where that is not decided here. Several rows are an error.
CREATE FUNCTION aviso.lean_expression_code(t aviso.tracked_tables, op text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN op = 'updated' THEN format(
            'CASE WHEN before.%1$I OPERATOR(pg_catalog.=) written.%1$I THEN'
            ' CASE WHEN %2$s THEN '''' ELSE %3$s END END FROM %4$s, ', t.key[1],
            coalesce(aviso.sameness_code(t.relation, array_remove(t.columns, t.key[1]),
                'before', 'written'), 'true'),
            aviso.lean_data_code(t, source), aviso.named_code(told, 'before'))
        ELSE format('%s FROM ', aviso.lean_data_code(t, source)) END
        || format('%s WHERE (%s)%s LIMIT 2', aviso.named_code(told, source),
            aviso.lean_types_code(t.relation, told, source),
            -- A key that is none any more; an UPDATE has compared it.
            CASE WHEN op <> 'updated' THEN
                format(' AND %I.%I IS NOT NULL', source, t.key[1]) END)
    FROM (SELECT CASE op WHEN 'deleted' THEN 'before' ELSE 'written' END AS source,
        ARRAY(SELECT DISTINCT unnest(t.columns || t.key)) AS told) AS read
$$;

-- Write the short way where one expression says all.
CREATE FUNCTION aviso.lean_code(t aviso.tracked_tables, op text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format($code$
        IF TG_RELID OPERATOR(pg_catalog.=) %1$s::pg_catalog.oid AND NOT (%2$s) THEN
            BEGIN
                event_data := %3$s;
            EXCEPTION WHEN OTHERS OR ASSERT_FAILURE THEN
                event_data := NULL;
            END;
            IF pg_catalog.octet_length(event_data) OPERATOR(pg_catalog.>) 0
                AND pg_catalog.octet_length(event_data) OPERATOR(pg_catalog.<=) 65536
            THEN
                INSERT INTO aviso.queue (changeset, feed, size)
                VALUES (pg_catalog.nextval('aviso.changesets'), %4$L, 1);
                -- A key that needs no more than quotes: {"id":"7","data":
                INSERT INTO aviso.events (changeset, place, type, feed, start, subject,
                    data, traceparent)
                VALUES (pg_catalog.currval('aviso.changesets'), 1, %5$L, %4$L,
                    pg_catalog.split_part(event_data, '"', 4),
                    pg_catalog.split_part(event_data, '"', 4), event_data,
                    aviso.traceparent());
                %6$s
                RETURN NULL;
            ELSIF pg_catalog.octet_length(event_data) OPERATOR(pg_catalog.=) 0 THEN
                RETURN NULL;
            END IF;
        END IF;$code$,
        t.relation::oid, aviso.within_code(), aviso.lean_expression_code(t, op), t.feed, op,
        aviso.waking_code())
$$;

-- Write the short way where the owner's functions say it. Behind them nothing is said that
-- a search path could change.
CREATE FUNCTION aviso.asking_code(t aviso.tracked_tables, op text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format($code$
        IF TG_RELID = %8$s::oid AND NOT (%1$s) THEN%2$s%3$s
            IF %4$s THEN
                INSERT INTO aviso.queue (changeset, feed, size)
                VALUES (pg_catalog.nextval('aviso.changesets'), %5$s, 1);
                INSERT INTO aviso.events (changeset, place, type, feed, start, subject,
                    data, traceparent)
                VALUES (pg_catalog.currval('aviso.changesets'), 1, one.type::aviso.event_type, %5$s,
                    pg_catalog.left(one.subject, 600), one.subject::aviso.event_subject,
                    one.data, aviso.traceparent());
                %6$s
                RETURN NULL;
            ELSIF NOT one.is_told THEN
                RETURN NULL;
            END IF;
            PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
        END IF;$code$,
        aviso.within_code(),
        -- Several rows are an error here, and so is what fails in the owner's function.
        CASE op WHEN 'updated' THEN format($code$
            BEGIN
                one := aviso_rows.%1$I(before.*, written.*) FROM before, written
                    WHERE %2$s AND %3$s LIMIT 2;
            EXCEPTION WHEN OTHERS OR ASSERT_FAILURE THEN
                one := NULL;
            END;$code$, 'change_' || t.id, aviso.transition_code('before'),
            aviso.transition_code('written'))
        ELSE format($code$
            SELECT CASE WHEN (said).cause IS NULL THEN (said).data IS NOT NULL END, %1$L,
                (said).value, (said).subject, (said).data INTO one
            FROM (SELECT aviso_rows.%2$I(%3$I.*) AS said FROM %3$I
                WHERE %4$s AND NOT EXISTS (SELECT FROM %3$I OFFSET 1) OFFSET 0) AS rows;$code$,
            op, 'row_' || t.id, touched, aviso.transition_code(touched)) END,
        CASE WHEN t.placeholder IS NOT NULL THEN format($code$
            IF one.is_told THEN
                named := aviso.feed_name(%L, one.value, %L);
            END IF;$code$, t.prefix, t.suffix) END,
        CASE WHEN t.placeholder IS NULL THEN 'one.is_told'
            ELSE format('one.is_told AND EXISTS (SELECT FROM aviso.tracked_feeds AS f WHERE'
                ' f.tracked OPERATOR(pg_catalog.=) %s AND f.feed OPERATOR(pg_catalog.=) named)',
                t.id) END,
        CASE WHEN t.placeholder IS NULL THEN quote_literal(t.feed) ELSE 'named' END,
        aviso.waking_code(),
        touched,
        t.relation::oid)
    FROM (SELECT CASE op WHEN 'deleted' THEN 'before' ELSE 'written' END AS touched) AS tables
$$;

-- Write what tells a statement of a single row, and ends one of none. Behind it the tables
-- are what they are called.
CREATE FUNCTION aviso.single_code(t aviso.tracked_tables, op text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN aviso.is_lean(t) THEN aviso.lean_code(t, op)
            ELSE aviso.asking_code(t, op) END
        || format($code$
        PERFORM FROM %1$I WHERE %2$s%3$s LIMIT 1;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;$code$, source, aviso.transition_code(source),
            CASE WHEN op = 'updated' THEN ' AND (true OR EXISTS (SELECT FROM before WHERE '
                || aviso.transition_code('before') || '))' END)
    FROM (SELECT CASE op WHEN 'deleted' THEN 'before' ELSE 'written' END AS source) AS read
$$;
