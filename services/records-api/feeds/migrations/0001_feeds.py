"""The tables feeds and feed_heads, from SQL: SQL writers rely on every default here."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import records_api.columns

TABLES = """
-- An epoch says that sequences before it mean nothing, so two must not be equal by
-- chance: 36^8 possibilities, from the strong randomness of a version 4 UUID.
CREATE FUNCTION aviso_new_epoch() RETURNS text
LANGUAGE sql VOLATILE AS $$
    SELECT string_agg(
        substr('abcdefghijklmnopqrstuvwxyz0123456789', get_byte(bytes, i) % 36 + 1, 1),
        '')
    FROM (SELECT decode(replace(gen_random_uuid()::text, '-', ''), 'hex') AS bytes) AS random,
         unnest(ARRAY[0, 1, 2, 3, 4, 5, 10, 11]) AS i
$$;

CREATE TABLE feeds (
    slug text PRIMARY KEY CONSTRAINT feeds_slug CHECK (slug ~ '^[a-z0-9-]{1,64}$'),
    title text NOT NULL DEFAULT ''
        CONSTRAINT feeds_title CHECK (char_length(title) <= 200),
    visibility text NOT NULL DEFAULT 'public'
        CONSTRAINT feeds_visibility CHECK (visibility IN ('public', 'private')),
    schema jsonb
        CONSTRAINT feeds_schema_size CHECK (octet_length(schema::text) <= 65536),
    epoch text NOT NULL DEFAULT aviso_new_epoch()
        CONSTRAINT feeds_epoch CHECK (epoch ~ '^[a-z0-9]{4,16}$'),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    announced_at timestamptz
);
CREATE INDEX feeds_unannounced ON feeds (slug) WHERE announced_at IS NULL;

CREATE TABLE feed_heads (
    feed text PRIMARY KEY REFERENCES feeds (slug),
    sequence bigint NOT NULL DEFAULT 0
        CONSTRAINT feed_heads_sequence CHECK (sequence >= 0)
) WITH (fillfactor = 50);
"""

TRIGGERS = """
CREATE FUNCTION aviso_feed_inserted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO feed_heads (feed) VALUES (NEW.slug);
    PERFORM pg_notify('aviso_events', '');
    RETURN NULL;
END $$;

CREATE FUNCTION aviso_feed_updating() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.slug <> OLD.slug THEN
        RAISE EXCEPTION 'the slug of feed % can not change to %', OLD.slug, NEW.slug
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.epoch <> OLD.epoch OR NEW.visibility <> OLD.visibility THEN
        NEW.announced_at := NULL;
        PERFORM pg_notify('aviso_events', '');
    END IF;
    RETURN NEW;
END $$;

-- A function with its owner's rights must not look into a schema that its caller chose.
DO $$ BEGIN
    EXECUTE format(
        'ALTER FUNCTION aviso_feed_inserted() SET search_path = %I, pg_temp',
        current_schema());
END $$;

CREATE TRIGGER feeds_inserted AFTER INSERT ON feeds
    FOR EACH ROW EXECUTE FUNCTION aviso_feed_inserted();
CREATE TRIGGER feeds_updating BEFORE UPDATE ON feeds
    FOR EACH ROW EXECUTE FUNCTION aviso_feed_updating();
"""

REVERSE = """
DROP TABLE feed_heads, feeds;
DROP FUNCTION aviso_feed_inserted, aviso_feed_updating, aviso_new_epoch;
"""

STATE = [
    migrations.CreateModel(
        name="Feed",
        fields=[
            (
                "slug",
                models.TextField(
                    primary_key=True,
                    serialize=False,
                    validators=[
                        django.core.validators.RegexValidator(
                            "^[a-z0-9-]{1,64}\\Z",
                            "A slug is 1 to 64 of the characters a-z, 0-9 and the hyphen.",
                        )
                    ],
                ),
            ),
            ("title", models.TextField(blank=True, db_default="", default="")),
            (
                "visibility",
                models.TextField(
                    choices=[("public", "Public"), ("private", "Private")],
                    db_default="public",
                    default="public",
                ),
            ),
            (
                "schema",
                models.JSONField(
                    blank=True,
                    help_text="A JSON Schema (2020-12) that each record's data must meet.",
                    null=True,
                ),
            ),
            (
                "epoch",
                models.TextField(
                    db_default=records_api.columns.NewEpoch(), editable=False
                ),
            ),
            (
                "created_at",
                models.DateTimeField(
                    db_default=records_api.columns.ClockTimestamp(), editable=False
                ),
            ),
            ("announced_at", models.DateTimeField(editable=False, null=True)),
        ],
        options={"db_table": "feeds", "ordering": ["slug"]},
    ),
    migrations.CreateModel(
        name="FeedHead",
        fields=[
            (
                "feed",
                models.OneToOneField(
                    db_column="feed",
                    on_delete=django.db.models.deletion.PROTECT,
                    primary_key=True,
                    related_name="head",
                    serialize=False,
                    to="feeds.feed",
                ),
            ),
            ("sequence", models.BigIntegerField(db_default=0, default=0)),
        ],
        options={"db_table": "feed_heads"},
    ),
]


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(TABLES + TRIGGERS, REVERSE)],
            state_operations=STATE,
        )
    ]
