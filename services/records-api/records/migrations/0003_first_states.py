"""What is kept of a record's creation when its event is pruned."""

from django.db import migrations

# The answer to the same write again, whatever became of the record: ids that clients
# make are never used for two records. The data itself is what the client sends again.
TABLE = """
CREATE TABLE first_states (
    subject uuid PRIMARY KEY,
    feed text NOT NULL,
    record_version integer NOT NULL,
    record_created_at timestamptz NOT NULL,
    record_updated_at timestamptz NOT NULL,
    data_sha256 bytea NOT NULL
);
"""


class Migration(migrations.Migration):
    dependencies = [("records", "0002_idempotency_and_merge_patch")]
    operations = [migrations.RunSQL(TABLE, "DROP TABLE first_states")]
