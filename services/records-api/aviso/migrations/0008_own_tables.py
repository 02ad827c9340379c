"""Any table as a feed: aviso.track, and what its triggers are made of."""

import re

from django.db import migrations

from aviso.capture.sql_files import read_sql
from aviso.database.migrating import SharedMigration

INSTALL = read_sql(
    "tracked", "feeds", "rows", "reading", "capture", "track", "backfill", "reconcile"
)
_FUNCTIONS = re.findall(r"CREATE FUNCTION (aviso\.\w+)", INSTALL)
REVERSE = """
DO $$ BEGIN
    PERFORM aviso.untrack(relation) FROM aviso.tracked_tables;
END $$;
DROP TRIGGER feeds_reserving ON aviso.feeds;
DROP SCHEMA aviso_rows CASCADE;
DROP VIEW aviso.tracked CASCADE;
DROP TABLE aviso.tracked_feeds, aviso.tracked_tables, aviso.notes, aviso.nested CASCADE;
DROP TYPE aviso.state CASCADE;
""" + "".join(f"DROP FUNCTION IF EXISTS {name};\n" for name in _FUNCTIONS)


class Migration(SharedMigration):
    dependencies = [("aviso", "0007_arriving")]
    operations = [migrations.RunSQL(INSTALL, REVERSE)]
