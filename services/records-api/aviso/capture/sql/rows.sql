-- The functions of a table's owner, which say of a row what is told of it.
--
-- They run with the owner's rights, whoever writes, and take the row as a `record`: so
-- they depend on no table, column or type, and no DDL fails because of them. What goes
-- wrong in a row is a cause, and no error. They read their settings (the form of dates,
-- the search path) from their callers, who are all Aviso's: nobody else may call them.

-- The type under a type's domains.
CREATE FUNCTION aviso.base_type(type oid) RETURNS oid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE under AS (
        SELECT type AS oid, 0 AS depth
        UNION ALL
        SELECT typbasetype, depth + 1 FROM under JOIN pg_type USING (oid)
        WHERE typtype = 'd' AND depth < 50
    ) SELECT oid FROM under ORDER BY depth DESC LIMIT 1
$$;

-- Write what a column's `value` is in the told row: JSON as to_jsonb has it, but a moment
-- between the years 1 and 9999 as RFC 3339.
CREATE FUNCTION aviso.column_code(value text, type oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format(CASE WHEN aviso.base_type(type) = 'timestamptz'::regtype THEN
        'CASE WHEN %1$s >= ''0001-01-01 00:00:00+00'' AND %1$s < ''10000-01-01 00:00:00+00'''
        ' THEN to_jsonb(to_char(%1$s AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS.US"Z"''))'
        ' ELSE to_jsonb(%1$s) END' ELSE '%1$s' END, value)
$$;

-- Write the object of the told columns, in calls of no more arguments than there may be.
CREATE FUNCTION aviso.data_code(relation regclass, columns text[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(format('jsonb_build_object(%s)', members), ' || ' ORDER BY part)
    FROM (
        SELECT (place - 1) / 50 AS part, string_agg(
            format('%L::text, %s', name,
                aviso.column_code(format('"aviso row".%I', name), atttypid)),
            ', ' ORDER BY place)
            AS members
        FROM unnest(columns) WITH ORDINALITY AS listed (name, place)
        JOIN pg_attribute ON attrelid = relation AND attname = name
        GROUP BY 1
    ) AS parts
$$;

-- Write a column as text. Where a type's code may write what is no text of the database
-- (`"char"` does before PostgreSQL 15), that is an error of the row.
CREATE FUNCTION aviso.text_code(name text, type oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format(CASE WHEN oid < 16384 AND oid <> '"char"'::regtype THEN '%s'
        ELSE 'convert_from(convert_to(%s, ''UTF8''), ''UTF8'')' END,
        format('"aviso row".%I::text', name))
    FROM aviso.base_type(type) AS oid
$$;

-- Write a row's subject: its key as text, of several columns a JSON array of texts.
CREATE FUNCTION aviso.subject_code(relation regclass, key text[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN cardinality(key) = 1 THEN min(aviso.text_code(name, atttypid))
        ELSE '''['' || ' || string_agg(format('to_json(%s)::text',
                aviso.text_code(name, atttypid)), ' || '','' || ' ORDER BY place)
            || ' || '']''' END
    FROM unnest(key) WITH ORDINALITY AS listed (name, place)
    JOIN pg_attribute ON attrelid = relation AND attname = name
$$;

-- Write the statement that takes the value which a row's feed is named after; none where
-- one feed has all rows.
CREATE FUNCTION aviso.value_code(t aviso.tracked_tables) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format(E'\n    value := %s;', (SELECT aviso.text_code(attname, atttypid)
        FROM pg_attribute WHERE attrelid = t.relation AND attname = t.placeholder))
    WHERE t.placeholder IS NOT NULL
$$;

-- Write what an event tells of a row: its subject, and `data` in it.
CREATE FUNCTION aviso.envelope_code() RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT $code$'{"id":' || to_json(subject)::text || ',"data":' || data || '}'$code$
$$;

-- Write the function that says of a row its subject and its data. Both null but the
-- subject: it is not in the feed. A cause: it is (`no-form`, `too-large`, of which
-- `data` is a hash), or nobody can say whether it is (`unclear`).
CREATE FUNCTION aviso.row_code(t aviso.tracked_tables) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format($code$
CREATE OR REPLACE FUNCTION aviso_rows.%I("aviso row" record,
    OUT value text, OUT subject text, OUT data text, OUT cause text)
LANGUAGE plpgsql SECURITY DEFINER AS %L;$code$,
        'row_' || t.id, format($code$
BEGIN
    cause := 'unclear';
    subject := %s;
    IF subject = '' OR char_length(subject) > 1024 THEN
        subject := NULL;
    END IF;%s%s
    cause := 'no-form';
    data := (%s)::text;
    -- Bytes as they travel; an error where the database itself could not read them.
    IF octet_length(convert_to(data, 'UTF8')) > 65536 THEN
        cause := 'too-large';
        data := encode(sha256(convert_to(data, 'UTF8')), 'hex');
    ELSIF subject IS NOT NULL THEN
        cause := NULL;
        data := %s;
    END IF;
EXCEPTION WHEN OTHERS OR ASSERT_FAILURE THEN
    data := NULL;
END$code$,
        aviso.subject_code(t.relation, t.key),
        CASE WHEN t."where" IS NOT NULL THEN format($code$
    IF aviso_rows.%I("aviso row") IS NOT TRUE THEN
        cause := NULL;
        RETURN;
    END IF;$code$, 'where_' || t.id) END,
        aviso.value_code(t),
        aviso.data_code(t.relation, t.columns),
        aviso.envelope_code()))
$$;

-- Write the function that judges a row by the table's `where`: the columns that it names
-- are variables of the function. What a backslash means there is not the writer's choice.
CREATE FUNCTION aviso.where_code(t aviso.tracked_tables) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format($code$
CREATE OR REPLACE FUNCTION aviso_rows.%I("aviso row" record) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER%s AS %L;$code$,
        'where_' || t.id,
        CASE WHEN strpos(t."where", E'\\') > 0
            THEN ' SET standard_conforming_strings = on' ELSE '' END, format($code$
DECLARE%s
BEGIN
    RETURN %s;
END$code$,
        (SELECT string_agg(format(E'\n    %I %s := "aviso row".%I;',
                attname, format_type(atttypid, atttypmod), attname), '')
            FROM pg_attribute WHERE attrelid = t.relation AND attname = ANY (t.where_columns)),
        t."where"))
$$;

-- A type as a text is cast to it, of any length: `bpchar`, for `character` is one character.
CREATE FUNCTION aviso.cast_type(type oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format_type(type, -1)
$$;

-- Write the function that says of a subject what the table has under it now; where that
-- is nothing, everything is null. With `holds` the row stays as it is until the end of
-- the transaction; a row that somebody else holds is waited for.
CREATE FUNCTION aviso.find_code(t aviso.tracked_tables) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format($code$
CREATE OR REPLACE FUNCTION aviso_rows.%I("aviso subject" text, "aviso holds" text,
    OUT value text, OUT subject text, OUT data text, OUT cause text)
LANGUAGE plpgsql SECURITY DEFINER AS %L;$code$,
        'find_' || t.id, format($code$
#variable_conflict use_column
DECLARE
    "aviso found" record;
BEGIN
    IF "aviso holds" = 'no' THEN
        SELECT "aviso table".* INTO "aviso found" FROM %2$s AS "aviso table"
        WHERE %3$s;
    ELSIF "aviso holds" = 'skip' THEN
        SELECT "aviso table".* INTO "aviso found" FROM %2$s AS "aviso table"
        WHERE %3$s FOR NO KEY UPDATE SKIP LOCKED;
    ELSE
        SELECT "aviso table".* INTO "aviso found" FROM %2$s AS "aviso table"
        WHERE %3$s FOR NO KEY UPDATE;
    END IF;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT said.value, said.subject, said.data, said.cause
    INTO value, subject, data, cause
    FROM aviso_rows.%4$I("aviso found") AS said;
EXCEPTION
    WHEN lock_not_available THEN
        RAISE;
    WHEN data_exception THEN
        RETURN;
    WHEN OTHERS OR ASSERT_FAILURE THEN
        cause := 'unclear';
END$code$, 'find_' || t.id,
        aviso.full_name(t.relation),
        (SELECT string_agg(format('"aviso table".%I = %s::%s', name,
                CASE WHEN cardinality(t.key) = 1 THEN '"aviso subject"'
                    ELSE format('("aviso subject"::json ->> %s)', place - 1) END,
                aviso.cast_type(atttypid)), ' AND ' ORDER BY place)
            FROM unnest(t.key) WITH ORDINALITY AS listed (name, place)
            JOIN pg_attribute ON attrelid = t.relation AND attname = name),
        'row_' || t.id))
$$;

-- Write the function that says the next rows in the order of their keys, behind `after`
-- (null: the first), each with its key.
CREATE FUNCTION aviso.page_code(t aviso.tracked_tables) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format($code$
CREATE OR REPLACE FUNCTION aviso_rows.%I("aviso after" text[], "aviso size" integer)
RETURNS TABLE (key text[], value text, subject text, data text, cause text)
LANGUAGE plpgsql SECURITY DEFINER AS %L;$code$,
        'page_' || t.id, format($code$
#variable_conflict use_column
BEGIN
    IF "aviso after" IS NULL THEN
        RETURN QUERY
        SELECT ARRAY[%4$s], said.* FROM (
            SELECT * FROM %2$s AS "aviso row" ORDER BY %3$s LIMIT "aviso size"
        ) AS "aviso row" CROSS JOIN LATERAL aviso_rows.%6$I("aviso row".*) AS said
        ORDER BY %3$s;
    ELSE
        RETURN QUERY
        SELECT ARRAY[%4$s], said.* FROM (
            SELECT * FROM %2$s AS "aviso row"
            WHERE (%3$s) > (%5$s) ORDER BY %3$s LIMIT "aviso size"
        ) AS "aviso row" CROSS JOIN LATERAL aviso_rows.%6$I("aviso row".*) AS said
        ORDER BY %3$s;
    END IF;
END$code$, 'page_' || t.id, aviso.full_name(t.relation),
        string_agg(format('"aviso row".%I', name), ', ' ORDER BY place),
        string_agg(format('"aviso row".%I::text', name), ', ' ORDER BY place),
        string_agg(format('"aviso after"[%s]::%s', place, aviso.cast_type(atttypid)),
            ', ' ORDER BY place),
        'row_' || t.id))
    FROM unnest(t.key) WITH ORDINALITY AS listed (name, place)
    JOIN pg_attribute ON attrelid = t.relation AND attname = name
$$;
