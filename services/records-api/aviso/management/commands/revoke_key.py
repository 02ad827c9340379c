"""`revoke_key ID`: the key is refused from now on."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aviso.access.keys import revoke_key


class Command(BaseCommand):
    help = "Revoke an API key by its id, the part after `aviso_`; see list_keys."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id")

    def handle(self, **options: Any) -> None:
        if not revoke_key(options["id"]):
            raise CommandError(f"there is no valid key with the id {options['id']!r}")
        self.stdout.write(f"revoked {options['id']}")
