"""Which database this is, and what its relay says, as Django knows it."""

from __future__ import annotations

from django.db import models


class SourceRow(models.Model):
    """The one row of `aviso.source`, made by the first relay (`source.py`)."""

    id = models.UUIDField(primary_key=True)
    is_one = models.BooleanField(unique=True)

    class Meta:
        managed = False
        default_permissions = ()
        db_table = 'aviso"."source'

    def __str__(self) -> str:
        return str(self.id)


class RelayRow(models.Model):
    """The one row of `aviso.relay`, which the relay writes over (`standing.py`)."""

    is_one = models.BooleanField(primary_key=True)
    seen_at = models.DateTimeField()
    broker = models.TextField()
    refusal = models.TextField(null=True)

    class Meta:
        managed = False
        default_permissions = ()
        db_table = 'aviso"."relay'

    def __str__(self) -> str:
        return f"seen at {self.seen_at}"
