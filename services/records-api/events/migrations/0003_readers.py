"""Events of readers: about somebody instead of a record."""

from django.db import migrations, models

CHANGE = """
ALTER TABLE events
    ADD COLUMN reader text,
    ALTER COLUMN subject DROP NOT NULL,
    ALTER COLUMN record_version DROP NOT NULL,
    ALTER COLUMN record_data DROP NOT NULL,
    ALTER COLUMN record_created_at DROP NOT NULL,
    ALTER COLUMN record_updated_at DROP NOT NULL,
    DROP CONSTRAINT events_type,
    ADD CONSTRAINT events_type CHECK (
        type IN ('created', 'updated', 'deleted', 'granted', 'revoked')),
    ADD CONSTRAINT events_about CHECK (
        CASE WHEN type IN ('granted', 'revoked')
        THEN reader IS NOT NULL AND 0 = num_nonnulls(
            subject, record_version, record_data, record_created_at, record_updated_at)
        ELSE reader IS NULL AND 0 = num_nulls(
            subject, record_version, record_data, record_created_at, record_updated_at)
        END);
"""

# Fails while there are events of readers: without them sequences would have holes.
REVERSE = """
ALTER TABLE events
    DROP CONSTRAINT events_about,
    DROP CONSTRAINT events_type,
    ADD CONSTRAINT events_type CHECK (type IN ('created', 'updated', 'deleted')),
    ALTER COLUMN subject SET NOT NULL,
    ALTER COLUMN record_version SET NOT NULL,
    ALTER COLUMN record_data SET NOT NULL,
    ALTER COLUMN record_created_at SET NOT NULL,
    ALTER COLUMN record_updated_at SET NOT NULL,
    DROP COLUMN reader;
"""

STATE = [
    migrations.AddField(
        "event",
        "reader",
        models.TextField(null=True, help_text="Whom it is about: a bare JID."),
    ),
    migrations.AlterField(
        "event",
        "type",
        models.TextField(
            choices=[
                ("created", "Created"),
                ("updated", "Updated"),
                ("deleted", "Deleted"),
                ("granted", "Granted"),
                ("revoked", "Revoked"),
            ]
        ),
    ),
    migrations.AlterField(
        "event", "subject", models.UUIDField(help_text="The record's id.", null=True)
    ),
    migrations.AlterField("event", "record_version", models.IntegerField(null=True)),
    migrations.AlterField("event", "record_data", models.JSONField(null=True)),
    migrations.AlterField(
        "event", "record_created_at", models.DateTimeField(null=True)
    ),
    migrations.AlterField(
        "event", "record_updated_at", models.DateTimeField(null=True)
    ),
]


class Migration(migrations.Migration):
    dependencies = [("events", "0002_outbox")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(CHANGE, REVERSE)],
            state_operations=STATE,
        )
    ]
