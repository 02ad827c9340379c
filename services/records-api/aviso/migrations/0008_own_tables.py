"""Any table as a feed: aviso.track, and what its triggers are made of."""

from django.db import migrations

from aviso.capture.sql_files import read_sql
from aviso.database.migrating import SharedMigration

INSTALL = read_sql(
    "tracked", "feeds", "rows", "reading", "capture", "track", "backfill", "reconcile"
)
REVERSE = """
DO $$ BEGIN
    PERFORM aviso.untrack(relation) FROM aviso.tracked_tables;
END $$;
DROP SCHEMA aviso_rows CASCADE;
"""


class Migration(SharedMigration):
    dependencies = [("aviso", "0007_arriving")]
    operations = [migrations.RunSQL(INSTALL, REVERSE)]
