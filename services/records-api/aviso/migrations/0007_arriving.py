"""Triggers for rows that no writer writes here: they arrive by replication.

Logical replication applies in the role `replica`, in which ordinary triggers do not
fire. Those here fire in it and nowhere else, and tell what the log does not say yet.
Each is for a row: apply fires no others, and the first copy fires these too. TRUNCATE
is the exception, for whose statement apply does fire.
"""

from django.db import migrations

from aviso.database.migrating import SharedMigration
from aviso.database.telling import telling, telling_function

DELETED = telling(
    "'deleted', id::text, NULL,"
    " aviso.record_data(id, version + 1, created_at, now, data), now",
    "(SELECT * FROM aviso.records WHERE feed IN (SELECT slug FROM aviso.feeds)) AS gone",
    "number",
)
REVOKED = telling(
    "'revoked', NULL, reader, '{}', now",
    "(SELECT * FROM aviso.readers WHERE revoked_at IS NULL"
    " AND feed IN (SELECT slug FROM aviso.feeds)) AS gone",
    "id",
)

FUNCTIONS = f"""
CREATE FUNCTION aviso.is_subscribed(name text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM pg_catalog.pg_subscription_rel
        WHERE srrelid = pg_catalog.to_regclass(name))
$$;

-- Whether rows are to be told that arrive now. Where the log itself arrives, their
-- events come with it.
CREATE FUNCTION aviso.tells_arrivals() RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT current_setting('session_replication_role') = 'replica'
        AND NOT aviso.is_subscribed('aviso.events')
$$;

-- Epoch and opening are of the rooms here, and not of those where the feed comes from.
CREATE FUNCTION aviso.feed_arriving() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT aviso.is_subscribed('aviso.feeds') THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'INSERT' THEN
        NEW.epoch := aviso.new_epoch();
        NEW.announced_at := NULL;
    ELSE
        NEW.epoch := OLD.epoch;
        NEW.announced_at := CASE WHEN NEW.visibility = OLD.visibility
            THEN OLD.announced_at END;
    END IF;
    RETURN NEW;
END $$;

-- Numbers are those of here, or writers here and there would take each other's. Versions
-- rise, also where the rows come from a table that has none.
CREATE FUNCTION aviso.record_arriving() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        NEW.number := OLD.number;
        IF NEW.data::text <> OLD.data::text AND NEW.version <= OLD.version THEN
            NEW.version := OLD.version + 1;
            NEW.updated_at := clock_timestamp();
        END IF;
    ELSIF aviso.is_subscribed('aviso.records') THEN
        NEW.number := nextval('aviso.records_number_seq');
    END IF;
    RETURN NEW;
END $$;

-- Whether the feed of a row that arrives is here: the foreign key, which is not checked
-- then. As it does, it shares the feed's row, on which recapture relies.
CREATE FUNCTION aviso.has_feed(slug text) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM aviso.feeds WHERE feeds.slug = has_feed.slug FOR KEY SHARE;
    IF FOUND THEN
        RETURN true;
    END IF;
    -- Tables are copied at one time. Who makes the feed now has it told what is here, or
    -- makes it seen from here.
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('aviso-feed ' || slug, 0));
    PERFORM FROM aviso.feeds WHERE feeds.slug = has_feed.slug FOR KEY SHARE;
    RETURN FOUND;
END $$;

-- Tell of a new feed what arrived before it.
CREATE FUNCTION aviso.tell_early() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('aviso-feed ' || NEW.slug, 0));
    PERFORM aviso.tell(NEW.slug,
        CASE WHEN revoked_at IS NULL THEN 'granted' ELSE 'revoked' END, NULL, reader,
        '{{}}')
    FROM (SELECT * FROM aviso.readers WHERE feed = NEW.slug ORDER BY id) AS early
    WHERE NOT aviso.is_reader_told(NEW.slug, reader,
        CASE WHEN revoked_at IS NULL THEN 'granted' ELSE 'revoked' END);
    PERFORM aviso.tell(NEW.slug, 'created', id::text, NULL, said)
    FROM (SELECT id,
            aviso.record_data(id, version, created_at, updated_at, data) AS said
        FROM aviso.records WHERE feed = NEW.slug ORDER BY number) AS early
    WHERE NOT aviso.is_told(NEW.slug, id::text, said);
    RETURN NULL;
END $$;

CREATE FUNCTION aviso.record_arrived() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    last record;
    said text;
    is_moved boolean := false;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        is_moved := NEW.id <> OLD.id OR NEW.feed <> OLD.feed;
        IF NOT is_moved AND NEW.version = OLD.version AND NEW.data::text = OLD.data::text
        THEN
            RETURN NULL;
        END IF;
    END IF;
    IF (TG_OP = 'DELETE' OR is_moved) AND aviso.has_feed(OLD.feed) THEN
        PERFORM aviso.tell(OLD.feed, 'deleted', OLD.id::text, NULL, aviso.record_data(
            OLD.id, OLD.version + 1, OLD.created_at, clock_timestamp(), OLD.data));
    END IF;
    IF TG_OP = 'DELETE' OR NOT aviso.has_feed(NEW.feed) THEN
        RETURN NULL;
    END IF;
    said := aviso.record_data(
        NEW.id, NEW.version, NEW.created_at, NEW.updated_at, NEW.data);
    SELECT * INTO last FROM aviso.last_event(NEW.feed, NEW.id::text);
    IF last.type = 'deleted' OR last.type IS NULL AND (TG_OP = 'INSERT' OR is_moved) THEN
        PERFORM aviso.tell(NEW.feed, 'created', NEW.id::text, NULL, said);
    ELSIF last.data IS DISTINCT FROM said THEN
        PERFORM aviso.tell(NEW.feed, 'updated', NEW.id::text, NULL, said);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION aviso.reader_arrived() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stands text;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        IF OLD.revoked_at IS NULL AND (TG_OP = 'DELETE' OR NEW.feed <> OLD.feed
            OR NEW.reader <> OLD.reader) AND aviso.has_feed(OLD.feed)
        THEN
            PERFORM aviso.tell(OLD.feed, 'revoked', NULL, OLD.reader, '{{}}');
        END IF;
    END IF;
    IF TG_OP = 'DELETE' OR NOT aviso.has_feed(NEW.feed) THEN
        RETURN NULL;
    END IF;
    stands := CASE WHEN NEW.revoked_at IS NULL THEN 'granted' ELSE 'revoked' END;
    IF NOT aviso.is_reader_told(NEW.feed, NEW.reader, stands) THEN
        PERFORM aviso.tell(NEW.feed, stands, NULL, NEW.reader, '{{}}');
    END IF;
    IF NEW.expires_at IS NOT NULL THEN
        PERFORM aviso.look_at(NEW.feed);
    END IF;
    RETURN NULL;
END $$;
{telling_function("records_truncate_arriving", DELETED)}
{telling_function("readers_truncate_arriving", REVOKED)}
"""

HERE = "aviso.tells_arrivals()"
TRIGGERS = f"""
CREATE TRIGGER feeds_arriving BEFORE INSERT OR UPDATE ON aviso.feeds
    FOR EACH ROW WHEN ({HERE}) EXECUTE FUNCTION aviso.feed_arriving();
CREATE TRIGGER feeds_arrived AFTER INSERT ON aviso.feeds
    FOR EACH ROW WHEN ({HERE}) EXECUTE FUNCTION aviso.feed_inserted();
CREATE TRIGGER feeds_early AFTER INSERT ON aviso.feeds
    FOR EACH ROW EXECUTE FUNCTION aviso.tell_early();
CREATE TRIGGER feeds_early_arrived AFTER INSERT ON aviso.feeds
    FOR EACH ROW WHEN ({HERE}) EXECUTE FUNCTION aviso.tell_early();
CREATE TRIGGER feeds_update_arrived AFTER UPDATE ON aviso.feeds
    FOR EACH ROW WHEN (
        {HERE} AND (NEW.epoch <> OLD.epoch OR NEW.visibility <> OLD.visibility))
    EXECUTE FUNCTION aviso.feed_updated();
CREATE TRIGGER progress_arriving BEFORE INSERT ON aviso.feed_progress
    FOR EACH ROW WHEN ({HERE}) EXECUTE FUNCTION aviso.progress_restoring();
CREATE TRIGGER records_arriving BEFORE INSERT OR UPDATE ON aviso.records
    FOR EACH ROW WHEN ({HERE}) EXECUTE FUNCTION aviso.record_arriving();
CREATE TRIGGER records_arrived AFTER INSERT OR UPDATE OR DELETE ON aviso.records
    FOR EACH ROW WHEN ({HERE}) EXECUTE FUNCTION aviso.record_arrived();
CREATE TRIGGER records_truncate_arriving BEFORE TRUNCATE ON aviso.records
    FOR EACH STATEMENT WHEN ({HERE})
    EXECUTE FUNCTION aviso.records_truncate_arriving();
CREATE TRIGGER readers_arrived AFTER INSERT OR UPDATE OR DELETE ON aviso.readers
    FOR EACH ROW WHEN ({HERE}) EXECUTE FUNCTION aviso.reader_arrived();
CREATE TRIGGER readers_truncate_arriving BEFORE TRUNCATE ON aviso.readers
    FOR EACH STATEMENT WHEN ({HERE})
    EXECUTE FUNCTION aviso.readers_truncate_arriving();

-- ALTER TABLE … ENABLE TRIGGER ALL, which ends a restore with --disable-triggers, makes
-- ordinary triggers of them all, and these would never fire again.
CREATE FUNCTION aviso.arm_replica_triggers() RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    one record;
    armed integer := 0;
BEGIN
    FOR one IN
        SELECT tgrelid::regclass AS relation, tgname FROM pg_trigger
        WHERE tgrelid IN (SELECT oid FROM pg_class
                WHERE relnamespace = 'aviso'::regnamespace)
            AND tgname ~ '_arriv(ing|ed)$' AND tgenabled <> 'R'
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE REPLICA TRIGGER %I',
            one.relation, one.tgname);
        armed := armed + 1;
    END LOOP;
    RETURN armed;
END $$;
SELECT aviso.arm_replica_triggers();
"""

REVERSE = """
DROP TRIGGER feeds_arriving ON aviso.feeds;
DROP TRIGGER feeds_arrived ON aviso.feeds;
DROP TRIGGER feeds_early ON aviso.feeds;
DROP TRIGGER feeds_early_arrived ON aviso.feeds;
DROP TRIGGER feeds_update_arrived ON aviso.feeds;
DROP TRIGGER progress_arriving ON aviso.feed_progress;
DROP TRIGGER records_arriving ON aviso.records;
DROP TRIGGER records_arrived ON aviso.records;
DROP TRIGGER records_truncate_arriving ON aviso.records;
DROP TRIGGER readers_arrived ON aviso.readers;
DROP TRIGGER readers_truncate_arriving ON aviso.readers;
DROP FUNCTION aviso.is_subscribed, aviso.tells_arrivals, aviso.feed_arriving,
    aviso.record_arriving, aviso.record_arrived, aviso.reader_arrived,
    aviso.records_truncate_arriving, aviso.readers_truncate_arriving,
    aviso.arm_replica_triggers, aviso.has_feed, aviso.tell_early;
"""


class Migration(SharedMigration):
    dependencies = [("aviso", "0006_parked_events")]
    operations = [migrations.RunSQL(FUNCTIONS + TRIGGERS, REVERSE)]
