-- What mod_feed_archive keeps in ejabberd's database, beside the table `archive` that is mod_mam's.
--
-- The module sends this file at its start, as one transaction; it may be sent again at any time.

SELECT pg_advisory_xact_lock(5270811);

-- Where each room's archive ended when it took its newest batch. `archive_id` is the row in `archive` of that batch: no
-- higher id was ever given, whatever has become of the archive since. A room's row is never changed: a newer one takes
-- its place, and is found at once from the index's end, however many dead ones an open snapshot (a backup) keeps.
CREATE TABLE IF NOT EXISTS room_heads (
    server_host text NOT NULL,
    room text NOT NULL,
    archive_id bigint NOT NULL,
    epoch text NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    PRIMARY KEY (server_host, room, archive_id)
);

-- The newest batch in the archive, read from its <events/> (all nulls if there is none). Only its newest 1,000
-- messages are looked at: more of another kind behind the last batch is nothing that the pusher does.
CREATE OR REPLACE FUNCTION newest_feed_batch(
    a_host text, a_room text, OUT epoch text, OUT first bigint, OUT last bigint, OUT archive_id bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    message record;
    events text;
    seen integer := 0;
BEGIN
    FOR message IN
        SELECT a."timestamp" AS id, a.xml FROM archive AS a
        WHERE a.server_host = a_host AND a.username = a_room
        ORDER BY a."timestamp" DESC LIMIT 1000
    LOOP
        seen := seen + 1;
        events := substring(message.xml FROM '<events\s[^>]*>');
        CONTINUE WHEN events IS NULL OR strpos(events, 'urn:aviso:feed:2') = 0;
        epoch := substring(events FROM '\sepoch=[''"]([^''"]*)');
        first := substring(events FROM '\sfirst=[''"]([0-9]+)');
        last := substring(events FROM '\slast=[''"]([0-9]+)');
        archive_id := message.id;
        RETURN;
    END LOOP;
    IF seen = 1000 THEN
        RAISE EXCEPTION 'none of the newest 1000 messages in the archive of % is a batch', a_room;
    END IF;
END $$;

-- The room's head as the archive has it in this very snapshot: what is written down, if the newest message is still the
-- batch that it tells of; else what the newest batch says, whatever removed or added rows.
CREATE OR REPLACE FUNCTION feed_head(
    a_host text, a_room text, OUT epoch text, OUT first bigint, OUT last bigint, OUT archive_id bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    newest bigint;
BEGIN
    SELECT h.epoch, h.first, h.last, h.archive_id INTO epoch, first, last, archive_id
    FROM room_heads AS h WHERE h.server_host = a_host AND h.room = a_room
    ORDER BY h.archive_id DESC LIMIT 1;
    SELECT max(a."timestamp") INTO newest FROM archive AS a WHERE a.server_host = a_host AND a.username = a_room;
    IF newest IS DISTINCT FROM archive_id THEN
        SELECT n.epoch, n.first, n.last, n.archive_id INTO epoch, first, last, archive_id
        FROM newest_feed_batch(a_host, a_room) AS n;
    END IF;
END $$;

-- Whether `archive` has a column that is there since ejabberd 24. Said to be immutable, so that each connection finds it
-- out once: the table changes while ejabberd starts.
CREATE OR REPLACE FUNCTION archive_has_origin_id() RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT EXISTS (SELECT FROM pg_attribute
        WHERE attrelid = 'archive'::regclass AND attname = 'origin_id' AND NOT attisdropped)
$$;

-- Archive a batch if it follows the room's head. `verdict`:
--   archived  it stands in the archive now, under archive_id
--   known     it is the head already, under archive_id: whoever sent it did not know that
--   conflict  it does not follow. The others tell the head; nulls if the archive has no batch
-- An empty batch (last = first - 1) begins an epoch, if it is not the head's. A room without a head begins with
-- sequence 1, or with an empty batch.
CREATE OR REPLACE FUNCTION archive_feed_batch(
    a_host text, a_room text, a_epoch text, a_first bigint, a_last bigint, a_now bigint,
    a_peer text, a_bare_peer text, a_nick text, a_xml text, a_txt text,
    OUT verdict text, OUT epoch text, OUT last bigint, OUT archive_id bigint)
LANGUAGE plpgsql SET lock_timeout = '5s' AS $$
DECLARE
    first bigint;
    newest bigint;
    before bigint;
    locked text;
BEGIN
    -- Held until the commit is seen by all, so that no two can take the same place, however late a commit shows.
    locked := pg_advisory_xact_lock(hashtextextended(a_host || ' ' || a_room, 5270811));
    -- A statement of its own: so it sees what was committed while the lock was waited for.
    SELECT n.id, h.archive_id, h.epoch, h.first, h.last INTO newest, before, epoch, first, last
    FROM (SELECT max(a."timestamp") AS id FROM archive AS a WHERE a.server_host = a_host AND a.username = a_room) AS n
    LEFT JOIN LATERAL (
        SELECT r.archive_id, r.epoch, r.first, r.last FROM room_heads AS r
        WHERE r.server_host = a_host AND r.room = a_room ORDER BY r.archive_id DESC LIMIT 1
    ) AS h ON true;
    archive_id := before;
    IF newest IS DISTINCT FROM before THEN
        SELECT n.epoch, n.first, n.last, n.archive_id INTO epoch, first, last, archive_id
        FROM newest_feed_batch(a_host, a_room) AS n;
    END IF;

    IF epoch = a_epoch AND first = a_first AND last = a_last THEN
        verdict := 'known';
    ELSIF a_last >= a_first AND epoch = a_epoch AND last + 1 = a_first
        OR a_last >= a_first AND epoch IS NULL AND a_first = 1
        OR a_last = a_first - 1 AND epoch IS DISTINCT FROM a_epoch
    THEN
        verdict := 'archived';
        epoch := a_epoch;
        last := a_last;
        archive_id := greatest(a_now, newest + 1, before + 1);
        -- The columns that mod_mam_sql fills for a room's message.
        IF archive_has_origin_id() THEN
            INSERT INTO archive
                (username, server_host, "timestamp", peer, bare_peer, xml, txt, kind, nick, origin_id)
            VALUES (a_room, a_host, archive_id, a_peer, a_bare_peer, a_xml, a_txt, 'groupchat', a_nick,
                archive_id::text);
        ELSE
            INSERT INTO archive (username, server_host, "timestamp", peer, bare_peer, xml, txt, kind, nick)
            VALUES (a_room, a_host, archive_id, a_peer, a_bare_peer, a_xml, a_txt, 'groupchat', a_nick);
        END IF;
        INSERT INTO room_heads (server_host, room, archive_id, epoch, first, last)
        VALUES (a_host, a_room, archive_id, a_epoch, a_first, a_last);
        DELETE FROM room_heads AS h WHERE h.server_host = a_host AND h.room = a_room AND h.archive_id = before;
    ELSE
        verdict := 'conflict';
    END IF;
END $$;
