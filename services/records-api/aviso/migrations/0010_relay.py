"""What the relay says of itself: one row, written over every few seconds."""

from django.db import migrations, models

from aviso.database.migrating import SharedMigration

TABLE = """
CREATE TABLE aviso.relay (
    is_one boolean PRIMARY KEY DEFAULT true CONSTRAINT relay_is_one CHECK (is_one),
    seen_at timestamptz NOT NULL,
    broker text NOT NULL,
    refusal text
) WITH (fillfactor = 10);
"""


class Migration(SharedMigration):
    dependencies = [("aviso", "0009_source")]

    operations = [
        migrations.RunSQL(TABLE, "DROP TABLE aviso.relay"),
        migrations.CreateModel(
            name="RelayRow",
            fields=[
                ("is_one", models.BooleanField(primary_key=True, serialize=False)),
                ("seen_at", models.DateTimeField()),
                ("broker", models.TextField()),
                ("refusal", models.TextField(null=True)),
            ],
            options={
                "db_table": 'aviso"."relay',
                "managed": False,
                "default_permissions": (),
            },
        ),
    ]
