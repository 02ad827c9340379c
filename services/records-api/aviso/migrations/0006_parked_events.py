"""What could not be relayed, and what became of it."""

import uuid

import django.db.models.functions.datetime
from django.db import migrations, models

from aviso.database.migrating import SharedMigration


class Migration(SharedMigration):
    dependencies = [("aviso", "0005_access")]

    operations = [
        migrations.CreateModel(
            name="ParkedEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("feed", models.TextField(null=True)),
                ("event_id", models.UUIDField(null=True)),
                ("sequence", models.BigIntegerField(null=True)),
                ("cause", models.TextField()),
                ("detail", models.TextField()),
                ("parked_by", models.TextField()),
                ("body", models.BinaryField()),
                ("headers", models.JSONField()),
                ("routing_key", models.TextField()),
                ("message_id", models.TextField(null=True)),
                ("content_type", models.TextField(null=True)),
                ("fingerprint", models.TextField(unique=True)),
                (
                    "parked_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                (
                    "state",
                    models.TextField(
                        choices=[
                            ("parked", "Parked"),
                            ("sending", "Sending"),
                            ("sent", "Sent"),
                            ("dropped", "Dropped"),
                        ],
                        default="parked",
                    ),
                ),
                ("handled_at", models.DateTimeField(null=True)),
                ("handled_by", models.TextField(default="")),
                (
                    "sent_as",
                    models.UUIDField(
                        help_text="The id of the event sent instead.", null=True
                    ),
                ),
            ],
            options={
                "db_table": 'aviso"."parked_events',
                "ordering": ["-parked_at"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "sending")),
                        fields=["handled_at"],
                        name="parked_events_sending",
                    ),
                    models.Index(fields=["-parked_at"], name="parked_events_parked_at"),
                ],
            },
        ),
    ]
