"""The schema, and the table feeds, from SQL: SQL writers rely on every default here."""

from typing import Any

import django.core.validators
from django.core.management.base import CommandError
from django.db import migrations, models

import aviso.database.columns
import aviso.database.json_values
from aviso.database.migrating import SharedMigration


def refuse_older_shape(apps: Any, schema_editor: Any) -> None:  # noqa: ARG001 (Django's signature)
    """Raise CommandError where the tables of an Aviso without a schema stand."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('public.feed_heads') IS NOT NULL")
        if cursor.fetchone()[0]:
            raise CommandError(
                "This database was made by an older Aviso, whose data can not be taken"
                " over: start with an empty one (natively remove the folder .run or"
                " what AVISO_RUN_DIR names, in containers the volume of PostgreSQL)"
            )


TABLES = """
-- Whoever may make no schema can be given one; IF NOT EXISTS asks for the right all the same.
DO $$ BEGIN
    IF to_regnamespace('aviso') IS NULL THEN
        CREATE SCHEMA aviso;
    END IF;
END $$;

-- An epoch says that sequences before it mean nothing, so two must not be equal by
-- chance: 36^8 possibilities, from the strong randomness of a version 4 UUID.
CREATE FUNCTION aviso.new_epoch() RETURNS text
LANGUAGE sql VOLATILE AS $$
    SELECT string_agg(
        substr('abcdefghijklmnopqrstuvwxyz0123456789', get_byte(bytes, i) % 36 + 1, 1),
        '')
    FROM (SELECT decode(replace(gen_random_uuid()::text, '-', ''), 'hex') AS bytes) AS random,
         unnest(ARRAY[0, 1, 2, 3, 4, 5, 10, 11]) AS i
$$;

-- The words of a name, in small letters and without the accents that people leave out.
CREATE FUNCTION aviso.words_of(name text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_remove(regexp_split_to_array(
        translate(lower(name), 'áàâäãåéèêëíìîïóòôöõúùûüñç', 'aaaaaaeeeeiiiiooooouuuunc'),
        '[^[:alnum:]]+'), '')
$$;
-- Matches the names in which each of these words begins one; none where there is no word.
CREATE FUNCTION aviso.words_beginning(sought text) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT string_agg(quote_literal(word) || ':*', ' & ')::tsquery
    FROM unnest(aviso.words_of(sought)) AS word
$$;

CREATE TABLE aviso.feeds (
    slug text PRIMARY KEY CONSTRAINT feeds_slug CHECK (slug ~ '^[a-z0-9-]{1,64}$'),
    title text NOT NULL DEFAULT ''
        CONSTRAINT feeds_title CHECK (char_length(title) <= 200),
    visibility text NOT NULL DEFAULT 'public'
        CONSTRAINT feeds_visibility CHECK (visibility IN ('public', 'private')),
    schema jsonb
        CONSTRAINT feeds_schema_size CHECK (octet_length(schema::text) <= 65536),
    epoch text NOT NULL DEFAULT aviso.new_epoch()
        CONSTRAINT feeds_epoch CHECK (epoch ~ '^[a-z0-9]{4,16}$'),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    announced_at timestamptz,
    words tsvector NOT NULL
        GENERATED ALWAYS AS (array_to_tsvector(aviso.words_of(slug || ' ' || title))) STORED
);
-- A list of entries that nobody has sorted in yet would be read through by each search.
CREATE INDEX feeds_words ON aviso.feeds USING gin (words) WITH (fastupdate = off);
CREATE INDEX feeds_unannounced ON aviso.feeds (slug) WHERE announced_at IS NULL;
"""

TRIGGERS = """
CREATE FUNCTION aviso.feed_updating() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.slug <> OLD.slug THEN
        RAISE EXCEPTION 'the slug of feed % can not change to %', OLD.slug, NEW.slug
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.epoch <> OLD.epoch OR NEW.visibility <> OLD.visibility THEN
        NEW.announced_at := NULL;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER feeds_updating BEFORE UPDATE ON aviso.feeds
    FOR EACH ROW EXECUTE FUNCTION aviso.feed_updating();
"""

REVERSE = """
DROP SCHEMA aviso CASCADE;
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
                    decoder=aviso.database.json_values.ExactDecoder,
                    encoder=aviso.database.json_values.ExactEncoder,
                    help_text="A JSON Schema (2020-12) that each record's data must meet.",
                    null=True,
                ),
            ),
            (
                "epoch",
                models.TextField(
                    db_default=aviso.database.columns.NewEpoch(), editable=False
                ),
            ),
            (
                "created_at",
                models.DateTimeField(
                    db_default=aviso.database.columns.ClockTimestamp(), editable=False
                ),
            ),
            ("announced_at", models.DateTimeField(editable=False, null=True)),
        ],
        options={"db_table": 'aviso"."feeds', "ordering": ["slug"]},
    ),
]


class Migration(SharedMigration):
    initial = True
    dependencies = []
    operations = [
        migrations.RunPython(refuse_older_shape, migrations.RunPython.noop),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(TABLES + TRIGGERS, REVERSE)],
            state_operations=STATE,
        ),
    ]
