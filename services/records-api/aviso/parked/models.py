"""Parked events: what could not be relayed, kept where a person can see it."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models.functions import Now


class ParkedEvent(models.Model):
    """A message that was put aside, with its cause and what was done about it.

    Written by the active relay alone; a person changes its state through
    `deciding`. `fingerprint` is the SHA-256 of the body: a copy is no second row.
    """

    class State(models.TextChoices):
        PARKED = "parked"
        # The active relay is to publish it; only messages that are no event of ours.
        SENDING = "sending"
        SENT = "sent"
        DROPPED = "dropped"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    feed = models.TextField(null=True)
    event_id = models.UUIDField(null=True)
    sequence = models.BigIntegerField(null=True)
    cause = models.TextField()
    detail = models.TextField()
    parked_by = models.TextField()
    body = models.BinaryField()
    headers = models.JSONField()
    routing_key = models.TextField()
    message_id = models.TextField(null=True)
    content_type = models.TextField(null=True)
    fingerprint = models.TextField(unique=True)
    parked_at = models.DateTimeField(db_default=Now())
    state = models.TextField(choices=State, default=State.PARKED)
    handled_at = models.DateTimeField(null=True)
    handled_by = models.TextField(default="")
    sent_as = models.UUIDField(null=True, help_text="The id of the event sent instead.")

    class Meta:
        db_table = 'aviso"."parked_events'
        ordering = ["-parked_at"]
        indexes = [
            models.Index(
                fields=["handled_at"],
                condition=models.Q(state="sending"),
                name="parked_events_sending",
            ),
            models.Index(fields=["-parked_at"], name="parked_events_parked_at"),
        ]

    def __str__(self) -> str:
        return f"{self.feed or '?'} {self.sequence or '?'} {self.cause}"
