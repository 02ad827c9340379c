-- The function of a table's owner which says of an UPDATE of one row what is told of it.

-- Write columns of a record as a record of their own, to be compared byte by byte.
CREATE FUNCTION aviso.image_code(source text, columns text[]) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT format('ROW(%s)::pg_catalog.record',
        string_agg(format('%I.%I', source, name), ', ' ORDER BY name))
    FROM (SELECT DISTINCT name FROM unnest(columns) AS name WHERE name IS NOT NULL) AS listed
$$;

-- Whether a column's told form is another one whenever its bytes are.
CREATE FUNCTION aviso.is_plain(type oid) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT type IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype,
        'bool'::regtype, 'text'::regtype, 'varchar'::regtype, 'bpchar'::regtype,
        'name'::regtype, 'uuid'::regtype, 'date'::regtype, 'time'::regtype,
        'timestamp'::regtype, 'timestamptz'::regtype)
$$;

-- Whether equal values of a type have the same bytes: then they are compared one by one.
CREATE FUNCTION aviso.is_comparable(type oid) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT type IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'uuid'::regtype)
$$;

-- Write whether a row's two states have the same bytes in these columns.
CREATE FUNCTION aviso.sameness_code(relation regclass, columns text[],
    before text DEFAULT 'aviso before', after text DEFAULT 'aviso row') RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN bool_and(attnotnull AND aviso.is_comparable(atttypid)) THEN string_agg(
            format('%2$I.%1$I OPERATOR(pg_catalog.=) %3$I.%1$I', attname, before, after), ' AND ')
        ELSE aviso.image_code(before, columns) || ' OPERATOR(pg_catalog.*=) '
            || aviso.image_code(after, columns) END
    FROM pg_attribute WHERE attrelid = relation AND attname = ANY (columns)
$$;

-- Write a subject that needs no more than quotes; an error where the column is of another
-- type by now.
CREATE FUNCTION aviso.short_subject_code(relation regclass, name text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('"aviso row".%I::%s::text', name, format_type(atttypid, NULL))
    FROM pg_attribute WHERE attrelid = relation AND attname = name
$$;

-- What a statement of a single row tells. Null: that is not decided here.
CREATE TYPE aviso.change AS (is_told boolean, type text, value text, subject text, data text);

-- Write the function that says of a row's two states what an UPDATE tells of it. It
-- decides only what is ordinary: for anything else it has no answer, or an error.
CREATE FUNCTION aviso.change_code(t aviso.tracked_tables) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format($code$
CREATE OR REPLACE FUNCTION aviso_rows.%I("aviso before" record, "aviso row" record)
RETURNS aviso.change
LANGUAGE plpgsql SECURITY DEFINER AS %L;$code$,
        'change_' || t.id, format($code$
DECLARE
    was boolean := true;
    value text;
    subject text;
    data text;
BEGIN
    IF %2$s THEN
        RETURN %9$s;
    END IF;%3$s
    IF was AND (%4$s) IS NOT TRUE THEN
        RETURN NULL;
    END IF;
    subject := %5$s;%6$s
    data := (%7$s)::text;
    IF %11$soctet_length(convert_to(data, 'UTF8')) > 65536 THEN
        RETURN NULL;
    END IF;
    data := %8$s;%10$s
    RETURN ROW(true, CASE WHEN was THEN 'updated' ELSE 'created' END, value, subject,
        data)::aviso.change;
END$code$, 'change_' || t.id,
        aviso.sameness_code(t.relation, columns || t.where_columns),
        CASE WHEN t."where" IS NOT NULL THEN format($code$
    was := aviso_rows.%1$I("aviso before") IS TRUE;
    IF aviso_rows.%1$I("aviso row") IS NOT TRUE THEN
        RETURN CASE WHEN NOT was THEN %3$s END;
    END IF;
    IF was AND %2$s THEN
        RETURN %3$s;
    END IF;$code$, 'where_' || t.id, aviso.sameness_code(t.relation, columns), nothing) END,
        aviso.sameness_code(t.relation, t.key || t.placeholder),
        CASE WHEN is_short THEN aviso.short_subject_code(t.relation, t.key[1])
            ELSE aviso.subject_code(t.relation, t.key) END,
        aviso.value_code(t),
        aviso.data_code(t.relation, t.columns),
        CASE WHEN is_short THEN $code$'{"id":"' || subject || '","data":' || data || '}'$code$
            ELSE aviso.envelope_code() END,
        nothing,
        CASE WHEN NOT (SELECT bool_and(aviso.is_plain(atttypid)) FROM pg_attribute
                WHERE attrelid = t.relation AND attname = ANY (t.columns))
        THEN format($code$
    IF was AND data = (aviso_rows.%I("aviso before")).data THEN
        RETURN %s;
    END IF;$code$, 'row_' || t.id, nothing) END,
        CASE WHEN NOT is_short THEN $code$subject = '' OR char_length(subject) > 1024
        OR $code$ END))
    FROM (SELECT t.columns || t.placeholder AS columns,
        'ROW(false, NULL, NULL, NULL, NULL)::aviso.change' AS nothing,
        cardinality(t.key) = 1 AND (SELECT aviso.is_comparable(atttypid) FROM pg_attribute
            WHERE attrelid = t.relation AND attname = t.key[1]) AS is_short) AS told
$$;
