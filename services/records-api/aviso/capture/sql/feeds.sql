-- Feeds that are named after a value, and made on first use.

-- The name of the feed of a value: no two values have the same. a-z and 0-9 stand for
-- themselves, `-` is `--`, every other byte of UTF-8 `-` and two hex digits; NULL is
-- `-n`; what would be too long is `-h` and the beginning of its SHA-256.
CREATE FUNCTION aviso.feed_name(prefix text, value text, suffix text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    written text := '-n';
BEGIN
    IF value ~ '^[a-z0-9]*$' OR length(value) > 64 THEN
        written := value;
    ELSIF value IS NOT NULL THEN
        SELECT string_agg(CASE
                WHEN one = '-' THEN '--'
                WHEN one ~ '^[a-z0-9]$' THEN one
                ELSE regexp_replace(encode(convert_to(one, 'UTF8'), 'hex'), '(..)', E'-\\1', 'g')
            END, '' ORDER BY place)
        INTO written
        FROM regexp_split_to_table(value, '') WITH ORDINALITY AS part (one, place);
    END IF;
    IF length(prefix || written || suffix) > 64 THEN
        written := '-h' || left(encode(sha256(convert_to(value, 'UTF8')), 'hex'), 32);
    END IF;
    RETURN prefix || written || suffix;
END $$;

-- Whether the rows of a feed may be told: it is there, or the relay is asked to make it.
-- No writer makes it: two who make each other's would wait for each other.
CREATE FUNCTION aviso.open_feed(tracked integer, feed text, value text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM aviso.tracked_feeds t
            WHERE t.feed = open_feed.feed AND t.tracked = open_feed.tracked)
        OR EXISTS (SELECT FROM aviso.notes n
            WHERE n.kind = 'feed' AND n.feed = open_feed.feed)
    THEN
        RETURN true;
    END IF;
    IF (SELECT max_feeds FROM aviso.tracked_tables WHERE id = open_feed.tracked) <=
        (SELECT count(*) FROM aviso.tracked_feeds t WHERE t.tracked = open_feed.tracked)
        + (SELECT count(DISTINCT n.feed) FROM aviso.notes n
            WHERE n.kind = 'feed' AND n.tracked = open_feed.tracked)
    THEN
        RETURN false;
    END IF;
    INSERT INTO aviso.notes (tracked, kind, feed, value)
    VALUES (open_feed.tracked, 'feed', open_feed.feed, open_feed.value);
    RETURN true;
END $$;

-- Make the feeds that writers asked for, and take the other notes in. The relay calls it
-- before it sends anything of a feed that it does not know. Return the feeds' names.
CREATE FUNCTION aviso.take_notes() RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    taken aviso.notes[];
    wanted text[];
BEGIN
    WITH gone AS (DELETE FROM aviso.notes RETURNING notes AS note)
    SELECT array_agg(note) INTO taken FROM gone;
    IF taken IS NULL THEN
        RETURN;
    END IF;
    WITH owned AS (
        INSERT INTO aviso.tracked_feeds AS f (feed, tracked, value, owner)
        SELECT DISTINCT ON (n.feed) n.feed, t.id, n.value, pg_get_userbyid(c.relowner)
        FROM unnest(taken) AS n JOIN aviso.tracked_tables AS t ON t.id = n.tracked
        JOIN pg_class AS c ON c.oid = t.relation
        WHERE n.kind = 'feed' ORDER BY n.feed
        ON CONFLICT (feed) DO UPDATE SET tracked = excluded.tracked
        RETURNING f.feed
    )
    SELECT coalesce(array_agg(owned.feed ORDER BY owned.feed), '{}') INTO wanted FROM owned;
    INSERT INTO aviso.feeds (slug, visibility)
    SELECT f.feed, t.visibility
    FROM aviso.tracked_feeds AS f JOIN aviso.tracked_tables AS t ON t.id = f.tracked
    WHERE f.feed = ANY (wanted) ORDER BY f.feed
    ON CONFLICT (slug) DO NOTHING;
    UPDATE aviso.tracked_tables AS t SET untold = untold + lost.size,
        problem = coalesce(problem, format('rows of %s are in no feed: there are as many'
            ' feeds as there may be (%s), or which one is theirs can not be told',
            aviso.full_name(relation), max_feeds)),
        problem_at = coalesce(problem_at, clock_timestamp())
    FROM (SELECT n.tracked, sum(n.size) AS size FROM unnest(taken) AS n
        WHERE n.kind = 'untold' GROUP BY n.tracked) AS lost
    WHERE t.id = lost.tracked;
    UPDATE aviso.tracked_tables
    SET backfilled = 'running', backfill_after = NULL, backfill_left = '{}', looked_at = 0
    WHERE id IN (SELECT n.tracked FROM unnest(taken) AS n WHERE n.kind = 'backfill');
    RETURN QUERY SELECT unnest(wanted);
END $$;

-- Nobody else makes a feed whose name is some value's of a tracked table.
CREATE FUNCTION aviso.feed_reserving() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    taken text;
BEGIN
    SELECT aviso.full_name(relation) INTO taken FROM aviso.tracked_tables AS t
    WHERE prefix IS NOT NULL AND aviso.is_feed_of(t, NEW.slug)
        AND NOT EXISTS (SELECT FROM aviso.tracked_feeds AS f
            WHERE f.feed = NEW.slug AND f.tracked = t.id);
    IF FOUND THEN
        RAISE EXCEPTION 'feed % would be one of table %, whose rows name their feeds so',
            NEW.slug, taken USING ERRCODE = 'unique_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER feeds_reserving BEFORE INSERT ON aviso.feeds
    FOR EACH ROW EXECUTE FUNCTION aviso.feed_reserving();

-- Nor does anybody write records into the feed of a table. After the foreign key has
-- locked the feed's row, which aviso.register locks too.
CREATE FUNCTION aviso.records_reserving() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    taken record;
BEGIN
    SELECT f.feed, aviso.full_name(t.relation) AS name INTO taken
    FROM (SELECT DISTINCT feed FROM written) AS w JOIN aviso.tracked_feeds AS f USING (feed)
    JOIN aviso.tracked_tables AS t ON t.id = f.tracked LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the records of feed % are the rows of %: write there', taken.feed,
            taken.name USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER records_reserving AFTER INSERT ON aviso.records
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION aviso.records_reserving();
