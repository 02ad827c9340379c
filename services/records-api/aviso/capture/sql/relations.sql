-- What PostgreSQL says of a table: its name, and what stands between its rows and who may
-- read them, which a feed does not ask: a trigger sees whatever was written.

-- public.orders, whatever the search path is.
CREATE FUNCTION aviso.full_name(relation regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(
        (SELECT format('%I.%I', nspname, relname) FROM pg_class
            JOIN pg_namespace ON pg_namespace.oid = relnamespace
            WHERE pg_class.oid = relation),
        relation::oid::text)
$$;

-- The roles that were given some columns to read, but not all that are told.
CREATE FUNCTION aviso.find_narrowed(relation regclass, columns text[]) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT DISTINCT CASE WHEN given.grantee = 0 THEN 'PUBLIC'
        ELSE format('%I', pg_get_userbyid(given.grantee)) END
    FROM pg_attribute AS a CROSS JOIN LATERAL aclexplode(a.attacl) AS given
    WHERE a.attrelid = relation AND NOT a.attisdropped AND given.privilege_type = 'SELECT'
        AND EXISTS (
            SELECT FROM pg_attribute AS told
            WHERE told.attrelid = relation AND NOT told.attisdropped
                AND told.attname = ANY (columns) AND NOT CASE WHEN given.grantee = 0
                    THEN has_column_privilege('public'::name, relation, told.attnum, 'SELECT')
                    ELSE has_column_privilege(given.grantee, relation, told.attnum, 'SELECT')
                END)
$$;

-- Say of a table what of this it has, a sentence each; nothing: it has none. `columns`
-- are those that are told.
CREATE FUNCTION aviso.find_unasked(relation regclass, columns text[]) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT array_remove(ARRAY[
        (SELECT format('row-level security of %s is not asked: who may read the feed sees every'
                ' row that is in it; a where, or a feed for each value of a column with a'
                ' grant for each, can be a border', aviso.full_name(relation))
            FROM pg_class WHERE oid = relation AND relrowsecurity),
        (SELECT format('rights on some columns of %s alone (of %s) are not asked: who may read'
                ' the feed sees all that are told', aviso.full_name(relation),
                string_agg(role, ', ' ORDER BY role))
            FROM aviso.find_narrowed(relation, columns) AS role HAVING count(*) > 0)
    ], NULL)
$$;

-- Say it to whoever tracks the table, or looks at what would be told.
CREATE FUNCTION aviso.warn_unasked(relation regclass, columns text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    sentence text;
BEGIN
    FOREACH sentence IN ARRAY aviso.find_unasked(relation, columns) LOOP
        RAISE WARNING '%', sentence;
    END LOOP;
END $$;

-- Whether the table's owner, as whom it is read here, would not find all of its rows.
CREATE FUNCTION aviso.hides_from_owner(relation regclass) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM pg_class AS c JOIN pg_roles AS r ON r.oid = c.relowner
        WHERE c.oid = relation AND c.relrowsecurity AND c.relforcerowsecurity
            AND NOT r.rolsuper AND NOT r.rolbypassrls)
$$;

-- The tables that a view's query reads, or what else it is made of.
CREATE FUNCTION aviso.find_sources(relation regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(DISTINCT aviso.full_name(d.refobjid), ', ')
    FROM pg_rewrite AS w JOIN pg_depend AS d
        ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> w.ev_class
    WHERE w.ev_class = relation
$$;
