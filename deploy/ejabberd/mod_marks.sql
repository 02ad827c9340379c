-- What mod_marks keeps in ejabberd's database.
--
-- The module sends this file at its start, as one transaction; it may be sent again at any time.

SELECT pg_advisory_xact_lock(5270812);

-- Of each account and feed: how far it was read, and what was set for it. A feed's name is what the account said, be
-- there such a feed or not.
CREATE TABLE IF NOT EXISTS feed_marks (
    server_host text NOT NULL,
    username text NOT NULL,
    feed text NOT NULL,
    epoch text,
    seen bigint,
    marks text[] NOT NULL DEFAULT '{}',
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (server_host, username, feed)
);

-- What is kept of these feeds, or of all of the account's, as JSON.
CREATE OR REPLACE FUNCTION feed_marks_of(a_host text, a_user text, a_feeds text[] DEFAULT NULL)
RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
        'feed', m.feed, 'epoch', m.epoch, 'seen', m.seen, 'marks', m.marks)) ORDER BY m.feed), '[]')::text
    FROM feed_marks AS m
    WHERE m.server_host = a_host AND m.username = a_user AND (a_feeds IS NULL OR m.feed = ANY (a_feeds))
$$;

-- Whether these are changes as contracts/README.md, "Marks", has them.
CREATE OR REPLACE FUNCTION are_feed_marks(a_changes jsonb) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    change jsonb;
    list jsonb;
BEGIN
    IF jsonb_typeof(a_changes) <> 'array' THEN RETURN false; END IF;
    IF jsonb_array_length(a_changes) NOT BETWEEN 1 AND 100 THEN RETURN false; END IF;
    FOR change IN SELECT value FROM jsonb_array_elements(a_changes) LOOP
        IF jsonb_typeof(change) <> 'object' THEN RETURN false; END IF;
        IF coalesce(change->>'feed' !~ '^[a-z0-9-]{1,64}$', true) THEN RETURN false; END IF;
        IF change ? 'seen' OR change ? 'epoch' THEN
            IF coalesce(change->>'epoch' !~ '^[a-z0-9]{4,16}$', true) THEN RETURN false; END IF;
            IF coalesce(change->>'seen' !~ '^[0-9]{1,16}$', true) THEN RETURN false; END IF;
        END IF;
        FOREACH list IN ARRAY ARRAY[coalesce(change->'set', '[]'), coalesce(change->'unset', '[]')] LOOP
            IF jsonb_typeof(list) <> 'array' THEN RETURN false; END IF;
            IF NOT list <@ '["muted", "pinned", "notify", "sound"]' THEN RETURN false; END IF;
        END LOOP;
    END LOOP;
    RETURN true;
END $$;

-- Take changes; null if they are none. In the same epoch a position only moves forward; one of another epoch takes the
-- place of what was there; where a feed only `begins` for the reader, nothing that is known of its epoch changes.
-- Returns what is kept of these feeds now. Of more than 1,000 feeds those go that have no marks, the oldest first.
CREATE OR REPLACE FUNCTION change_feed_marks(a_host text, a_user text, a_changes text)
RETURNS text LANGUAGE plpgsql SET lock_timeout = '5s' AS $$
DECLARE
    changes jsonb;
    change jsonb;
    added text[];
    removed text[];
BEGIN
    BEGIN
        changes := a_changes::jsonb;
    EXCEPTION WHEN data_exception THEN
        RETURN NULL;
    END;
    IF NOT are_feed_marks(changes) THEN RETURN NULL; END IF;
    -- One at a time of an account's, in one order: no two wait for each other's rows, and the count below is true.
    PERFORM pg_advisory_xact_lock(hashtextextended(a_host || ' ' || a_user, 5270812));
    FOR change IN SELECT value FROM jsonb_array_elements(changes) LOOP
        added := ARRAY(SELECT jsonb_array_elements_text(coalesce(change->'set', '[]')));
        removed := ARRAY(SELECT jsonb_array_elements_text(coalesce(change->'unset', '[]')));
        INSERT INTO feed_marks AS m (server_host, username, feed, epoch, seen)
        VALUES (a_host, a_user, change->>'feed', change->>'epoch', (change->>'seen')::bigint)
        ON CONFLICT (server_host, username, feed) DO UPDATE SET
            epoch = coalesce(excluded.epoch, m.epoch),
            seen = CASE
                WHEN excluded.epoch IS NULL THEN m.seen
                WHEN excluded.epoch IS DISTINCT FROM m.epoch THEN excluded.seen
                WHEN change->>'begins' = 'true' THEN m.seen
                ELSE greatest(excluded.seen, m.seen)
            END,
            changed_at = clock_timestamp();
        UPDATE feed_marks AS m SET marks = ARRAY(
            SELECT DISTINCT mark FROM unnest(m.marks || added) AS mark WHERE mark <> ALL (removed) ORDER BY mark)
        WHERE m.server_host = a_host AND m.username = a_user AND m.feed = change->>'feed'
            AND (added <> '{}' OR removed <> '{}');
    END LOOP;
    DELETE FROM feed_marks AS m
    WHERE m.server_host = a_host AND m.username = a_user AND m.feed IN (
        SELECT o.feed FROM feed_marks AS o
        WHERE o.server_host = a_host AND o.username = a_user
        ORDER BY o.marks <> '{}' DESC, o.changed_at DESC OFFSET 1000);
    RETURN feed_marks_of(a_host, a_user, ARRAY(SELECT value->>'feed' FROM jsonb_array_elements(changes)));
END $$;
