"""Any table as a feed: aviso.track, and what its triggers are made of."""

import re

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

from aviso.capture.sql_files import read_sql
from aviso.database.migrating import SharedMigration

INSTALL = read_sql(
    "relations",
    "tracked",
    "feeds",
    "rows",
    "changes",
    "reading",
    "single",
    "capture",
    "track",
    "backfill",
    "reconcile",
)
_FUNCTIONS = re.findall(r"CREATE FUNCTION (aviso\.\w+)", INSTALL)
REVERSE = """
DO $$ BEGIN
    PERFORM aviso.untrack(relation) FROM aviso.tracked_tables;
END $$;
DROP TRIGGER feeds_reserving ON aviso.feeds;
DROP TRIGGER records_reserving ON aviso.records;
DROP SCHEMA aviso_rows CASCADE;
DROP VIEW aviso.tracked CASCADE;
DROP TABLE aviso.tracked_feeds, aviso.tracked_tables, aviso.notes, aviso.nested CASCADE;
DROP TYPE aviso.state, aviso.change CASCADE;
""" + "".join(f"DROP FUNCTION IF EXISTS {name};\n" for name in _FUNCTIONS)

# Who tracks a table of his own may use the schema: he puts no trigger of ours on it but
# those that he is given.
OURS_ALONE = """
DO $$ DECLARE one regprocedure; BEGIN
    FOR one IN SELECT oid FROM pg_proc
        WHERE pronamespace = 'aviso'::regnamespace AND prorettype = 'trigger'::regtype
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', one);
    END LOOP;
END $$;
"""

MODELS = [
    migrations.CreateModel(
        name="TrackedTable",
        fields=[
            ("id", models.IntegerField(primary_key=True, serialize=False)),
            (
                "relation",
                models.TextField(help_text="As PostgreSQL writes it.", unique=True),
            ),
            ("schema_name", models.TextField()),
            ("table_name", models.TextField()),
            ("feed", models.TextField()),
            ("prefix", models.TextField(null=True)),
            ("suffix", models.TextField(null=True)),
            ("placeholder", models.TextField(null=True)),
            (
                "columns",
                django.contrib.postgres.fields.ArrayField(
                    base_field=models.TextField(), size=None
                ),
            ),
            ("where", models.TextField(null=True)),
            (
                "where_columns",
                django.contrib.postgres.fields.ArrayField(
                    base_field=models.TextField(), size=None
                ),
            ),
            (
                "key",
                django.contrib.postgres.fields.ArrayField(
                    base_field=models.TextField(), size=None
                ),
            ),
            (
                "types",
                django.contrib.postgres.fields.ArrayField(
                    base_field=models.TextField(null=True), size=None
                ),
            ),
            (
                "files",
                django.contrib.postgres.fields.ArrayField(
                    base_field=models.BigIntegerField(), size=None
                ),
            ),
            (
                "declared",
                django.contrib.postgres.fields.ArrayField(
                    base_field=models.TextField(), size=None
                ),
            ),
            (
                "leaves",
                django.contrib.postgres.fields.ArrayField(
                    base_field=models.TextField(), size=None
                ),
            ),
            ("visibility", models.TextField()),
            ("on_truncate", models.TextField()),
            ("max_feeds", models.IntegerField()),
            ("tracked_at", models.DateTimeField()),
            ("problem", models.TextField(null=True)),
            ("problem_at", models.DateTimeField(null=True)),
            ("untold", models.BigIntegerField()),
            ("backfilled", models.TextField(null=True)),
            (
                "backfill_after",
                django.contrib.postgres.fields.ArrayField(
                    base_field=models.TextField(), null=True, size=None
                ),
            ),
            (
                "backfill_left",
                django.contrib.postgres.fields.ArrayField(
                    base_field=models.TextField(), size=None
                ),
            ),
            ("backfill_rate", models.IntegerField(null=True)),
            ("backfill_next", models.DateTimeField()),
            ("looked_at", models.BigIntegerField()),
            ("told", models.BigIntegerField()),
        ],
        options={
            "default_permissions": (),
            "db_table": 'aviso"."tracked_tables',
            "managed": False,
        },
    ),
    migrations.CreateModel(
        name="TrackedFeed",
        fields=[
            ("feed", models.TextField(primary_key=True, serialize=False)),
            (
                "tracked",
                models.ForeignKey(
                    db_column="tracked",
                    null=True,
                    on_delete=django.db.models.deletion.SET_NULL,
                    to="aviso.trackedtable",
                ),
            ),
            ("value", models.TextField(null=True)),
            ("owner", models.TextField()),
        ],
        options={
            "db_table": 'aviso"."tracked_feeds',
            "managed": False,
        },
    ),
    migrations.CreateModel(
        name="Tracked",
        fields=[
            ("id", models.IntegerField(primary_key=True, serialize=False)),
            ("relation", models.TextField()),
            ("schema_name", models.TextField()),
            ("table_name", models.TextField()),
            ("owner", models.TextField(null=True)),
            ("feed", models.TextField()),
            (
                "columns",
                django.contrib.postgres.fields.ArrayField(
                    base_field=models.TextField(), size=None
                ),
            ),
            ("where", models.TextField(null=True)),
            (
                "key",
                django.contrib.postgres.fields.ArrayField(
                    base_field=models.TextField(), size=None
                ),
            ),
            (
                "visibility",
                models.TextField(help_text="What its feeds are, or `mixed`."),
            ),
            ("visibility_asked", models.TextField()),
            ("on_truncate", models.TextField()),
            ("max_feeds", models.IntegerField()),
            ("feeds", models.BigIntegerField()),
            ("tracked_at", models.DateTimeField()),
            ("problem", models.TextField(null=True)),
            ("problem_at", models.DateTimeField(null=True)),
            ("unavailable", models.BigIntegerField()),
            ("backfilled", models.TextField(null=True)),
            ("backfill_rate", models.IntegerField(null=True)),
            ("looked_at", models.BigIntegerField()),
            ("told", models.BigIntegerField()),
            (
                "unasked",
                django.contrib.postgres.fields.ArrayField(
                    base_field=models.TextField(), size=None
                ),
            ),
        ],
        options={
            "verbose_name": "tracked table",
            "db_table": 'aviso"."tracked',
            "managed": False,
        },
    ),
    migrations.CreateModel(
        name="Note",
        fields=[
            ("id", models.BigIntegerField(primary_key=True, serialize=False)),
            ("tracked", models.IntegerField()),
            (
                "kind",
                models.TextField(
                    choices=[
                        ("feed", "feed"),
                        ("untold", "untold"),
                        ("backfill", "backfill"),
                    ]
                ),
            ),
            ("feed", models.TextField(null=True)),
            ("value", models.TextField(null=True)),
            ("size", models.BigIntegerField()),
        ],
        options={
            "db_table": 'aviso"."notes',
            "managed": False,
        },
    ),
    migrations.CreateModel(
        name="NestedWrite",
        fields=[
            (
                "pk",
                models.CompositePrimaryKey(
                    "xid",
                    "tracked",
                    blank=True,
                    editable=False,
                    primary_key=True,
                    serialize=False,
                ),
            ),
            ("xid", models.TextField()),
            ("tracked", models.IntegerField()),
        ],
        options={
            "db_table": 'aviso"."nested',
            "managed": False,
        },
    ),
]


class Migration(SharedMigration):
    dependencies = [("aviso", "0007_arriving")]
    operations = [migrations.RunSQL(INSTALL + OURS_ALONE, REVERSE), *MODELS]
