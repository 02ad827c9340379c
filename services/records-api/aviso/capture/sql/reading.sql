-- A tracked table as REST reads it: the same rows, in the same form, as its events tell.

-- Write the condition that a row is beyond the key in $1.
CREATE FUNCTION aviso.beyond_code(relation regclass, key text[], operator text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format(' AND (%s) %s (%s)',
        string_agg(format('"aviso row".%I', name), ', ' ORDER BY place), operator,
        string_agg(format('$1[%s]::%s', place, aviso.cast_type(atttypid)), ', ' ORDER BY place))
    FROM unnest(key) WITH ORDINALITY AS listed (name, place)
    JOIN pg_attribute ON attrelid = relation AND attname = name
$$;

-- Write the function that says a table's rows, the newest key first, or with `rising` the
-- oldest: those beyond a key (null: from the end on), and of one value where feeds are
-- named after one. It looks at no more rows than `look`; where there are more, a last row
-- has the key of the last that it looked at, and nothing else.
CREATE FUNCTION aviso.list_code(t aviso.tracked_tables) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format($code$
CREATE OR REPLACE FUNCTION aviso_rows.%I("aviso beyond" text[], "aviso rising" boolean,
    "aviso value" text, "aviso look" integer, "aviso size" integer)
RETURNS TABLE (key text[], subject text, data text, cause text)
LANGUAGE plpgsql SECURITY DEFINER AS %L;$code$,
        'list_' || t.id, format($code$
#variable_conflict use_column
DECLARE
    "aviso ordering" text := CASE WHEN "aviso rising" THEN %3$L ELSE %4$L END;
    "aviso source" text := %2$L || CASE WHEN "aviso beyond" IS NULL THEN ''
        WHEN "aviso rising" THEN %5$L ELSE %6$L END || %7$s;
    "aviso found" bigint;
BEGIN
    RETURN QUERY EXECUTE 'SELECT ' || %8$L || ', said.subject, said.data, said.cause FROM (SELECT *'
        || "aviso source" || ' ORDER BY ' || "aviso ordering"
        || ' LIMIT $3) AS "aviso row" CROSS JOIN LATERAL ' || %9$L || '("aviso row".*) AS said'
        ' WHERE said.subject IS NOT NULL AND said.value IS NOT DISTINCT FROM $2'
        ' AND (said.data IS NOT NULL OR said.cause <> ''unclear'')'
        ' ORDER BY ' || "aviso ordering" || ' LIMIT $4'
        USING "aviso beyond", "aviso value", "aviso look", "aviso size";
    GET DIAGNOSTICS "aviso found" = ROW_COUNT;
    IF "aviso found" < "aviso size" THEN
        RETURN QUERY EXECUTE 'SELECT last, NULL::text, NULL::text, NULL::text FROM (SELECT '
            || %8$L || ' AS last, lead(true) OVER (ORDER BY ' || "aviso ordering" || ') AS goes_on'
            || "aviso source" || ' ORDER BY ' || "aviso ordering" || ' OFFSET $3 - 1 LIMIT 1'
            ') AS looked_at WHERE goes_on' USING "aviso beyond", "aviso value", "aviso look";
    END IF;
END$code$, 'list_' || t.id,
        format(' FROM %s AS "aviso row" WHERE true', aviso.full_name(t.relation)),
        string_agg(format('"aviso row".%I', name), ', ' ORDER BY place),
        string_agg(format('"aviso row".%I DESC', name), ', ' ORDER BY place),
        aviso.beyond_code(t.relation, t.key, '>'),
        aviso.beyond_code(t.relation, t.key, '<'),
        CASE WHEN t.placeholder IS NULL THEN '''''' ELSE format(
            'CASE WHEN "aviso value" IS NULL THEN %L ELSE %L END',
            format(' AND "aviso row".%I IS NULL', t.placeholder),
            format(' AND "aviso row".%I = $2::%s', t.placeholder, (
                SELECT aviso.cast_type(atttypid) FROM pg_attribute
                WHERE attrelid = t.relation AND attname = t.placeholder))) END,
        format('ARRAY[%s]', string_agg(format('"aviso row".%I::text', name), ', ' ORDER BY place)),
        format('aviso_rows.%I', 'row_' || t.id)))
    FROM unnest(t.key) WITH ORDINALITY AS listed (name, place)
$$;

-- The rows of a feed that a table has now. Of a feed without a table none.
CREATE FUNCTION aviso.list_rows(
    feed text, beyond text[], rising boolean, look integer, size integer
) RETURNS TABLE (key text[], subject text, data text, cause text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    SET DateStyle = 'ISO, YMD' SET IntervalStyle = 'iso_8601' SET TimeZone = 'UTC'
    SET extra_float_digits = '1' SET bytea_output = 'hex' SET lc_monetary = 'C'
    SET quote_all_identifiers = 'off' AS $$
#variable_conflict use_column
DECLARE
    own aviso.tracked_feeds;
BEGIN
    SELECT * INTO own FROM aviso.tracked_feeds AS f WHERE f.feed = list_rows.feed;
    IF own.tracked IS NOT NULL THEN
        RETURN QUERY EXECUTE
            format('SELECT * FROM aviso_rows.%I($1, $2, $3, $4, $5)', 'list_' || own.tracked)
            USING beyond, rising, own.value, look, size;
    END IF;
END $$;

-- The row of a feed that its table has under a subject now; none where there is none.
CREATE FUNCTION aviso.find_row(
    feed text, subject text, OUT data text, OUT cause text
) RETURNS SETOF record
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    SET DateStyle = 'ISO, YMD' SET IntervalStyle = 'iso_8601' SET TimeZone = 'UTC'
    SET extra_float_digits = '1' SET bytea_output = 'hex' SET lc_monetary = 'C'
    SET quote_all_identifiers = 'off' AS $$
#variable_conflict use_column
DECLARE
    own aviso.tracked_feeds;
BEGIN
    SELECT * INTO own FROM aviso.tracked_feeds AS f WHERE f.feed = find_row.feed;
    IF own.tracked IS NOT NULL THEN
        RETURN QUERY EXECUTE format('SELECT data, cause FROM aviso_rows.%I($1, ''no'')'
                ' WHERE subject = $1 AND value IS NOT DISTINCT FROM $2'
                ' AND (data IS NOT NULL OR cause <> ''unclear'')', 'find_' || own.tracked)
            USING find_row.subject, own.value;
    END IF;
END $$;
