"""The project's own tables stand in a schema of their own."""

from typing import Any

from django.apps import AppConfig, apps
from django.db import connections
from django.db.models.signals import pre_migrate

from records_api.database import SCHEMA


class PeopleConfig(AppConfig):
    name = "people"

    def ready(self) -> None:
        pre_migrate.connect(make_schema, sender=apps.get_app_config("auth"))


def make_schema(*, using: str, **_: Any) -> None:
    """Make it where it is missing: whoever may make no schema can be given one."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT to_regnamespace(%s) IS NULL", [SCHEMA])
        if cursor.fetchone()[0]:
            cursor.execute(f"CREATE SCHEMA {SCHEMA}")
