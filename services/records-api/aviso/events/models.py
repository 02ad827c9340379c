"""Events: what the triggers write and the relay moves."""

from __future__ import annotations

import uuid

from django.db import models

from aviso.database.columns import ClockTimestamp
from aviso.feeds.models import Feed, FeedHead


class Event(models.Model):
    """A fact: a record changed, a feed was emptied, a reader was let in or put out.

    Written by the triggers on `records` and `readers` alone, once. This is the view
    `event_log` of the table `events`: `changeset` and `place` say where an event stands
    there, `key` is both, for the admin site. `sequence` is its place in its feed, null
    until the relay has numbered it. The epoch is the feed's, at rendering time.
    """

    class Type(models.TextChoices):
        CREATED = "created"
        UPDATED = "updated"
        DELETED = "deleted"
        UNAVAILABLE = "unavailable"
        RESET = "reset"
        GRANTED = "granted"
        REVOKED = "revoked"

    key = models.TextField(primary_key=True)
    changeset = models.BigIntegerField()
    place = models.IntegerField()
    id = models.UUIDField(default=uuid.uuid4)
    feed = models.ForeignKey(
        Feed,
        on_delete=models.PROTECT,
        db_column="feed",
        db_constraint=False,
        db_index=False,
    )
    type = models.TextField(choices=Type)
    subject = models.TextField(null=True, help_text="The record's key.")
    reader = models.TextField(null=True, help_text="Whom it is about: a bare JID.")
    data = models.TextField()
    time = models.DateTimeField()
    traceparent = models.TextField(null=True)
    sequence = models.BigIntegerField(null=True)

    class Meta:
        db_table = 'aviso"."event_log'
        managed = False
        unique_together = [("changeset", "place")]

    def __str__(self) -> str:
        about = self.subject or self.reader or "-"
        return f"{self.feed_id} {self.sequence or '-'} {self.type} {about}"


class LoggedEvent(models.Model):
    """An event in the table `events`, as the triggers write it."""

    pk = models.CompositePrimaryKey("changeset", "place")
    changeset = models.BigIntegerField()
    place = models.IntegerField()
    type = models.TextField(choices=Event.Type)
    time = models.DateTimeField(db_default=ClockTimestamp())
    feed = models.TextField()
    start = models.TextField(db_collation="C")
    subject = models.TextField(null=True)
    reader = models.TextField(null=True)
    data = models.TextField()
    traceparent = models.TextField(null=True)

    class Meta:
        db_table = 'aviso"."events'

    def __str__(self) -> str:
        return f"{self.feed} {self.changeset}-{self.place} {self.type}"


class OutboxFeed(FeedHead):
    """A feed with events that are not archived yet, for the admin site."""

    class Meta:
        proxy = True
        verbose_name = "feed in the outbox"
        verbose_name_plural = "outbox"


class QueuedChangeset(models.Model):
    """What one statement did to one feed, and the relay has not seen yet.

    Size 0: the relay is to look at the feed itself.
    """

    changeset = models.BigIntegerField(primary_key=True)
    xid = models.BigIntegerField()
    feed = models.TextField()
    size = models.IntegerField()

    class Meta:
        db_table = 'aviso"."queue'

    def __str__(self) -> str:
        return f"{self.feed}: {self.size} events of changeset {self.changeset}"


class Place(models.Model):
    """Sequences `first` to `last` of a feed are a changeset's events, in their order.

    Only the relay adds rows, and only pruning takes them away.
    """

    pk = models.CompositePrimaryKey("feed", "first")
    feed = models.TextField()
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    changeset = models.BigIntegerField(unique=True)

    class Meta:
        db_table = 'aviso"."places'

    def __str__(self) -> str:
        return f"{self.feed} {self.first}-{self.last}: changeset {self.changeset}"


class FirstState(models.Model):
    """What it takes to answer the same write again, when its `created` event is pruned.

    Ids that clients make are never used for two records.
    """

    subject = models.TextField(primary_key=True)
    feed = models.TextField()
    version = models.IntegerField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    data_sha256 = models.BinaryField()

    class Meta:
        db_table = 'aviso"."first_states'

    def __str__(self) -> str:
        return f"{self.feed}/{self.subject}"
