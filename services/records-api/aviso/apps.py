from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.db import connections
from django.db.models.signals import post_migrate

from aviso.conf import conf


class AvisoConfig(AppConfig):
    name = "aviso"
    verbose_name = "Aviso"
    # Whatever the project's is: the tables are made by our migrations alone.
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # They know the models, which are there by now.
        from aviso.checks import check_database
        from aviso.tracking.autodetector import follow_our_migrations
        from aviso.tracking.checks import check_drift, check_models

        conf.check()
        checks.register(check_database)
        checks.register(check_models)
        checks.register(check_drift, checks.Tags.database)
        follow_our_migrations()
        post_migrate.connect(arm_replica_triggers, sender=self)


def arm_replica_triggers(*, using: str, **_: Any) -> None:
    """Make replica's triggers of those that a restore left as ordinary ones."""
    if connections[using].vendor != "postgresql":
        return
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT to_regprocedure('aviso.arm_replica_triggers()') IS NOT NULL"
        )
        if cursor.fetchone()[0]:
            cursor.execute("SELECT aviso.arm_replica_triggers()")
