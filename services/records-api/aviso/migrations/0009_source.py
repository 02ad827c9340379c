"""What tells this database from every other, wherever it is moved to.

Made by whoever asks first, and not here: a database that gets its tables by migrations
and its rows by replication has the other one's.
"""

from django.db import migrations, models

from aviso.database.migrating import SharedMigration

TABLE = """
CREATE TABLE aviso.source (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    is_one boolean NOT NULL DEFAULT true CONSTRAINT source_is_one CHECK (is_one),
    CONSTRAINT source_one UNIQUE (is_one)
);
"""


class Migration(SharedMigration):
    dependencies = [("aviso", "0008_own_tables")]

    operations = [
        migrations.RunSQL(TABLE, "DROP TABLE aviso.source"),
        migrations.CreateModel(
            name="SourceRow",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("is_one", models.BooleanField(unique=True)),
            ],
            options={
                "db_table": 'aviso"."source',
                "managed": False,
                "default_permissions": (),
            },
        ),
    ]
