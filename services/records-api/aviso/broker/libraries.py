"""Whether the relay's library is there: not every project runs one."""

from __future__ import annotations

from importlib.util import find_spec

from django.core.management.base import CommandError


def require_libraries() -> None:
    """Raise CommandError, saying what to install, where it is missing."""
    if find_spec("amqp_client") is None:
        raise CommandError(
            "amqp_client is not installed: pip install 'django-aviso[relay]'"
        )
