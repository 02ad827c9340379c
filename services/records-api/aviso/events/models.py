"""Events: what the triggers write and the relay moves."""

from __future__ import annotations

import uuid

from django.contrib.postgres.functions import RandomUUID
from django.db import models

from aviso.database.columns import ClockTimestamp
from aviso.feeds.models import Feed


class Event(models.Model):
    """The fact that a record changed, or that a reader was let in or put out.

    Written by the triggers on `records` and `readers` (their migrations 0001) alone. It
    is about a record, with what that was, or about a reader. `sequence` is null
    until the relay has numbered the event, `published_at` until the broker has
    confirmed it: the rows where it is null are the outbox. The epoch is the feed's, at
    rendering time.
    """

    class Type(models.TextChoices):
        CREATED = "created"
        UPDATED = "updated"
        DELETED = "deleted"
        GRANTED = "granted"
        REVOKED = "revoked"

    number = models.BigAutoField(primary_key=True)
    id = models.UUIDField(default=uuid.uuid4, db_default=RandomUUID(), unique=True)
    # No constraint in the database: the record's or reader's own key has proven that
    # the feed is there, and a second proof would cost each write a second lock.
    feed = models.ForeignKey(
        Feed,
        on_delete=models.PROTECT,
        db_column="feed",
        db_constraint=False,
        db_index=False,
    )
    type = models.TextField(choices=Type)
    subject = models.UUIDField(null=True, help_text="The record's id.")
    record_version = models.IntegerField(null=True)
    record_data = models.JSONField(null=True)
    record_created_at = models.DateTimeField(null=True)
    record_updated_at = models.DateTimeField(null=True)
    reader = models.TextField(null=True, help_text="Whom it is about: a bare JID.")
    time = models.DateTimeField(db_default=ClockTimestamp())
    traceparent = models.TextField(null=True)
    sequence = models.BigIntegerField(null=True)
    published_at = models.DateTimeField(null=True)

    class Meta:
        db_table = 'aviso"."events'

    def __str__(self) -> str:
        about = self.subject or self.reader
        return f"{self.feed_id} {self.sequence or '-'} {self.type} {about}"


class OutboxEvent(Event):
    """An event that the broker has not confirmed yet, for the admin site."""

    class Meta:
        proxy = True
        verbose_name = "outbox event"
        verbose_name_plural = "outbox"
