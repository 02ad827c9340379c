"""Records."""

from __future__ import annotations

import uuid

from django.contrib.postgres.functions import RandomUUID
from django.db import models

from aviso.database.columns import ClockTimestamp, NextNumber
from aviso.database.json_values import ExactDecoder, ExactEncoder
from aviso.feeds.models import Feed


class Record(models.Model):
    """One JSON object in a feed.

    Triggers (migration 0003) keep `version` and `updated_at`, and write an
    event for each change, whoever makes it. The table's checks are the truth about its
    sizes.
    """

    id = models.UUIDField(
        primary_key=True,
        default=uuid.uuid4,
        db_default=RandomUUID(),
        editable=False,
    )
    # The stable order of insertion: ids are random, times can be equal.
    number = models.BigIntegerField(
        db_default=NextNumber("aviso.records_number_seq"), editable=False
    )
    feed = models.ForeignKey(
        Feed, on_delete=models.PROTECT, db_column="feed", db_index=False
    )
    data = models.JSONField(encoder=ExactEncoder, decoder=ExactDecoder)
    version = models.IntegerField(default=1, db_default=1, editable=False)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    updated_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    class Meta:
        db_table = 'aviso"."records'

    def __str__(self) -> str:
        return f"{self.feed_id}/{self.pk}"


class IdempotencyKey(models.Model):
    """The answer to a write, so that the same write again gets the same answer.

    Stored in the write's own transaction, and never thrown away: a retry may come late.
    """

    scope = models.TextField(help_text="Who sent the key; keys of others are others.")
    key = models.TextField()
    fingerprint = models.TextField(help_text="SHA-256 of all that the write is.")
    answer = models.TextField(
        default="", db_default="", help_text="The body of the first answer."
    )
    location = models.TextField(default="", db_default="")
    etag = models.TextField(default="", db_default="")
    created_at = models.DateTimeField(db_default=ClockTimestamp())

    class Meta:
        db_table = 'aviso"."idempotency_keys'
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "key"], name="idempotency_keys_scope_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.key}"
