"""API keys, and the counts of the throttle."""

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.functions.datetime
from django.db import migrations, models

from aviso.database.migrating import SharedMigration

# The counts of the throttle: one row a caller and minute, gone two minutes later.
TABLE = """
CREATE UNLOGGED TABLE aviso.request_counts (
    caller text NOT NULL,
    minute bigint NOT NULL,
    taken bigint NOT NULL,
    PRIMARY KEY (caller, minute)
);
"""


class Migration(SharedMigration):
    dependencies = [("aviso", "0004_readers")]

    operations = [
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                (
                    "id",
                    models.CharField(
                        editable=False, max_length=12, primary_key=True, serialize=False
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        help_text="Who uses it, and for what.", max_length=200
                    ),
                ),
                ("secret_sha256", models.CharField(editable=False, max_length=64)),
                ("all_feeds", models.BooleanField(default=False)),
                (
                    "feeds",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(
                            validators=[
                                django.core.validators.RegexValidator(
                                    "^[a-z0-9-]{1,64}\\Z",
                                    "A slug is 1 to 64 of the characters a-z, 0-9 and the hyphen.",
                                )
                            ]
                        ),
                        blank=True,
                        default=list,
                        size=None,
                    ),
                ),
                ("may_read", models.BooleanField(default=False)),
                ("may_write", models.BooleanField(default=False)),
                (
                    "may_manage",
                    models.BooleanField(
                        default=False,
                        help_text="Create feeds and change their title, schema and so on.",
                    ),
                ),
                (
                    "may_grant",
                    models.BooleanField(
                        default=False,
                        help_text="Let readers in and put them out, and make tickets.",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        editable=False,
                    ),
                ),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(editable=False, null=True)),
                (
                    "last_used_at",
                    models.DateTimeField(
                        editable=False, help_text="To the minute.", null=True
                    ),
                ),
            ],
            options={
                "verbose_name": "API key",
                "db_table": 'aviso"."api_keys',
            },
        ),
        migrations.RunSQL(
            TABLE,
            "DROP TABLE aviso.request_counts",
            state_operations=[
                migrations.CreateModel(
                    name="RequestCount",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "caller",
                                "minute",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("caller", models.TextField()),
                        ("minute", models.BigIntegerField()),
                        ("taken", models.BigIntegerField()),
                    ],
                    options={"db_table": 'aviso"."request_counts'},
                )
            ],
        ),
    ]
