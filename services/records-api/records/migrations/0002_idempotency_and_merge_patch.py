"""Idempotency keys, and JSON Merge Patch as a function of the database."""

from django.db import migrations, models

import records_api.columns

# RFC 7396, section 2. In the database, so that a patch is one statement.
MERGE_PATCH = """
CREATE FUNCTION aviso_merge_patch(target jsonb, patch jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    merged jsonb := CASE WHEN jsonb_typeof(target) = 'object' THEN target ELSE '{}' END;
    name text;
    value jsonb;
BEGIN
    IF jsonb_typeof(patch) <> 'object' THEN
        RETURN patch;
    END IF;
    FOR name, value IN SELECT * FROM jsonb_each(patch) LOOP
        IF jsonb_typeof(value) = 'null' THEN
            merged := merged - name;
        ELSE
            merged := merged || jsonb_build_object(
                name, aviso_merge_patch(merged -> name, value));
        END IF;
    END LOOP;
    RETURN merged;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("records", "0001_records")]
    operations = [
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "scope",
                    models.TextField(
                        help_text="Who sent the key; keys of others are others."
                    ),
                ),
                ("key", models.TextField()),
                (
                    "fingerprint",
                    models.TextField(help_text="SHA-256 of the feed and the body."),
                ),
                (
                    "answer",
                    models.TextField(
                        default="", help_text="The body of the first answer."
                    ),
                ),
                ("location", models.TextField(default="")),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=records_api.columns.ClockTimestamp()
                    ),
                ),
            ],
            options={
                "db_table": "idempotency_keys",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("scope", "key"), name="idempotency_keys_scope_key"
                    )
                ],
            },
        ),
        migrations.RunSQL(MERGE_PATCH, "DROP FUNCTION aviso_merge_patch"),
    ]
