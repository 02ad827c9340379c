"""What is tracked: the catalogue, which SQL alone writes (`sql/tracked.sql`)."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models


class TrackedTable(models.Model):
    """A table that is a feed, or one for each value of a column (the placeholder)."""

    id = models.IntegerField(primary_key=True)
    relation = models.TextField(unique=True, help_text="As PostgreSQL writes it.")
    schema_name = models.TextField()
    table_name = models.TextField()
    feed = models.TextField()
    prefix = models.TextField(null=True)
    suffix = models.TextField(null=True)
    placeholder = models.TextField(null=True)
    columns = ArrayField(models.TextField())
    where = models.TextField(null=True)
    where_columns = ArrayField(models.TextField())
    key = ArrayField(models.TextField())
    types = ArrayField(models.TextField(null=True))
    files = ArrayField(models.BigIntegerField())
    declared = ArrayField(models.TextField())
    leaves = ArrayField(models.TextField())
    visibility = models.TextField()
    on_truncate = models.TextField()
    max_feeds = models.IntegerField()
    tracked_at = models.DateTimeField()
    problem = models.TextField(null=True)
    problem_at = models.DateTimeField(null=True)
    untold = models.BigIntegerField()
    backfilled = models.TextField(null=True)
    backfill_after = ArrayField(models.TextField(), null=True)
    backfill_left = ArrayField(models.TextField())
    backfill_rate = models.IntegerField(null=True)
    backfill_next = models.DateTimeField()
    looked_at = models.BigIntegerField()
    told = models.BigIntegerField()

    class Meta:
        managed = False
        # For people there is the view.
        default_permissions = ()
        db_table = 'aviso"."tracked_tables'

    def __str__(self) -> str:
        return f"{self.relation} as {self.feed}"


class Tracked(models.Model):
    """The view of it that a table's owner sees."""

    id = models.IntegerField(primary_key=True)
    relation = models.TextField()
    schema_name = models.TextField()
    table_name = models.TextField()
    owner = models.TextField(null=True)
    feed = models.TextField()
    columns = ArrayField(models.TextField())
    where = models.TextField(null=True)
    key = ArrayField(models.TextField())
    visibility = models.TextField(help_text="What its feeds are, or `mixed`.")
    visibility_asked = models.TextField()
    on_truncate = models.TextField()
    max_feeds = models.IntegerField()
    feeds = models.BigIntegerField()
    tracked_at = models.DateTimeField()
    problem = models.TextField(null=True)
    problem_at = models.DateTimeField(null=True)
    unavailable = models.BigIntegerField()
    backfilled = models.TextField(null=True)
    backfill_rate = models.IntegerField(null=True)
    looked_at = models.BigIntegerField()
    told = models.BigIntegerField()
    unasked = ArrayField(models.TextField())

    class Meta:
        managed = False
        verbose_name = "tracked table"
        db_table = 'aviso"."tracked'

    def __str__(self) -> str:
        return f"{self.name} as {self.feed}"

    @property
    def name(self) -> str:
        """With its schema, whatever the search path is; not quoted."""
        return f"{self.schema_name}.{self.table_name}"


class TrackedFeed(models.Model):
    """A feed and the table whose it is, or was; of a placeholder, with its value."""

    feed = models.TextField(primary_key=True)
    tracked = models.ForeignKey(
        TrackedTable, models.SET_NULL, null=True, db_column="tracked"
    )
    value = models.TextField(null=True)
    owner = models.TextField()

    class Meta:
        managed = False
        db_table = 'aviso"."tracked_feeds'

    def __str__(self) -> str:
        return self.feed


class Note(models.Model):
    """What a writer left for the relay to do, so as to wait for nobody."""

    id = models.BigIntegerField(primary_key=True)
    tracked = models.IntegerField()
    kind = models.TextField(choices=[(k, k) for k in ("feed", "untold", "backfill")])
    feed = models.TextField(null=True)
    value = models.TextField(null=True)
    size = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = 'aviso"."notes'

    def __str__(self) -> str:
        return f"{self.kind} of table {self.tracked}"


class NestedWrite(models.Model):
    """A table that a statement within another wrote to, and the transaction."""

    pk = models.CompositePrimaryKey("xid", "tracked")
    xid = models.TextField()
    tracked = models.IntegerField()

    class Meta:
        managed = False
        db_table = 'aviso"."nested'

    def __str__(self) -> str:
        return f"{self.tracked} in {self.xid}"
