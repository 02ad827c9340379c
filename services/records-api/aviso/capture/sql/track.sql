-- aviso.track, untrack, preview.
--
-- They run with the caller's rights, and as the table's owner: what is parsed and
-- evaluated here is his. Only aviso.register and aviso.forget have Aviso's rights, and
-- they ask for what none but the owner could have done.

-- Whether the caller may act as the owner of a table; else one sentence.
CREATE FUNCTION aviso.become_owner(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owner oid := (SELECT relowner FROM pg_class WHERE oid = relation);
BEGIN
    IF owner IS NULL THEN
        RAISE EXCEPTION 'there is no table %', relation::oid USING ERRCODE = 'undefined_table';
    END IF;
    IF NOT pg_has_role(owner, 'MEMBER') THEN
        RAISE EXCEPTION 'only the owner of % may do this: %', aviso.full_name(relation),
            pg_get_userbyid(owner) USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- Who owns the schemas lets the owner in; an owner himself has to have been let in.
    IF (SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = 'aviso_rows')
        AND NOT has_schema_privilege(owner, 'aviso_rows', 'CREATE')
    THEN
        EXECUTE format('GRANT USAGE ON SCHEMA aviso TO %1$I;'
            ' GRANT USAGE, CREATE ON SCHEMA aviso_rows TO %1$I', pg_get_userbyid(owner));
    END IF;
    IF NOT has_schema_privilege(owner, 'aviso_rows', 'CREATE') THEN
        RAISE EXCEPTION 'role % needs USAGE on the schema aviso, and USAGE and CREATE on'
            ' aviso_rows', pg_get_userbyid(owner) USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF owner <> (SELECT oid FROM pg_roles WHERE rolname = current_user) THEN
        PERFORM set_config('role', pg_get_userbyid(owner), true);
    END IF;
END $$;

-- Lock a table without queueing behind a long transaction, with everybody behind us. While
-- it is waited for its name may become another, or another table's.
CREATE FUNCTION aviso.lock_table(relation regclass, mode text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before text := current_setting('lock_timeout');
    name text;
BEGIN
    PERFORM set_config('lock_timeout', '100ms', true);
    FOR try IN 1..50 LOOP
        BEGIN
            name := aviso.full_name(relation);
            EXECUTE format('LOCK TABLE %s IN %s MODE', name, mode);
            IF to_regclass(name) IS DISTINCT FROM relation THEN
                RAISE lock_not_available;
            END IF;
            PERFORM set_config('lock_timeout', before, true);
            RETURN;
        EXCEPTION WHEN lock_not_available OR undefined_table THEN
            PERFORM pg_sleep(least(0.01 * try, 0.2));
        END;
    END LOOP;
    RAISE EXCEPTION 'others are using %: it could not be locked within % tries, try again',
        aviso.full_name(relation), 50 USING ERRCODE = 'lock_not_available';
END $$;

CREATE FUNCTION aviso.refuse(message text, VARIADIC parts text[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '%', format(message, VARIADIC parts)
        USING ERRCODE = 'invalid_parameter_value';
END $$;

-- Refuse an argument of aviso.track, whose name the error has as its column.
CREATE FUNCTION aviso.refuse_argument(
    argument text, message text, VARIADIC parts text[] DEFAULT '{}'
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '%', format(message, VARIADIC parts)
        USING ERRCODE = 'invalid_parameter_value', COLUMN = argument;
END $$;

-- Why a table can not be tracked; null: nothing is in the way.
CREATE FUNCTION aviso.find_obstacle(relation regclass) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    c pg_class;
    name text := aviso.full_name(relation);
    schema_name text;
    key pg_constraint;
BEGIN
    SELECT * INTO c FROM pg_class WHERE oid = relation;
    SELECT nspname INTO schema_name FROM pg_namespace WHERE oid = c.relnamespace;
    SELECT * INTO key FROM pg_constraint WHERE conrelid = relation AND contype = 'p';
    RETURN CASE
        WHEN c.oid IS NULL THEN format('there is no table %s', name)
        WHEN c.relpersistence = 't' THEN
            format('%s is temporary: no other session sees its rows', name)
        WHEN c.relpersistence = 'u' THEN
            format('%s is unlogged: a crash empties it without a word', name)
        WHEN schema_name IN ('pg_catalog', 'information_schema', 'pg_toast') THEN
            format('%s belongs to PostgreSQL''s catalog', name)
        -- The last holds the accounts of the stack's own admin site.
        WHEN schema_name IN ('aviso', 'aviso_rows', 'aviso_site') THEN
            format('%s is Aviso''s own', name)
        WHEN c.relkind = 'f' THEN
            format('%s is a foreign table: who writes there fires no trigger here', name)
        WHEN c.relkind IN ('v', 'm') THEN
            format('%s is a view, and no trigger sees what its query returns: track what it'
                ' reads (%s), with the same condition as a where', name,
                coalesce(aviso.find_sources(relation), 'nothing'))
        WHEN c.relkind NOT IN ('r', 'p') THEN format('%s is no table', name)
        WHEN c.relispartition THEN format('%s is a partition: track %s', name,
            aviso.full_name(pg_partition_root(relation)))
        WHEN c.relkind = 'r' AND EXISTS (
            SELECT FROM pg_inherits WHERE relation IN (inhrelid, inhparent))
        THEN format('%s has a part in inheritance: no key of it holds for the rows of its'
            ' children (partitions are taken)', name)
        WHEN aviso.hides_from_owner(relation) THEN format('row-level security of %s holds for'
            ' its owner too, as whom its rows are read here: ALTER TABLE %s NO FORCE ROW LEVEL'
            ' SECURITY, or give it to a role with BYPASSRLS', name, name)
        WHEN key.oid IS NULL THEN
            format('%s has no primary key: nothing says which of its rows is which', name)
        WHEN key.condeferrable THEN format('the primary key of %s is deferrable: two rows may'
            ' have the same for a while', name)
    END;
END $$;

CREATE FUNCTION aviso.check_table(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    obstacle text := aviso.find_obstacle(relation);
BEGIN
    IF obstacle IS NOT NULL THEN
        PERFORM aviso.refuse_argument('relation', '%s', obstacle);
    END IF;
END $$;

-- The columns of a table's key, in its order.
CREATE FUNCTION aviso.find_key(relation regclass) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ARRAY(
        SELECT attname::text FROM pg_constraint
        CROSS JOIN unnest(conkey) WITH ORDINALITY AS part (attnum, place)
        JOIN pg_attribute a ON a.attrelid = relation AND a.attnum = part.attnum
        WHERE conrelid = relation AND contype = 'p' ORDER BY place)
$$;

CREATE FUNCTION aviso.has_column(relation regclass, name text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM pg_attribute
        WHERE attrelid = relation AND attname = name AND attnum > 0 AND NOT attisdropped)
$$;

-- A table's partitions, and theirs. From the catalogue: pg_partition_tree() locks them, and
-- who then waits for the table is in a deadlock with who alters it.
CREATE FUNCTION aviso.find_leaves(relation regclass) RETURNS regclass[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE below AS (
        SELECT inhrelid FROM pg_inherits JOIN pg_class ON pg_class.oid = inhparent
        WHERE inhparent = relation AND relkind = 'p' AND NOT inhdetachpending
        UNION ALL
        SELECT i.inhrelid FROM below JOIN pg_inherits AS i ON i.inhparent = below.inhrelid
        WHERE NOT i.inhdetachpending
    )
    SELECT ARRAY(SELECT inhrelid::regclass FROM below ORDER BY inhrelid)
$$;

-- The types of columns, as they are now; of one that is gone null.
CREATE FUNCTION aviso.column_types(relation regclass, columns text[]) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(format_type(atttypid, atttypmod) ORDER BY place), '{}')
    FROM unnest(columns) WITH ORDINALITY AS listed (name, place)
    LEFT JOIN pg_attribute ON attrelid = relation AND attname = name
        AND attnum > 0 AND NOT attisdropped
$$;

-- Which files hold a table's rows: VACUUM FULL, TRUNCATE and some of ALTER TABLE make others.
CREATE FUNCTION aviso.find_files(t aviso.tracked_tables) RETURNS oid[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ARRAY(SELECT c.relfilenode FROM pg_class AS c
        WHERE c.oid = t.relation OR c.oid = ANY (t.leaves) ORDER BY c.oid)
$$;

-- The columns that its functions read, each of which may change its type.
CREATE FUNCTION aviso.read_columns(t aviso.tracked_tables) RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT array_remove(t.columns || t.where_columns || t.placeholder, NULL)
$$;

-- Which transactions declared the columns that its functions read: ALTER COLUMN is another.
CREATE FUNCTION aviso.find_declared(t aviso.tracked_tables) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ARRAY(SELECT a.xmin::text FROM pg_attribute AS a
        WHERE a.attrelid = t.relation AND a.attname = ANY (aviso.read_columns(t))
        ORDER BY a.attnum)
$$;

-- Whether two values of a type can be equal. A json or an xml has no such operator.
CREATE FUNCTION aviso.has_equality(type oid) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('SELECT NULL::%1$s = NULL::%1$s', aviso.cast_type(type));
    RETURN true;
EXCEPTION WHEN undefined_function OR ambiguous_function THEN
    RETURN false;
END $$;

-- What a `where` is to PostgreSQL, which parses it alone: as the condition of an index on
-- an empty table like this one, it is one expression over the row, without a subquery,
-- of nothing that is not IMMUTABLE. Names are found by `path`. `used` are its columns.
CREATE FUNCTION aviso.read_where(
    relation regclass, "where" text, path text, OUT condition text, OUT used text[]
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    proof refcursor;
    made pg_index;
BEGIN
    used := '{}';
    IF "where" IS NULL THEN
        RETURN;
    END IF;
    -- Undone at its end, with whatever functions did that PostgreSQL called meanwhile.
    BEGIN
        EXECUTE format('CREATE TEMPORARY TABLE aviso_where (LIKE %s)',
            aviso.full_name(relation));
        PERFORM set_config('search_path', path, true);
        -- Of several statements there is no cursor.
        OPEN proof FOR EXECUTE 'SELECT FROM pg_temp.aviso_where WHERE (' || "where" || E'\n)';
        CLOSE proof;
        EXECUTE 'CREATE INDEX aviso_where_index ON pg_temp.aviso_where ((1)) WHERE ('
            || "where" || E'\n)';
        PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
        SELECT * INTO made FROM pg_index
        WHERE indexrelid = 'pg_temp.aviso_where_index'::regclass;
        IF made.indpred::text ~ ':varattno (0|-)' THEN
            RAISE EXCEPTION 'it takes the row as a whole, expected its columns';
        END IF;
        -- Its writer's settings said what his constants are; ours how they are kept.
        PERFORM aviso.pin_settings();
        PERFORM set_config('standard_conforming_strings', 'on', true);
        condition := pg_get_expr(made.indpred, made.indrelid);
        used := ARRAY(
            SELECT attname FROM pg_attribute
            WHERE attrelid = made.indrelid AND attnum > 0
                AND made.indpred::text ~ format(':varattno %s\M', attnum));
        RAISE EXCEPTION 'read' USING ERRCODE = 'AV001';
    EXCEPTION WHEN SQLSTATE 'AV001' THEN
        NULL;
    WHEN OTHERS THEN
        PERFORM aviso.refuse_argument('where', 'the where of %s, %s, can not be used: %s',
            aviso.full_name(relation), quote_literal("where"), SQLERRM);
    END;
END $$;

-- Read the feed's name, and what stands around its placeholder.
CREATE FUNCTION aviso.read_feed(t aviso.tracked_tables) RETURNS aviso.tracked_tables
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parts text[];
BEGIN
    IF t.feed IS NULL OR t.feed !~ '^[a-z0-9-]*(\{[^{}]+\}[a-z0-9-]*)?$' OR t.feed = '' THEN
        PERFORM aviso.refuse_argument('feed', '%L names no feed: expected 1 to 64 of a-z, 0-9'
            ' and the hyphen, with one {column} among them where each of its values is to have'
            ' a feed', t.feed);
    END IF;
    parts := regexp_match(t.feed, '^(.*)\{(.+)\}(.*)$');
    t.prefix := parts[1];
    t.placeholder := parts[2];
    t.suffix := parts[3];
    IF parts IS NULL AND length(t.feed) > 64 THEN
        PERFORM aviso.refuse_argument('feed', 'feed %L is longer than 64 characters', t.feed);
    ELSIF length(t.prefix || t.suffix) NOT BETWEEN 1 AND 30 THEN
        PERFORM aviso.refuse_argument('feed', 'beside its {%s} feed %L has to have 1 to 30'
            ' characters', t.placeholder, t.feed);
    END IF;
    RETURN t;
END $$;

-- Read what is to be tracked; refuse what can not be, each with one sentence.
CREATE FUNCTION aviso.read_wish(
    relation regclass, feed text, columns text[], "where" text, visibility text,
    on_truncate text, max_feeds integer, path text
) RETURNS aviso.tracked_tables
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t aviso.tracked_tables;
    name text := aviso.full_name(relation);
    missing text;
BEGIN
    PERFORM aviso.check_table(relation);
    t.relation := relation;
    SELECT nspname, relname INTO t.schema_name, t.table_name
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE pg_class.oid = relation;
    t.key := aviso.find_key(relation);
    t.feed := feed;
    t.columns := columns;
    t.visibility := visibility;
    t.on_truncate := on_truncate;
    t.max_feeds := max_feeds;
    t := aviso.read_feed(t);
    IF t.placeholder IS NOT NULL AND NOT aviso.has_column(relation, t.placeholder) THEN
        PERFORM aviso.refuse_argument('feed', '%s has no column %L, which the feed names', name,
            t.placeholder);
    END IF;
    IF t.placeholder IS NOT NULL AND NOT (SELECT aviso.has_equality(atttypid)
            FROM pg_attribute WHERE attrelid = relation AND attname = t.placeholder)
    THEN
        PERFORM aviso.refuse_argument('feed', 'column %L of %s can name no feed: its type knows'
            ' no equal values', t.placeholder, name);
    END IF;
    IF visibility IS NULL OR visibility NOT IN ('public', 'private') THEN
        PERFORM aviso.refuse_argument('visibility', 'visibility is %L, expected public or private',
            visibility);
    ELSIF on_truncate IS NULL OR on_truncate NOT IN ('reset', 'refuse') THEN
        PERFORM aviso.refuse_argument('on_truncate', 'on_truncate is %L, expected reset or refuse',
            on_truncate);
    ELSIF max_feeds IS NULL OR max_feeds < 1 THEN
        PERFORM aviso.refuse_argument('max_feeds', 'max_feeds is %s, expected 1 or more',
            max_feeds::text);
    ELSIF coalesce(cardinality(columns), 0) = 0 THEN
        PERFORM aviso.refuse_argument('columns', 'no columns are named: nothing of %s would be'
            ' told', name);
    END IF;
    SELECT c INTO missing FROM unnest(columns) AS c
    WHERE c IS NULL OR NOT aviso.has_column(relation, c);
    IF FOUND THEN
        PERFORM aviso.refuse_argument('columns', '%s has no column %L', name, missing);
    END IF;
    SELECT c INTO missing FROM unnest(columns) AS c GROUP BY c HAVING count(*) > 1;
    IF FOUND THEN
        PERFORM aviso.refuse_argument('columns', 'column %L is named twice', missing);
    END IF;
    SELECT k INTO missing FROM unnest(t.key) AS k WHERE k <> ALL (columns);
    IF FOUND THEN
        PERFORM aviso.refuse_argument('columns', 'column %L is part of the key of %s, and has to be'
            ' among those that are told', missing, name);
    END IF;
    SELECT condition, used INTO t."where", t.where_columns
    FROM aviso.read_where(relation, "where", path);
    SELECT attname INTO missing FROM pg_attribute
    WHERE attrelid = relation AND attgenerated = 'v'
        AND attname = ANY (columns || t.where_columns || t.placeholder);
    IF FOUND THEN
        PERFORM aviso.refuse_argument('columns', 'column %L of %s is generated when it is read,'
            ' and no trigger has'
            ' its value: make it STORED, or name what it is made of', missing, name);
    END IF;
    t.types := aviso.column_types(relation, aviso.read_columns(t));
    t.leaves := aviso.find_leaves(relation);
    RETURN t;
END $$;

-- Make the owner's functions of a table; as the owner.
CREATE FUNCTION aviso.make_rows(t aviso.tracked_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    keeper text := (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'aviso');
    one regprocedure;
BEGIN
    IF t."where" IS NOT NULL THEN
        EXECUTE aviso.where_code(t);
    END IF;
    EXECUTE aviso.row_code(t);
    -- A table whose columns have become plain needs it no more.
    IF aviso.is_lean(t) THEN
        FOR one IN
            SELECT oid FROM pg_proc WHERE pronamespace = 'aviso_rows'::regnamespace
                AND proname = 'change_' || t.id
        LOOP
            EXECUTE format('DROP FUNCTION %s', one);
        END LOOP;
    ELSE
        EXECUTE aviso.change_code(t);
    END IF;
    EXECUTE aviso.find_code(t);
    EXECUTE aviso.page_code(t);
    EXECUTE aviso.list_code(t);
    FOR one IN
        SELECT oid FROM pg_proc WHERE pronamespace = 'aviso_rows'::regnamespace
            AND proname ~ ('^(where|row|change|find|page|list)_' || t.id || '$')
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', one);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', one, keeper);
    END LOOP;
END $$;

-- What this session would have to hold to say that it is the owner: his functions.
CREATE FUNCTION aviso.check_rows(t aviso.tracked_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    names text[] := ARRAY['row_' || t.id, 'find_' || t.id, 'page_' || t.id, 'list_' || t.id]
        || CASE WHEN NOT aviso.is_lean(t) THEN ARRAY['change_' || t.id] END;
BEGIN
    IF cardinality(names) <> (
        SELECT count(*) FROM pg_proc JOIN pg_class ON pg_class.oid = t.relation
        WHERE pronamespace = 'aviso_rows'::regnamespace AND proowner = relowner AND prosecdef
            AND proname = ANY (names))
    THEN
        RAISE EXCEPTION 'only the owner of % may track it', aviso.full_name(t.relation)
            USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$;

CREATE FUNCTION aviso.new_tracked_id() RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT nextval(pg_get_serial_sequence('aviso.tracked_tables', 'id'))::integer
$$;

-- Make Aviso's functions of a table, for its owner's triggers.
CREATE FUNCTION aviso.make_capture(t aviso.tracked_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owner text := (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = t.relation);
    name text;
BEGIN
    EXECUTE aviso.statement_code(t);
    EXECUTE aviso.each_row_code(t);
    EXECUTE aviso.truncate_code(t);
    FOREACH name IN ARRAY ARRAY['capture_', 'capture_row_', 'capture_truncate_'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION aviso.%I() FROM PUBLIC', name || t.id);
        EXECUTE format('GRANT EXECUTE ON FUNCTION aviso.%I() TO %I', name || t.id, owner);
    END LOOP;
END $$;

-- The feeds that a table's would be, or are.
CREATE FUNCTION aviso.is_feed_of(t aviso.tracked_tables, slug text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN t.prefix IS NULL THEN slug = t.feed
        ELSE starts_with(slug, t.prefix) AND right(slug, length(t.suffix)) = t.suffix END
$$;

-- Refuse a feed that is another's, or could be. A table may have its own again, and what
-- was a feed of the same owner's.
CREATE FUNCTION aviso.check_feed(t aviso.tracked_tables) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    keeper text := (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = t.relation);
    other text;
BEGIN
    PERFORM aviso.check_rows(t);
    t := aviso.read_feed(t);
    -- Of two patterns that could name the same feed, none knows whose it is.
    SELECT feed INTO other FROM aviso.tracked_tables AS o
    WHERE o.relation <> t.relation AND o.prefix IS NOT NULL AND t.prefix IS NOT NULL
        AND (starts_with(o.prefix, t.prefix) OR starts_with(t.prefix, o.prefix))
        AND (starts_with(reverse(o.suffix), reverse(t.suffix))
            OR starts_with(reverse(t.suffix), reverse(o.suffix)));
    IF FOUND THEN
        PERFORM aviso.refuse_argument('feed', 'feeds of %L could have the names of feeds of %L,'
            ' which another table has', t.feed, other);
    END IF;
    SELECT slug INTO other FROM aviso.feeds
    WHERE aviso.is_feed_of(t, slug) AND (
        EXISTS (SELECT FROM aviso.records r WHERE r.feed = slug)
        OR NOT EXISTS (SELECT FROM aviso.tracked_feeds f
            LEFT JOIN aviso.tracked_tables AS o ON o.id = f.tracked
            WHERE f.feed = slug AND f.owner = keeper
                AND (f.tracked IS NULL OR o.relation = t.relation)))
    ORDER BY slug LIMIT 1;
    IF FOUND THEN
        PERFORM aviso.refuse_argument('feed', 'feed %L is taken', other);
    END IF;
    SELECT aviso.full_name(o.relation) INTO other FROM aviso.tracked_tables AS o
    WHERE o.relation <> t.relation AND o.prefix IS NOT NULL AND t.prefix IS NULL
        AND aviso.is_feed_of(o, t.feed)
        AND NOT EXISTS (SELECT FROM aviso.feeds WHERE slug = t.feed);
    IF FOUND THEN
        PERFORM aviso.refuse_argument('feed', 'feed %s would be one of table %s, whose rows name'
            ' their feeds so', t.feed, other);
    END IF;
END $$;

-- Enter a table whose owner has made its functions, and have its feed.
CREATE FUNCTION aviso.register(t aviso.tracked_tables) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    keeper text := (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = t.relation);
    waits text := current_setting('lock_timeout');
    has_past boolean;
BEGIN
    PERFORM aviso.check_rows(t);
    -- The owner may say what he likes of his table, and nothing of another's feed.
    t := aviso.read_feed(t);
    IF EXISTS (SELECT FROM aviso.tracked_tables WHERE id = t.id OR relation = t.relation) THEN
        PERFORM aviso.refuse_argument('relation', '%s is tracked already',
            aviso.full_name(t.relation));
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('aviso-track', 0));
    -- Whoever writes a record into one has a share in its row until he has ended. Not
    -- waited for: the writers of the table would wait behind.
    BEGIN
        PERFORM set_config('lock_timeout', '100ms', true);
        PERFORM FROM aviso.feeds WHERE aviso.is_feed_of(t, slug) ORDER BY slug FOR UPDATE;
        PERFORM set_config('lock_timeout', waits, true);
    EXCEPTION WHEN lock_not_available THEN
        RAISE EXCEPTION 'somebody is writing to a feed of %: try again', t.feed
            USING ERRCODE = 'lock_not_available';
    END;
    PERFORM aviso.check_feed(t);
    INSERT INTO aviso.tracked_tables (id, relation, schema_name, table_name, feed, prefix,
        suffix, placeholder, columns, "where", where_columns, key, types, files, declared,
        leaves, visibility, on_truncate, max_feeds)
    VALUES (t.id, t.relation, t.schema_name, t.table_name, t.feed, t.prefix, t.suffix,
        t.placeholder, t.columns, t."where", t.where_columns, t.key, t.types, aviso.find_files(t),
        aviso.find_declared(t), t.leaves, t.visibility, t.on_truncate, t.max_feeds);
    UPDATE aviso.tracked_feeds SET tracked = t.id
    WHERE tracked IS NULL AND owner = keeper AND aviso.is_feed_of(t, feed);
    has_past := FOUND;
    IF t.prefix IS NULL AND NOT has_past THEN
        INSERT INTO aviso.tracked_feeds (feed, tracked, owner) VALUES (t.feed, t.id, keeper);
        INSERT INTO aviso.feeds (slug, visibility) VALUES (t.feed, t.visibility);
    END IF;
    PERFORM aviso.make_capture(t);
    IF has_past THEN
        PERFORM aviso.close_feeds(t);
        PERFORM aviso.tell_reset(t.id, 'tracked');
        UPDATE aviso.tracked_tables SET backfilled = 'running' WHERE id = t.id;
    END IF;
END $$;

-- Make what a table had as feeds private where it is to be. None is opened: its log has
-- what was told to its readers alone.
CREATE FUNCTION aviso.close_feeds(t aviso.tracked_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    closed text[];
BEGIN
    IF t.visibility = 'private' THEN
        UPDATE aviso.feeds SET visibility = 'private' WHERE visibility <> 'private'
            AND slug IN (SELECT feed FROM aviso.tracked_feeds WHERE tracked = t.id);
        RETURN;
    END IF;
    SELECT array_agg(slug ORDER BY slug) INTO closed
    FROM (SELECT slug FROM aviso.feeds JOIN aviso.tracked_feeds ON feed = slug
        WHERE tracked = t.id AND visibility = 'private' ORDER BY slug LIMIT 5) AS kept;
    IF closed IS NOT NULL THEN
        RAISE WARNING '% of % stays private, since its log has what was told to its readers'
            ' alone: UPDATE aviso.feeds SET visibility = ''public'' opens it',
            array_to_string(closed, ', '), aviso.full_name(t.relation);
    END IF;
END $$;

-- Make a table's triggers; as its owner.
CREATE FUNCTION aviso.make_triggers(t aviso.tracked_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text := aviso.full_name(t.relation);
    leaf regclass;
BEGIN
    IF (SELECT relkind = 'p' FROM pg_class WHERE oid = t.relation) THEN
        EXECUTE format('CREATE TRIGGER aviso_row AFTER INSERT OR UPDATE OR DELETE ON %s'
            ' FOR EACH ROW EXECUTE FUNCTION aviso.%I()', name, 'capture_row_' || t.id);
    ELSE
        EXECUTE format('CREATE TRIGGER aviso_inserted AFTER INSERT ON %s'
            ' REFERENCING NEW TABLE AS written'
            ' FOR EACH STATEMENT EXECUTE FUNCTION aviso.%I()', name, 'capture_' || t.id);
        EXECUTE format('CREATE TRIGGER aviso_updated AFTER UPDATE ON %s'
            ' REFERENCING OLD TABLE AS before NEW TABLE AS written'
            ' FOR EACH STATEMENT EXECUTE FUNCTION aviso.%I()', name, 'capture_' || t.id);
        EXECUTE format('CREATE TRIGGER aviso_deleted AFTER DELETE ON %s'
            ' REFERENCING OLD TABLE AS before'
            ' FOR EACH STATEMENT EXECUTE FUNCTION aviso.%I()', name, 'capture_' || t.id);
    END IF;
    EXECUTE format('CREATE TRIGGER aviso_arrived AFTER INSERT OR UPDATE OR DELETE ON %s'
        ' FOR EACH ROW EXECUTE FUNCTION aviso.%I(''arrived'')', name, 'capture_row_' || t.id);
    FOREACH leaf IN ARRAY t.relation || t.leaves LOOP
        PERFORM aviso.make_truncate_triggers(leaf, t.id);
    END LOOP;
    PERFORM aviso.arm_triggers(t);
END $$;

CREATE FUNCTION aviso.make_truncate_triggers(relation regclass, id integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER aviso_truncated BEFORE TRUNCATE ON %s'
        ' FOR EACH STATEMENT EXECUTE FUNCTION aviso.%I()',
        aviso.full_name(relation), 'capture_truncate_' || id);
    EXECUTE format('CREATE TRIGGER aviso_truncate_arrived BEFORE TRUNCATE ON %s'
        ' FOR EACH STATEMENT EXECUTE FUNCTION aviso.%I(''arrived'')',
        aviso.full_name(relation), 'capture_truncate_' || id);
END $$;

-- The triggers of a table, with how each is to be enabled.
CREATE FUNCTION aviso.find_triggers(
    t aviso.tracked_tables, OUT relation regclass, OUT name name, OUT enabled "char",
    OUT wanted "char"
) RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT tgrelid, tgname, tgenabled, CASE WHEN tgname ~ 'arrived$' THEN 'R' ELSE 'O' END::"char"
    FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
    WHERE pronamespace = 'aviso'::regnamespace AND tgrelid = ANY (t.relation || t.leaves)
        AND proname ~ ('^capture_([a-z]+_)?' || t.id || '$')
    ORDER BY tgrelid, tgname
$$;

-- Have the triggers that are for arriving rows fire for those alone.
CREATE FUNCTION aviso.arm_triggers(t aviso.tracked_tables) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT * FROM aviso.find_triggers(t) WHERE wanted = 'R' AND enabled <> 'R' LOOP
        EXECUTE format('ALTER TABLE ONLY %s ENABLE REPLICA TRIGGER %I',
            aviso.full_name(one.relation), one.name);
    END LOOP;
END $$;

-- The schemas in which the caller's names are found.
CREATE FUNCTION aviso.current_path() RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT pg_catalog.string_agg(pg_catalog.quote_ident(name), ',')
    FROM pg_catalog.unnest(pg_catalog.current_schemas(true)) AS name
$$;

CREATE FUNCTION aviso.track(
    relation regclass, feed text, columns text[], "where" text DEFAULT NULL,
    visibility text DEFAULT 'private', on_truncate text DEFAULT 'reset',
    max_feeds integer DEFAULT 1000
) RETURNS aviso.tracked
LANGUAGE plpgsql AS $$
BEGIN
    RETURN aviso.track_as_owner(relation, feed, columns, "where", visibility, on_truncate,
        max_feeds, aviso.current_path());
END $$;

CREATE FUNCTION aviso.track_as_owner(
    relation regclass, feed text, columns text[], "where" text, visibility text,
    on_truncate text, max_feeds integer, path text
) RETURNS aviso.tracked
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    role text := current_setting('role');
    t aviso.tracked_tables;
    done aviso.tracked;
BEGIN
    PERFORM aviso.check_table(relation);
    PERFORM aviso.become_owner(relation);
    PERFORM aviso.lock_table(relation, 'SHARE ROW EXCLUSIVE');
    t := aviso.read_wish(
        relation, feed, columns, "where", visibility, on_truncate, max_feeds, path);
    IF EXISTS (SELECT FROM aviso.tracked AS v WHERE v.relation = track_as_owner.relation) THEN
        PERFORM aviso.untrack(relation);
    END IF;
    t.id := aviso.new_tracked_id();
    PERFORM aviso.make_rows(t);
    PERFORM aviso.register(t);
    PERFORM aviso.make_triggers(t);
    SELECT * INTO done FROM aviso.tracked AS v WHERE v.relation = track_as_owner.relation;
    PERFORM aviso.warn_unasked(relation, columns);
    PERFORM set_config('role', role, true);
    RETURN done;
END $$;

-- Show what would be told of the first rows; leave nothing behind.
CREATE FUNCTION aviso.preview(
    relation regclass, feed text, columns text[], "where" text DEFAULT NULL,
    rows integer DEFAULT 10
) RETURNS TABLE (to_feed text, subject text, data text, cause text)
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT * FROM aviso.preview_as_owner(relation, feed, columns, "where", rows,
        aviso.current_path());
END $$;

CREATE FUNCTION aviso.preview_as_owner(
    relation regclass, feed text, columns text[], "where" text, rows integer, path text
) RETURNS TABLE (to_feed text, subject text, data text, cause text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t aviso.tracked_tables;
    seen aviso.state[];
BEGIN
    -- Undone at its end, with whatever the owner's functions did.
    BEGIN
        t := aviso.make_trial(relation, feed, columns, "where", path);
        EXECUTE format($code$
            SELECT array_agg(ROW(NULL, value, subject, data, cause)::aviso.state)
            FROM (SELECT * FROM aviso_rows.%I(NULL, 1000)
                WHERE data IS NOT NULL OR cause IS NOT NULL LIMIT $1) AS page$code$,
            'page_' || t.id) INTO seen USING rows;
        RAISE EXCEPTION 'seen' USING ERRCODE = 'AV001';
    EXCEPTION WHEN SQLSTATE 'AV001' THEN
        NULL;
    END;
    PERFORM aviso.warn_unasked(relation, columns);
    RETURN QUERY SELECT aviso.feed_of(t, s.value), s.subject,
        CASE WHEN s.cause IS NULL THEN s.data ELSE aviso.unavailable_data(s.cause) END, s.cause
    FROM unnest(seen) AS s;
END $$;

-- Count what would be told of the first `look` rows, by feed, the largest first; those of
-- no feed (null) do not match. Under a name with a placeholder stand rows of which nobody
-- can say the feed. Leave nothing behind.
CREATE FUNCTION aviso.survey(
    relation regclass, feed text, columns text[], "where" text DEFAULT NULL,
    look integer DEFAULT 100000
) RETURNS TABLE (to_feed text, rows bigint, unavailable bigint)
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT * FROM aviso.survey_as_owner(relation, feed, columns, "where", look,
        aviso.current_path());
END $$;

CREATE FUNCTION aviso.survey_as_owner(
    relation regclass, feed text, columns text[], "where" text, look integer, path text
) RETURNS TABLE (to_feed text, rows bigint, unavailable bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t aviso.tracked_tables;
    counted jsonb := '[]';
    page jsonb;
    behind text[];
    found integer;
BEGIN
    BEGIN
        t := aviso.make_trial(relation, feed, columns, "where", path);
        -- By pages: what the rows say is not kept.
        LOOP
            EXECUTE format($code$
                WITH page AS MATERIALIZED (
                    SELECT *, row_number() OVER () AS place FROM aviso_rows.%I($1, $2)
                )
                SELECT (SELECT count(*) FROM page),
                    (SELECT key FROM page ORDER BY place DESC LIMIT 1),
                    (SELECT jsonb_agg(counts) FROM (
                        SELECT value, data IS NOT NULL OR cause IS NOT NULL AS matches,
                            cause IS NOT DISTINCT FROM 'unclear' AS unclear,
                            count(*) AS rows, count(cause) AS unavailable
                        FROM page GROUP BY 1, 2, 3) AS counts)$code$, 'page_' || t.id)
            INTO found, behind, page USING behind, least(look, 1000);
            counted := counted || coalesce(page, '[]');
            EXIT WHEN found < least(look, 1000) OR look <= found;
            look := look - found;
        END LOOP;
        RAISE EXCEPTION 'seen' USING ERRCODE = 'AV001';
    EXCEPTION WHEN SQLSTATE 'AV001' THEN
        NULL;
    END;
    RETURN QUERY
    SELECT named.to_feed, sum(named.rows)::bigint, sum(named.unavailable)::bigint
    FROM (
        SELECT CASE WHEN NOT c.matches THEN NULL WHEN c.unclear THEN t.feed
            ELSE aviso.feed_of(t, c.value) END AS to_feed, c.rows, c.unavailable
        FROM jsonb_to_recordset(counted) AS c (
            value text, matches boolean, unclear boolean, rows bigint, unavailable bigint)
    ) AS named GROUP BY 1 ORDER BY 2 DESC, 1;
END $$;

-- Make a table's functions as tracking would, after all that it asks; as its owner.
-- Whoever calls it has this undone.
CREATE FUNCTION aviso.make_trial(
    relation regclass, feed text, columns text[], "where" text, path text
) RETURNS aviso.tracked_tables
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t aviso.tracked_tables;
BEGIN
    PERFORM aviso.check_table(relation);
    PERFORM aviso.become_owner(relation);
    t := aviso.read_wish(relation, feed, columns, "where", 'private', 'reset', 1, path);
    t.id := aviso.new_tracked_id();
    PERFORM aviso.make_rows(t);
    PERFORM aviso.check_feed(t);
    PERFORM aviso.pin_settings();
    RETURN t;
END $$;

-- For the rest of the transaction, the settings that give a value one form.
CREATE FUNCTION aviso.pin_settings() RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT set_config(name, value, true) FROM (VALUES ('DateStyle', 'ISO, YMD'),
        ('IntervalStyle', 'iso_8601'), ('TimeZone', 'UTC'), ('extra_float_digits', '1'),
        ('bytea_output', 'hex'), ('lc_monetary', 'C'), ('quote_all_identifiers', 'off')) AS pinned (name, value)
$$;

CREATE FUNCTION aviso.untrack(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    role text := current_setting('role');
    tracked integer;
    one record;
BEGIN
    IF EXISTS (SELECT FROM pg_class WHERE oid = relation) THEN
        PERFORM aviso.become_owner(relation);
        SELECT id INTO tracked FROM aviso.tracked AS v WHERE v.relation = untrack.relation;
        IF NOT FOUND THEN
            PERFORM aviso.refuse('%s is not tracked', aviso.full_name(relation));
        END IF;
        PERFORM aviso.lock_table(relation, 'ACCESS EXCLUSIVE');
    ELSE
        SELECT id INTO tracked FROM aviso.tracked AS v WHERE v.relation = untrack.relation;
        IF NOT FOUND THEN
            PERFORM aviso.refuse('%s is not tracked', relation::oid::text);
        END IF;
    END IF;
    -- Also of partitions that were detached, or left over by a table that is gone.
    FOR one IN
        SELECT tgrelid::regclass AS relation, tgname FROM pg_trigger
        JOIN pg_proc ON pg_proc.oid = tgfoid
        WHERE pronamespace = 'aviso'::regnamespace AND tgparentid = 0
            AND proname ~ ('^capture_([a-z]+_)?' || tracked || '$')
    LOOP
        PERFORM aviso.lock_table(one.relation, 'ACCESS EXCLUSIVE');
        EXECUTE format('DROP TRIGGER %I ON %s', one.tgname, aviso.full_name(one.relation));
    END LOOP;
    PERFORM aviso.forget(tracked);
    PERFORM set_config('role', role, true);
END $$;

-- Forget a table that has no trigger of ours any more, which is its owner's doing. The
-- feed, its events and archive stay.
CREATE FUNCTION aviso.forget(tracked integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one regprocedure;
BEGIN
    FOR one IN
        SELECT oid FROM pg_proc
        WHERE pronamespace = 'aviso_rows'::regnamespace
            AND proname ~ ('^(where|row|change|find|page|list)_' || tracked || '$')
        UNION ALL
        SELECT oid FROM pg_proc
        WHERE pronamespace = 'aviso'::regnamespace
            AND proname ~ ('^capture_(row_|truncate_)?' || tracked || '$')
    LOOP
        -- Refused while a trigger has it.
        EXECUTE format('DROP FUNCTION %s', one);
    END LOOP;
    PERFORM aviso.take_notes();
    DELETE FROM aviso.tracked_tables WHERE id = tracked;
END $$;
