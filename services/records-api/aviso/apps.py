from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


class AvisoConfig(AppConfig):
    name = "aviso"
    verbose_name = "Aviso"

    def ready(self) -> None:
        post_migrate.connect(arm_replica_triggers, sender=self)


def arm_replica_triggers(*, using: str, **_: Any) -> None:
    """Make replica's triggers of those that a restore left as ordinary ones."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT to_regprocedure('aviso.arm_replica_triggers()') IS NOT NULL"
        )
        if cursor.fetchone()[0]:
            cursor.execute("SELECT aviso.arm_replica_triggers()")
