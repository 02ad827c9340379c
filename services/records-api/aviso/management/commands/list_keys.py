"""`list_keys`: one line a key, as JSON; never the key itself."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

from aviso.access.audit import describe_rights
from aviso.access.models import ApiKey


class Command(BaseCommand):
    help = "List the API keys, the newest last, one JSON object a line."
    requires_system_checks = []

    def handle(self, **options: Any) -> None:  # noqa: ARG002 (its signature)
        for key in ApiKey.objects.order_by("created_at"):
            self.stdout.write(json.dumps(_describe(key), default=str))


def _describe(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        **describe_rights(key),
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    }
