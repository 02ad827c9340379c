-- Notices what DDL did to tracked tables, which no trigger sees.

-- What is not as it was when a table was tracked; empty: nothing. `mends`: what
-- aviso.mend can do about it, as the table's owner.
CREATE FUNCTION aviso.find_drift(
    t aviso.tracked_tables, OUT problem text, OUT mends boolean, OUT empties boolean
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    c pg_class;
    name text := aviso.full_name(t.relation);
    was text := format('%I.%I', t.schema_name, t.table_name);
    gone text;
    triggers integer;
    expected integer;
    was_unwell boolean := coalesce(t.problem NOT LIKE 'rows of %'
        AND t.problem NOT LIKE 'columns of % are gone%', false);
BEGIN
    mends := false;
    empties := false;
    SELECT * INTO c FROM pg_class WHERE oid = t.relation;
    IF NOT FOUND THEN
        problem := format(CASE WHEN to_regclass(was) IS NULL THEN '%s is gone'
            ELSE '%s was replaced: the table of that name now is another one, and is not'
                ' tracked' END, was);
        RETURN;
    END IF;
    SELECT k INTO gone FROM unnest(t.key) AS k WHERE NOT aviso.has_column(t.relation, k);
    IF FOUND OR NOT EXISTS (
        SELECT FROM pg_constraint WHERE conrelid = t.relation AND contype = 'p'
            AND NOT condeferrable AND t.key = ARRAY(
                SELECT attname::text FROM unnest(conkey) WITH ORDINALITY AS part (attnum, place)
                JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = part.attnum
                ORDER BY place))
    THEN
        problem := format('the primary key of %s is not (%s) any more: track it again', name,
            array_to_string(t.key, ', '));
        RETURN;
    END IF;
    SELECT w INTO gone FROM unnest(t.where_columns || t.placeholder) AS w
    WHERE w IS NOT NULL AND NOT aviso.has_column(t.relation, w);
    IF FOUND THEN
        problem := format('column %I of %s is gone, by which it is decided what is told of a'
            ' row: track it again', gone, name);
        RETURN;
    END IF;
    IF aviso.hides_from_owner(t.relation) THEN
        problem := format('row-level security of %s holds for its owner too, as whom its rows are'
            ' read here: ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', name, name);
        RETURN;
    END IF;
    SELECT count(*), count(*) FILTER (WHERE enabled NOT IN ('O', 'A') AND wanted = 'O')
    INTO triggers, expected FROM aviso.find_triggers(t);
    IF expected > 0 THEN
        problem := format('triggers of %s are switched off: what is written now is told by a'
            ' backfill when they are on again (ALTER TABLE … ENABLE TRIGGER)', name);
        RETURN;
    END IF;
    SELECT string_agg(format('%I', l), ', ') INTO gone FROM unnest(t.columns) AS l
    WHERE NOT aviso.has_column(t.relation, l);
    IF gone IS NOT NULL THEN
        problem := format('columns of %s are gone, and told no more: %s', name, gone);
        mends := true;
        empties := true;
    ELSIF t.types <> aviso.column_types(t.relation, aviso.read_columns(t)) THEN
        problem := format('columns of %s have another type', name);
        mends := true;
        empties := true;
    ELSIF t.files <> aviso.find_files(t) AND t.declared <> aviso.find_declared(t) THEN
        problem := format('columns of %s were written anew', name);
        mends := true;
        empties := true;
    ELSIF t.leaves <> aviso.find_leaves(t.relation) THEN
        problem := format('%s has other partitions', name);
        mends := true;
        -- Rows of a new one may have been told by triggers that came with it, and be gone
        -- by a TRUNCATE, which makes another file, and for which it has no trigger yet.
        empties := EXISTS (SELECT unnest(t.leaves) EXCEPT
                SELECT unnest(aviso.find_leaves(t.relation)))
            OR EXISTS (SELECT FROM pg_class AS leaf
                WHERE leaf.oid = ANY (aviso.find_leaves(t.relation))
                    AND leaf.oid <> ALL (t.leaves::oid[]) AND leaf.relkind = 'r'
                    AND leaf.relfilenode <> leaf.oid);
    ELSIF triggers < (CASE WHEN c.relkind = 'p' THEN 4 + 4 * cardinality(t.leaves) ELSE 6 END)
    THEN
        problem := format('triggers of %s are gone', name);
        mends := true;
        empties := true;
    ELSIF EXISTS (SELECT FROM aviso.find_triggers(t) WHERE wanted = 'R' AND enabled <> 'R') THEN
        problem := format('triggers of %s for arriving rows fire for others', name);
        mends := true;
    ELSIF was <> name OR EXISTS (
        SELECT FROM pg_proc WHERE pronamespace = 'aviso_rows'::regnamespace
            AND proname IN ('row_' || t.id, 'find_' || t.id) AND proowner <> c.relowner)
    THEN
        problem := format('%s has another name or owner', name);
        mends := true;
    ELSIF was_unwell THEN
        problem := 'is well again: ' || t.problem;
        mends := true;
    END IF;
    -- Whatever was written meanwhile may be untold.
    empties := empties OR mends AND was_unwell;
END $$;

-- A table's row as it ought to be now: what is gone left out.
CREATE FUNCTION aviso.as_it_is(t aviso.tracked_tables) RETURNS aviso.tracked_tables
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT nspname, relname INTO t.schema_name, t.table_name
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE pg_class.oid = t.relation;
    t.columns := ARRAY(
        SELECT c FROM unnest(t.columns) WITH ORDINALITY AS listed (c, place)
        WHERE aviso.has_column(t.relation, c) ORDER BY place);
    t.types := aviso.column_types(t.relation, aviso.read_columns(t));
    t.leaves := aviso.find_leaves(t.relation);
    t.files := aviso.find_files(t);
    t.declared := aviso.find_declared(t);
    RETURN t;
END $$;

-- Make the owner's functions anew, and take the triggers away; as the owner, who has the
-- table to himself.
CREATE FUNCTION aviso.mend(t aviso.tracked_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT tgrelid::regclass AS relation, tgname FROM pg_trigger
        JOIN pg_proc ON pg_proc.oid = tgfoid
        WHERE pronamespace = 'aviso'::regnamespace AND tgparentid = 0
            AND tgrelid = ANY (t.relation || t.leaves || aviso.find_leaves(t.relation))
            AND proname ~ ('^capture_([a-z]+_)?' || t.id || '$')
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', one.tgname, aviso.full_name(one.relation));
    END LOOP;
    PERFORM aviso.make_rows(aviso.as_it_is(t));
END $$;

-- Enter what a table is now. That its triggers are gone is its owner's doing.
CREATE FUNCTION aviso.register_mended(tracked integer, empties boolean, said text)
RETURNS aviso.tracked_tables
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t aviso.tracked_tables;
BEGIN
    SELECT * INTO t FROM aviso.tracked_tables WHERE id = tracked;
    PERFORM aviso.check_rows(t);
    IF EXISTS (SELECT FROM aviso.find_triggers(t)) THEN
        RAISE EXCEPTION 'only the owner of % may mend it', aviso.full_name(t.relation)
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    t := aviso.as_it_is(t);
    UPDATE aviso.tracked_tables SET schema_name = t.schema_name, table_name = t.table_name,
        columns = t.columns, types = t.types, files = t.files, declared = t.declared,
        leaves = t.leaves, backfilled = 'running', backfill_after = NULL, backfill_left = '{}', looked_at = 0, told = 0,
        problem = CASE WHEN said LIKE 'columns of % are gone%' THEN said END,
        problem_at = CASE WHEN said LIKE 'columns of % are gone%' THEN clock_timestamp() END
    WHERE id = t.id;
    PERFORM aviso.make_capture(t);
    IF empties THEN
        PERFORM aviso.tell_reset(t.id, 'columns-changed');
    END IF;
    RETURN t;
END $$;

-- The catalogue's rows of tables that the caller owns, or of all if he may read them.
CREATE FUNCTION aviso.read_tracked(relation regclass) RETURNS SETOF aviso.tracked_tables
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.* FROM aviso.tracked_tables AS t
    LEFT JOIN pg_class AS c ON c.oid = t.relation
    WHERE (read_tracked.relation IS NULL OR t.relation = read_tracked.relation)
        AND (pg_has_role(session_user, c.relowner, 'MEMBER') OR pg_has_role(session_user,
            (SELECT nspowner FROM pg_namespace WHERE nspname = 'aviso'), 'MEMBER'))
    ORDER BY t.id
$$;

CREATE FUNCTION aviso.note_problem(id integer, said text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE aviso.tracked_tables AS t SET problem = said, problem_at = clock_timestamp()
    WHERE t.id = note_problem.id AND problem IS DISTINCT FROM said
        AND t.id IN (SELECT r.id FROM aviso.read_tracked(t.relation) AS r)
$$;

-- Enter what alone says nothing: a file of VACUUM FULL, a column's new default.
CREATE FUNCTION aviso.note_storage(id integer, files oid[], declared text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE aviso.tracked_tables AS t
    SET files = note_storage.files, declared = note_storage.declared
    WHERE t.id = note_storage.id
        AND (t.files, t.declared) <> (note_storage.files, note_storage.declared)
        AND t.id IN (SELECT r.id FROM aviso.read_tracked(t.relation) AS r)
$$;

-- Look at tracked tables, mend what may be mended, say what may not. What was found is
-- the `problem` of the rows that are returned; a table that is as it was, or of which just
-- this was said before, is left out.
CREATE FUNCTION aviso.reconcile(relation regclass DEFAULT NULL) RETURNS SETOF aviso.tracked
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    role text := current_setting('role');
    t aviso.tracked_tables;
    drift record;
    said text;
BEGIN
    IF has_table_privilege('aviso.notes', 'DELETE') THEN
        PERFORM aviso.take_notes();
        DELETE FROM aviso.nested
        WHERE xid < pg_snapshot_xmin(pg_current_snapshot());
    END IF;
    FOR t IN SELECT * FROM aviso.read_tracked(relation) LOOP
        -- In one snapshot: what is entered is what was looked at.
        SELECT found.*, aviso.find_files(t) AS files, aviso.find_declared(t) AS declared
        INTO drift FROM aviso.find_drift(t) AS found;
        IF drift.problem IS NULL THEN
            PERFORM aviso.note_storage(t.id, drift.files, drift.declared);
            CONTINUE;
        END IF;
        IF drift.mends THEN
            BEGIN
                PERFORM aviso.become_owner(t.relation);
                -- It may not hold for columns that have another type: nobody waits for that.
                PERFORM aviso.read_where(t.relation, t."where", 'pg_catalog, pg_temp');
                PERFORM aviso.lock_table(t.relation, 'ACCESS EXCLUSIVE');
                -- All may be something else by now, and stays as it is from here on.
                SELECT * INTO drift.problem, drift.mends, drift.empties
                FROM aviso.find_drift(t);
                IF drift.mends THEN
                    PERFORM aviso.read_where(t.relation, t."where", 'pg_catalog, pg_temp');
                    PERFORM aviso.mend(t);
                    t := aviso.register_mended(t.id, drift.empties, drift.problem);
                    PERFORM aviso.make_triggers(t);
                END IF;
                PERFORM set_config('role', role, true);
            EXCEPTION WHEN OTHERS THEN
                -- The role is what it was.
                said := format(
                    '%s; to mend it failed: %s (SELECT aviso.reconcile(%L) as its owner)',
                    drift.problem, SQLERRM, aviso.full_name(t.relation));
                CONTINUE WHEN said = t.problem;
                PERFORM aviso.note_problem(t.id, said);
            END;
        END IF;
        CONTINUE WHEN drift.problem IS NULL;
        IF NOT drift.mends THEN
            CONTINUE WHEN drift.problem = t.problem;
            PERFORM aviso.note_problem(t.id, drift.problem);
        END IF;
        RETURN QUERY SELECT * FROM aviso.tracked AS v WHERE v.id = t.id;
    END LOOP;
END $$;
