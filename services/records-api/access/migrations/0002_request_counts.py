"""The counts of the throttle: one row a caller and minute, gone two minutes later."""

from django.db import migrations

TABLE = """
CREATE UNLOGGED TABLE request_counts (
    caller text NOT NULL,
    minute bigint NOT NULL,
    taken bigint NOT NULL,
    PRIMARY KEY (caller, minute)
);
"""


class Migration(migrations.Migration):
    dependencies = [("access", "0001_api_keys")]
    operations = [migrations.RunSQL(TABLE, "DROP TABLE request_counts")]
