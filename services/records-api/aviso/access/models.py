"""API keys."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from aviso.names.slugs import SLUG_VALIDATOR


class ApiKey(models.Model):
    """What a program shows to be let in: some actions on some feeds.

    The key itself is not here, only the SHA-256 of its secret: the secret is random and
    long, so a slow hash would protect nothing and cost every request.
    """

    id = models.CharField(primary_key=True, max_length=12, editable=False)
    name = models.CharField(max_length=200, help_text="Who uses it, and for what.")
    secret_sha256 = models.CharField(max_length=64, editable=False)
    all_feeds = models.BooleanField(default=False)
    # Names, and not rows of feeds: a key may create the feed that it is for.
    feeds = ArrayField(
        models.TextField(validators=[SLUG_VALIDATOR]), default=list, blank=True
    )
    may_read = models.BooleanField(default=False)
    may_write = models.BooleanField(default=False)
    may_manage = models.BooleanField(
        default=False,
        help_text="Create feeds and change their title, schema and so on.",
    )
    may_grant = models.BooleanField(
        default=False, help_text="Let readers in and put them out, and make tickets."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, editable=False)
    last_used_at = models.DateTimeField(
        null=True, editable=False, help_text="To the minute."
    )

    class Meta:
        db_table = 'aviso"."api_keys'
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"


class RequestCount(models.Model):
    """What the throttle counts: one row a caller and minute, gone two minutes later."""

    pk = models.CompositePrimaryKey("caller", "minute")
    caller = models.TextField()
    minute = models.BigIntegerField()
    taken = models.BigIntegerField()

    class Meta:
        db_table = 'aviso"."request_counts'

    def __str__(self) -> str:
        return f"{self.caller}: {self.taken}"
