"""Who was let into a feed, and who was put out."""

from __future__ import annotations

from django.db import models

from aviso.database.columns import ClockTimestamp
from aviso.feeds.models import Feed


class Reader(models.Model):
    """An account that may read a private feed; or a ticket holder who no longer may.

    Triggers (migration 0004) write the event of each change, whoever makes it, refuse
    another feed or reader, and turn a DELETE into a revoke: a row stays, and tells that
    somebody was here. `revoked_at` is null while the grant holds; one whose
    `expires_at` has come holds no longer, and the relay writes that down.
    """

    id = models.BigAutoField(primary_key=True)
    feed = models.ForeignKey(
        Feed, on_delete=models.PROTECT, db_column="feed", db_index=False
    )
    reader = models.TextField(help_text="A bare JID: an account, or a ticket's holder.")
    granted_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="Until when; empty: until it is revoked."
    )

    class Meta:
        db_table = 'aviso"."readers'
        constraints = [
            models.UniqueConstraint(
                fields=["feed", "reader"], name="readers_feed_reader"
            )
        ]

    def __str__(self) -> str:
        return f"{self.feed_id}: {self.reader}"
