"""`manage.py untrack`: tell nothing more of a table."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aviso.capture.limited_statements import TableError
from aviso.capture.tables import untrack


class Command(BaseCommand):
    help = "Tell nothing more of a table. Its feed and its events stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("table")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        try:
            untrack(options["table"])
        except TableError as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(f"{options['table']} is not tracked any more")
