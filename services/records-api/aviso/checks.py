"""What Django's `check` says of a project in which Aviso can't work as it stands."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error
from django.db import DEFAULT_DB_ALIAS, connections


def check_database(**_: Any) -> list[CheckMessage]:
    """Say that Aviso's tables and triggers are PostgreSQL's."""
    default = connections[DEFAULT_DB_ALIAS]
    if default.vendor == "postgresql":
        return []
    engine = default.settings_dict["ENGINE"]
    return [
        Error(
            f"DATABASES['default'] is {engine!r}, and Aviso needs PostgreSQL there.",
            hint="Use the engine django.db.backends.postgresql.",
            obj="aviso",
            id="aviso.E001",
        )
    ]
