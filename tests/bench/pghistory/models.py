"""pgbench's accounts, as a Django project would name them and keep their history."""

from __future__ import annotations

import pghistory
from django.db import models


@pghistory.track(pghistory.UpdateEvent())
class Account(models.Model):
    """The table is pgbench's."""

    aid = models.IntegerField(primary_key=True)
    bid = models.IntegerField(null=True)
    abalance = models.IntegerField(null=True)
    filler = models.CharField(max_length=84, null=True)

    class Meta:
        app_label = "pghistory_bench"
        db_table = "pgbench_accounts"
        managed = False
