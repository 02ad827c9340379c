"""Feeds, and how far each one has been numbered."""

from __future__ import annotations

from django.db import models

from aviso.database.columns import ClockTimestamp, NewEpoch
from aviso.database.json_values import ExactDecoder, ExactEncoder
from aviso.names.slugs import SLUG_VALIDATOR


class Feed(models.Model):
    """A named, ordered stream of records. Never deleted: its sequence is for ever.

    Triggers make its `feed_progress` row, refuse another slug, and null `announced_at`
    when `epoch` or `visibility` changes, and have the relay look, so that it says so.
    """

    class Visibility(models.TextChoices):
        PUBLIC = "public"
        PRIVATE = "private"

    slug = models.TextField(
        primary_key=True,
        validators=[SLUG_VALIDATOR],
    )
    title = models.TextField(blank=True, default="", db_default="")
    visibility = models.TextField(
        choices=Visibility, default=Visibility.PUBLIC, db_default="public"
    )
    schema = models.JSONField(
        encoder=ExactEncoder,
        decoder=ExactDecoder,
        null=True,
        blank=True,
        help_text="A JSON Schema (2020-12) that each record's data must meet.",
    )
    epoch = models.TextField(db_default=NewEpoch(), editable=False)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    announced_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        db_table = 'aviso"."feeds'
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class FeedHead(models.Model):
    """How far a feed is: a view of what the relay has written down.

    `sequence` is the newest one given, `published` is up to which the room's archive
    has them (a few tenths of a second late), `pruned` up to which events are gone,
    `begun` after which one the present epoch begins.
    """

    feed = models.OneToOneField(
        Feed,
        primary_key=True,
        on_delete=models.PROTECT,
        db_column="feed",
        related_name="head",
    )
    sequence = models.BigIntegerField()
    published = models.BigIntegerField()
    pruned = models.BigIntegerField()
    begun = models.BigIntegerField()

    class Meta:
        db_table = 'aviso"."feed_heads'
        managed = False

    def __str__(self) -> str:
        return f"{self.feed_id}: {self.sequence}"


class FeedProgress(models.Model):
    """Up to where a feed is published and pruned. Lowered, its events travel again."""

    feed = models.OneToOneField(
        Feed,
        primary_key=True,
        on_delete=models.PROTECT,
        db_column="feed",
        related_name="progress",
    )
    published = models.BigIntegerField(default=0, db_default=0)
    pruned = models.BigIntegerField(default=0, db_default=0)
    begun = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        db_table = 'aviso"."feed_progress'

    def __str__(self) -> str:
        return f"{self.feed_id}: {self.published}"
