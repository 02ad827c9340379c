"""`manage.py tracked`: the tables that are feeds, and what is wrong with them."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

from aviso.capture.tables import list_tracked
from aviso.database.hindrance import find_hindrance


class Command(BaseCommand):
    help = (
        "List the tracked tables, one a line, as JSON; say on stderr why nothing is"
        " sent, if that is so."
    )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        for row in list_tracked():
            self.stdout.write(json.dumps(row, default=str))
        if hindrance := find_hindrance():
            self.stderr.write(f"warning: nothing is sent: {hindrance}")
