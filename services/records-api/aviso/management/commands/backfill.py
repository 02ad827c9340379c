"""`manage.py backfill`: tell the rows that a tracked table had before."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aviso.capture.backfilling import backfill
from aviso.capture.limited_statements import TableError

_REPORT_EVERY = 100_000


class Command(BaseCommand):
    help = (
        "Tell the rows of a tracked table whose last word in the log is not what the"
        " table says. Writers go on meanwhile; ended, it goes on where it was."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("table")
        parser.add_argument("--rate", type=int, help="the most rows a second")
        parser.add_argument(
            "--start-over", action="store_true", help="begin at the first key again"
        )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        reported = 0

        def report(looked_at: int, told: int) -> None:
            nonlocal reported
            if looked_at // _REPORT_EVERY > reported:
                reported = looked_at // _REPORT_EVERY
                self.stderr.write(f"looked at {looked_at}, told {told}")

        rate = options["rate"]
        if rate is not None and rate < 1:
            raise CommandError(f"--rate is {rate}, expected 1 or more")
        try:
            told = backfill(
                options["table"],
                rate=rate,
                starts_over=options["start_over"],
                report=report,
            )
        except TableError as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(f"told {told}")
