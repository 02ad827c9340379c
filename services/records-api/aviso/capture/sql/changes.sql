-- The function of a table's owner which says of an UPDATE of one row what is told of it.

-- Write columns of a record as a record of their own, to be compared byte by byte.
CREATE FUNCTION aviso.image_code(source text, columns text[]) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT format('ROW(%s)::record',
        string_agg(format('%s.%I', source, name), ', ' ORDER BY name))
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

-- Write the function that says of a row's two states what an UPDATE's event is; without a
-- type there is none. It decides only what is ordinary: anything else has a cause.
CREATE FUNCTION aviso.change_code(t aviso.tracked_tables) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format($code$
CREATE OR REPLACE FUNCTION aviso_rows.%1$I("aviso before" record, "aviso row" record,
    OUT type text, OUT value text, OUT subject text, OUT data text, OUT cause text)
LANGUAGE plpgsql SECURITY DEFINER AS $aviso$
DECLARE
    was boolean := true;
BEGIN
    IF %2$s OPERATOR(pg_catalog.*=) %3$s THEN
        RETURN;
    END IF;
    cause := 'unclear';
    type := 'updated';%4$s
    IF was AND NOT %5$s OPERATOR(pg_catalog.*=) %6$s THEN
        RETURN;
    END IF;
    subject := %7$s;%8$s
    data := (%9$s)::text;
    IF subject <> '' AND char_length(subject) <= 1024
        AND octet_length(convert_to(data, 'UTF8')) <= 65536
    THEN
        cause := NULL;
        data := %10$s;
    END IF;%11$s
EXCEPTION WHEN OTHERS OR ASSERT_FAILURE THEN
    cause := 'unclear';
END $aviso$;$code$,
        'change_' || t.id,
        aviso.image_code('"aviso before"', columns || t.where_columns),
        aviso.image_code('"aviso row"', columns || t.where_columns),
        CASE WHEN t."where" IS NOT NULL THEN format($code$
    was := aviso_rows.%1$I("aviso before") IS TRUE;
    IF aviso_rows.%1$I("aviso row") IS NOT TRUE THEN
        IF NOT was THEN
            cause := NULL;
            type := NULL;
        END IF;
        RETURN;
    END IF;
    IF NOT was THEN
        type := 'created';
    ELSIF %2$s OPERATOR(pg_catalog.*=) %3$s THEN
        cause := NULL;
        type := NULL;
        RETURN;
    END IF;$code$, 'where_' || t.id, aviso.image_code('"aviso before"', columns),
            aviso.image_code('"aviso row"', columns)) END,
        aviso.image_code('"aviso before"', t.key || t.placeholder),
        aviso.image_code('"aviso row"', t.key || t.placeholder),
        aviso.subject_code(t.relation, t.key),
        aviso.value_code(t),
        aviso.data_code(t.relation, t.columns),
        aviso.envelope_code(),
        CASE WHEN NOT (SELECT bool_and(aviso.is_plain(atttypid)) FROM pg_attribute
                WHERE attrelid = t.relation AND attname = ANY (t.columns))
        THEN format($code$
    IF was AND data = (aviso_rows.%I("aviso before")).data THEN
        type := NULL;
    END IF;$code$, 'row_' || t.id) END)
    FROM (SELECT t.columns || t.placeholder AS columns) AS told
$$;
