"""The log of events, the queue of those without a sequence, their places; and the
triggers that write them: no writer can forget an event.
"""

import uuid

import django.db.models.deletion
from django.db import migrations, models

import aviso.database.columns
from aviso.capture.sql_files import read_sql
from aviso.database.migrating import SharedMigration
from aviso.database.telling import statement, telling, telling_function

# A changeset is what one statement did to one feed: its events have the places 1, 2, …
# in it. Its id is taken after the statement has locked its rows, so that a later change
# of a row always has a later changeset.
TABLES = """
CREATE SEQUENCE aviso.changesets;

-- Whoever tells an event makes them of these, unless it is certain what they are: a check
-- of the table's own, or of its columns' types, is made ready anew by every INSERT.
CREATE DOMAIN aviso.event_type AS text CONSTRAINT events_type CHECK (
    VALUE IN ('created', 'updated', 'deleted', 'unavailable', 'reset', 'granted', 'revoked'));
CREATE DOMAIN aviso.event_subject AS text CONSTRAINT events_subject CHECK (
    char_length(VALUE) BETWEEN 1 AND 1024);

-- One insert, and never an update. The data is the event's own, ready to travel: nothing
-- parses it again, and nothing here knows what table it comes from. It is about a record,
-- about somebody, or about all that a feed has (aviso.tell).
CREATE TABLE aviso.events (
    changeset bigint NOT NULL,
    place integer NOT NULL,
    type text NOT NULL,
    time timestamptz NOT NULL DEFAULT clock_timestamp(),
    feed text NOT NULL,
    -- What the index has of the subject: its beginning, 2,400 bytes at most of the 2,704
    -- that an index takes. A column, for an expression is planned anew by every INSERT; and
    -- not null, '' without a subject, so that no INSERT forgets it. Its order is nobody's:
    -- bytes are compared quicker than a language's words.
    start text COLLATE "C" NOT NULL,
    subject text,
    reader text,
    data text NOT NULL,
    traceparent text,
    PRIMARY KEY (changeset, place)
);
-- What was said of a record, and whether an id that a client made has been used before.
CREATE INDEX events_subject ON aviso.events (start, feed, changeset, place);
-- Behind which a feed's rows begin anew, how many could not be told, and what was said
-- last of a reader. One for all of them: each index costs every event, also one that is
-- not in it.
CREATE INDEX events_others ON aviso.events (feed, reader, type, changeset, place)
    WHERE type IN ('unavailable', 'reset', 'granted', 'revoked');

-- What the relay has not seen: changesets without a sequence, and with size 0 feeds at
-- which it is to look again (their opening, their progress, the end of a grant).
-- The transaction's id is what lets it find new rows without reading through dead ones.
CREATE TABLE aviso.queue (
    changeset bigint PRIMARY KEY,
    xid bigint NOT NULL DEFAULT txid_current(),
    feed text NOT NULL,
    size integer NOT NULL
);
CREATE INDEX queue_xid ON aviso.queue (xid);

-- The event of a feed with the sequence s, first <= s <= last, stands in the log at
-- (changeset, s - first + 1). Rows are added at a feed's end and never changed: a feed's
-- head is its last row, found at once however many dead rows there are elsewhere.
CREATE TABLE aviso.places (
    feed text NOT NULL,
    first bigint NOT NULL CONSTRAINT places_first CHECK (first >= 1),
    last bigint NOT NULL,
    changeset bigint NOT NULL CONSTRAINT places_changeset UNIQUE,
    PRIMARY KEY (feed, first),
    CONSTRAINT places_last CHECK (last >= first)
);

-- Up to which sequence the room's archive has a feed's events, as the pusher reported,
-- and pruning deleted them; and after which one the present epoch begins.
CREATE TABLE aviso.feed_progress (
    feed text PRIMARY KEY REFERENCES aviso.feeds (slug),
    published bigint NOT NULL DEFAULT 0
        CONSTRAINT feed_progress_published CHECK (published >= 0),
    pruned bigint NOT NULL DEFAULT 0
        CONSTRAINT feed_progress_pruned CHECK (pruned >= 0),
    begun bigint NOT NULL DEFAULT 0
        CONSTRAINT feed_progress_begun CHECK (begun >= 0)
) WITH (fillfactor = 50);

CREATE VIEW aviso.feed_heads AS
SELECT feed,
    coalesce((SELECT last FROM aviso.places WHERE places.feed = feed_progress.feed
        ORDER BY first DESC LIMIT 1), 0) AS sequence,
    published, pruned, begun
FROM aviso.feed_progress;

-- The id of an event, a UUID of version 8: of the time, for a log that was restored gives
-- the same changesets again, and of where it stands. It is in no column, since to make one
-- costs a writer a tenth of all that is done for him.
CREATE FUNCTION aviso.event_id(changeset bigint, place integer, "time" timestamptz)
RETURNS uuid
LANGUAGE sql STABLE AS $$
    SELECT (to_hex(x'1000000000008000'::bigint + (place & 4095)
            + (date_part('epoch', "time") * 10000)::bigint * 65536)
        || to_hex(x'8000000000000000'::bigint | ((place >> 12)::bigint << 40) | changeset))::uuid
$$;

-- The log for people: with each event's sequence, null until it has one.
CREATE VIEW aviso.event_log AS
SELECT changeset || '-' || place AS key, changeset, place,
    aviso.event_id(changeset, place, time) AS id, feed, type, subject, reader,
    data, time, traceparent,
    (SELECT first + events.place - 1 FROM aviso.places
        WHERE places.changeset = events.changeset) AS sequence
FROM aviso.events;

-- The answer to the same write again, whatever became of the record and its events: ids
-- that clients make are never used for two records. The data itself is what the client
-- sends again.
CREATE TABLE aviso.first_states (
    subject text PRIMARY KEY,
    feed text NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    data_sha256 bytea NOT NULL
);
"""

# They run with their owner's rights, so that a role which may write records needs no
# right on events.
FUNCTIONS = """
-- The W3C trace context that the writer set for its transaction; null if there is none.
-- Called behind other owners' functions: nothing in it is found by the search path.
CREATE FUNCTION aviso.traceparent() RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT pg_catalog.substring(
        pg_catalog.current_setting('aviso.traceparent', true),
        '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'::pg_catalog.text)
$$;

-- RFC 3339 in UTC, always with six digits of a second.
CREATE FUNCTION aviso.rfc3339(moment timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

CREATE FUNCTION aviso.record_data(
    id uuid, version integer, created_at timestamptz, updated_at timestamptz, data jsonb
) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT '{"id":"' || id || '","version":' || version
        || ',"created_at":"' || aviso.rfc3339(created_at)
        || '","updated_at":"' || aviso.rfc3339(updated_at)
        || '","data":' || data || '}'
$$;

-- Whether a `created` event's data is of a record of ours, and not of another table's row.
CREATE FUNCTION aviso.is_record_data(data text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT data LIKE '{"id":"____________________________________","version":%'
$$;

-- The record of ours that a subject names; null where it can't be one.
CREATE FUNCTION aviso.record_id(subject text) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN subject ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
        THEN subject::uuid END
$$;

-- The newest event of a record in a feed; no row if the log has none, or none since the
-- feed was emptied. Rows are compared by all that the index has, and sorted so: else
-- PostgreSQL may rather go through the log from its end on, where a few records have most
-- of the events. The subject itself stands in a CASE, of which PostgreSQL can't guess that
-- it leaves next to nothing: else it may rather sort all that was said of the record.
CREATE FUNCTION aviso.last_event(feed text, subject text)
RETURNS TABLE (changeset bigint, place integer, type text, data text)
LANGUAGE sql STABLE AS $$
    SELECT changeset, place, type, data FROM (
        SELECT e.type, e.data, e.changeset, e.place FROM aviso.events e
        WHERE (e.start, e.feed) >= (left(last_event.subject, 600), last_event.feed)
            AND (e.start, e.feed) <= (left(last_event.subject, 600), last_event.feed)
            AND CASE WHEN e.subject = last_event.subject THEN true END
        ORDER BY e.start DESC, e.feed DESC, e.changeset DESC, e.place DESC LIMIT 1
    ) AS last
    WHERE NOT EXISTS (
        SELECT FROM aviso.events r
        WHERE r.type = 'reset' AND r.feed = last_event.feed AND r.reader IS NULL
            AND (r.changeset, r.place) > (last.changeset, last.place))
$$;

-- Whether the log's last word on a record is just this. An older snapshot than the
-- statement's own does not know the last word.
CREATE FUNCTION aviso.is_told(feed text, subject text, data text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT current_setting('transaction_isolation') = 'read committed' AND EXISTS (
        SELECT FROM aviso.last_event(is_told.feed, is_told.subject) AS last
        WHERE last.type <> 'deleted' AND last.data = is_told.data)
$$;

-- Have the relay look at a feed again, after everything that was told of it before.
CREATE FUNCTION aviso.look_at(feed text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO aviso.queue (changeset, feed, size)
    VALUES (nextval('aviso.changesets'), look_at.feed, 0);
    PERFORM aviso.wake_relay();
END $$;

-- Tell a single event, as a changeset of its own; return its id.
CREATE FUNCTION aviso.tell(
    feed text, type text, subject text, reader text, data text
) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    made bigint := nextval('aviso.changesets');
    told uuid;
BEGIN
    IF (CASE WHEN type IN ('granted', 'revoked') THEN reader IS NULL OR subject IS NOT NULL
        ELSE reader IS NOT NULL OR CASE type WHEN 'unavailable' THEN false
            WHEN 'reset' THEN subject IS NOT NULL ELSE subject IS NULL END END)
    THEN
        RAISE EXCEPTION 'a % event is not about subject % and reader %', type,
            coalesce(subject, '(none)'), coalesce(reader, '(none)')
            USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO aviso.queue (changeset, feed, size) VALUES (made, tell.feed, 1);
    INSERT INTO aviso.events (changeset, place, feed, type, start, subject, reader, data)
    VALUES (made, 1, tell.feed, tell.type::aviso.event_type,
        coalesce(left(tell.subject, 600), ''), tell.subject::aviso.event_subject,
        tell.reader, tell.data)
    RETURNING aviso.event_id(changeset, place, time) INTO told;
    PERFORM aviso.wake_relay();
    RETURN told;
END $$;
"""


def telling_one(source: str, is_told: str, values: str) -> str:
    """Have a record that was the only one of its statement told without sets.

    `source` selects it into `one`. Where it is not told, and where there are more, the
    statements behind this go on.
    """
    told = statement(f"""
    {source}
    IF one.id IS NOT NULL AND {is_told} THEN
        made := nextval('aviso.changesets');
        INSERT INTO aviso.queue (changeset, feed, size) VALUES (made, one.feed, 1);
        INSERT INTO aviso.events (changeset, place, feed, start, subject, traceparent,
            type, data, time)
        VALUES (made, 1, one.feed, one.id::text, one.id::text, aviso.traceparent(),
            {values});
        """)
    end = statement("""
        RETURN NULL;
    END IF;""")
    return f"{told} || aviso.waking_code() || {end}"


# What a writer makes is younger than his transaction. Anything older was restored or
# brought from elsewhere, and the log may have been restored before it.
CREATED = telling(
    "'created', id::text, NULL,"
    " aviso.record_data(id, version, created_at, updated_at, data), clock_timestamp()",
    "(SELECT * FROM written WHERE updated_at >= transaction_timestamp()"
    " OR NOT aviso.is_told(feed, id::text,"
    " aviso.record_data(id, version, created_at, updated_at, data))) AS written",
    "number",
)
CREATED_ONE = telling_one(
    "SELECT * INTO one FROM written WHERE NOT EXISTS (SELECT FROM written OFFSET 1);",
    "one.updated_at >= transaction_timestamp()",
    "'created', aviso.record_data("
    "one.id, one.version, one.created_at, one.updated_at, one.data), clock_timestamp()",
)
UPDATED = telling(
    "'updated', id::text, NULL,"
    " aviso.record_data(id, written.version, written.created_at, written.updated_at,"
    " written.data), clock_timestamp()",
    "(SELECT written.* FROM written JOIN before USING (id)"
    " WHERE written.version <> before.version) AS written",
    "number",
)
UPDATED_ONE = telling_one(
    "SELECT w.* INTO one FROM written AS w, before AS b"
    " WHERE w.version <> b.version AND NOT EXISTS (SELECT FROM written OFFSET 1);",
    "true",
    "'updated', aviso.record_data("
    "one.id, one.version, one.created_at, one.updated_at, one.data), clock_timestamp()",
)
DELETED = telling(
    "'deleted', id::text, NULL,"
    " aviso.record_data(id, version + 1, created_at, now, data), now",
    "before",
    "number",
)

DELETED_ONE = telling_one(
    "SELECT * INTO one FROM before WHERE NOT EXISTS (SELECT FROM before OFFSET 1);",
    "true",
    "'deleted',"
    " aviso.record_data(one.id, one.version + 1, one.created_at, now, one.data), now",
)
ONE = "made bigint; one aviso.records;"

TRIGGERS = f"""
CREATE FUNCTION aviso.feed_inserted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO aviso.feed_progress (feed) VALUES (NEW.slug) ON CONFLICT DO NOTHING;
    PERFORM aviso.look_at(NEW.slug);
    RETURN NULL;
END $$;

-- A row that was restored takes the place of the one that its feed had just made.
CREATE FUNCTION aviso.progress_restoring() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM aviso.feed_progress
    WHERE feed = NEW.feed AND published = 0 AND pruned = 0;
    RETURN NEW;
END $$;

-- What is in the archive already stays there under the epoch that is over.
CREATE FUNCTION aviso.feed_updated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.epoch <> OLD.epoch THEN
        UPDATE aviso.feed_progress SET begun = published WHERE feed = NEW.slug;
    END IF;
    PERFORM aviso.look_at(NEW.slug);
    RETURN NULL;
END $$;

CREATE FUNCTION aviso.record_updating() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id <> OLD.id OR NEW.feed <> OLD.feed THEN
        RAISE EXCEPTION 'record % of feed %: id and feed can not change', OLD.id, OLD.feed
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.data IS NOT DISTINCT FROM OLD.data THEN
        -- Not NULL, which would report no row and make Django insert one instead.
        RETURN OLD;
    END IF;
    NEW.number := OLD.number;
    NEW.created_at := OLD.created_at;
    NEW.version := OLD.version + 1;
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END $$;
{telling_function("records_created", CREATED_ONE, CREATED, variables=ONE)}
{telling_function("records_updated", UPDATED_ONE, UPDATED, variables=ONE)}
{telling_function("records_deleted", DELETED_ONE, DELETED, variables=ONE)}
CREATE FUNCTION aviso.records_truncating() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'TRUNCATE of records would leave no events: use DELETE'
        USING ERRCODE = 'feature_not_supported';
END $$;

CREATE TRIGGER progress_restoring BEFORE INSERT ON aviso.feed_progress
    FOR EACH ROW EXECUTE FUNCTION aviso.progress_restoring();
CREATE TRIGGER feeds_inserted AFTER INSERT ON aviso.feeds
    FOR EACH ROW EXECUTE FUNCTION aviso.feed_inserted();
CREATE TRIGGER feeds_updated AFTER UPDATE ON aviso.feeds
    FOR EACH ROW WHEN (NEW.epoch <> OLD.epoch OR NEW.visibility <> OLD.visibility)
    EXECUTE FUNCTION aviso.feed_updated();
CREATE TRIGGER records_updating BEFORE UPDATE ON aviso.records
    FOR EACH ROW EXECUTE FUNCTION aviso.record_updating();
CREATE TRIGGER records_created AFTER INSERT ON aviso.records
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION aviso.records_created();
CREATE TRIGGER records_updated AFTER UPDATE ON aviso.records
    REFERENCING OLD TABLE AS before NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION aviso.records_updated();
CREATE TRIGGER records_deleted AFTER DELETE ON aviso.records
    REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION aviso.records_deleted();
CREATE TRIGGER records_truncating BEFORE TRUNCATE ON aviso.records
    FOR EACH STATEMENT EXECUTE FUNCTION aviso.records_truncating();
"""

REVERSE = """
DROP TRIGGER feeds_inserted ON aviso.feeds;
DROP TRIGGER feeds_updated ON aviso.feeds;
DROP TRIGGER records_updating ON aviso.records;
DROP TRIGGER records_created ON aviso.records;
DROP TRIGGER records_updated ON aviso.records;
DROP TRIGGER records_deleted ON aviso.records;
DROP TRIGGER records_truncating ON aviso.records;
DROP VIEW aviso.feed_heads, aviso.event_log;
DROP TABLE aviso.events, aviso.queue, aviso.places, aviso.feed_progress, aviso.first_states;
DROP SEQUENCE aviso.changesets;
DROP DOMAIN aviso.event_type, aviso.event_subject;
DROP FUNCTION aviso.feed_inserted, aviso.feed_updated, aviso.progress_restoring, aviso.record_updating,
    aviso.records_created, aviso.records_updated, aviso.records_deleted,
    aviso.records_truncating, aviso.traceparent, aviso.rfc3339, aviso.record_data,
    aviso.wake_relay, aviso.look_at, aviso.tell, aviso.is_told, aviso.last_event,
    aviso.is_record_data, aviso.record_id, aviso.event_id, aviso.telling, aviso.telling_function,
    aviso.waking_code;
"""

FEED = models.ForeignKey(
    db_column="feed",
    db_constraint=False,
    db_index=False,
    on_delete=django.db.models.deletion.PROTECT,
    to="aviso.feed",
)
FEED_KEY = {
    "db_column": "feed",
    "on_delete": django.db.models.deletion.PROTECT,
    "primary_key": True,
    "serialize": False,
    "to": "aviso.feed",
}

STATE = [
    migrations.CreateModel(
        name="Event",
        fields=[
            ("key", models.TextField(primary_key=True, serialize=False)),
            ("changeset", models.BigIntegerField()),
            ("place", models.IntegerField()),
            ("id", models.UUIDField(default=uuid.uuid4)),
            (
                "type",
                models.TextField(
                    choices=[
                        ("created", "Created"),
                        ("updated", "Updated"),
                        ("deleted", "Deleted"),
                        ("unavailable", "Unavailable"),
                        ("reset", "Reset"),
                        ("granted", "Granted"),
                        ("revoked", "Revoked"),
                    ]
                ),
            ),
            ("subject", models.TextField(help_text="The record's key.", null=True)),
            (
                "reader",
                models.TextField(help_text="Whom it is about: a bare JID.", null=True),
            ),
            ("data", models.TextField()),
            ("time", models.DateTimeField()),
            ("traceparent", models.TextField(null=True)),
            ("sequence", models.BigIntegerField(null=True)),
            ("feed", FEED),
        ],
        options={
            "db_table": 'aviso"."event_log',
            "managed": False,
            "unique_together": {("changeset", "place")},
        },
    ),
    migrations.CreateModel(
        name="LoggedEvent",
        fields=[
            (
                "pk",
                models.CompositePrimaryKey(
                    "changeset",
                    "place",
                    blank=True,
                    editable=False,
                    primary_key=True,
                    serialize=False,
                ),
            ),
            ("changeset", models.BigIntegerField()),
            ("place", models.IntegerField()),
            (
                "type",
                models.TextField(
                    choices=[
                        ("created", "Created"),
                        ("updated", "Updated"),
                        ("deleted", "Deleted"),
                        ("unavailable", "Unavailable"),
                        ("reset", "Reset"),
                        ("granted", "Granted"),
                        ("revoked", "Revoked"),
                    ]
                ),
            ),
            (
                "time",
                models.DateTimeField(
                    db_default=aviso.database.columns.ClockTimestamp()
                ),
            ),
            ("feed", models.TextField()),
            ("start", models.TextField(db_collation="C")),
            ("subject", models.TextField(null=True)),
            ("reader", models.TextField(null=True)),
            ("data", models.TextField()),
            ("traceparent", models.TextField(null=True)),
        ],
        options={"db_table": 'aviso"."events'},
    ),
    migrations.CreateModel(
        name="FeedHead",
        fields=[
            ("feed", models.OneToOneField(related_name="head", **FEED_KEY)),
            ("sequence", models.BigIntegerField()),
            ("published", models.BigIntegerField()),
            ("pruned", models.BigIntegerField()),
            ("begun", models.BigIntegerField()),
        ],
        options={"db_table": 'aviso"."feed_heads', "managed": False},
    ),
    migrations.CreateModel(
        name="OutboxFeed",
        fields=[],
        options={
            "verbose_name": "feed in the outbox",
            "verbose_name_plural": "outbox",
            "proxy": True,
            "indexes": [],
            "constraints": [],
        },
        bases=("aviso.feedhead",),
    ),
    migrations.CreateModel(
        name="FeedProgress",
        fields=[
            ("feed", models.OneToOneField(related_name="progress", **FEED_KEY)),
            ("published", models.BigIntegerField(db_default=0, default=0)),
            ("pruned", models.BigIntegerField(db_default=0, default=0)),
            ("begun", models.BigIntegerField(db_default=0, default=0)),
        ],
        options={"db_table": 'aviso"."feed_progress'},
    ),
    migrations.CreateModel(
        name="QueuedChangeset",
        fields=[
            ("changeset", models.BigIntegerField(primary_key=True, serialize=False)),
            ("xid", models.BigIntegerField()),
            ("feed", models.TextField()),
            ("size", models.IntegerField()),
        ],
        options={"db_table": 'aviso"."queue'},
    ),
    migrations.CreateModel(
        name="Place",
        fields=[
            (
                "pk",
                models.CompositePrimaryKey(
                    "feed",
                    "first",
                    blank=True,
                    editable=False,
                    primary_key=True,
                    serialize=False,
                ),
            ),
            ("feed", models.TextField()),
            ("first", models.BigIntegerField()),
            ("last", models.BigIntegerField()),
            ("changeset", models.BigIntegerField(unique=True)),
        ],
        options={"db_table": 'aviso"."places'},
    ),
    migrations.CreateModel(
        name="FirstState",
        fields=[
            ("subject", models.TextField(primary_key=True, serialize=False)),
            ("feed", models.TextField()),
            ("version", models.IntegerField()),
            ("created_at", models.DateTimeField()),
            ("updated_at", models.DateTimeField()),
            ("data_sha256", models.BinaryField()),
        ],
        options={"db_table": 'aviso"."first_states'},
    ),
]


class Migration(SharedMigration):
    dependencies = [("aviso", "0002_records")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    TABLES + read_sql("telling") + FUNCTIONS + TRIGGERS, REVERSE
                )
            ],
            state_operations=STATE,
        ),
    ]
