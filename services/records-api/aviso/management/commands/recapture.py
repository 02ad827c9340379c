"""`manage.py recapture`: tell what was written behind the triggers' back."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from aviso.capture.recapture import BUSY, UNKNOWN, Recapture
from aviso.management.commands.new_epoch import choose_feeds


class Command(BaseCommand):
    help = (
        "Compare feeds with the log of their events, and tell what it does not say:"
        " records and readers that were written, changed or deleted without an event."
        " Writers may go on meanwhile. A second run finds nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("feeds", nargs="*", metavar="FEED")
        parser.add_argument("--all", action="store_true", help="every feed there is")
        parser.add_argument(
            "--dry-run", action="store_true", help="count, and change nothing"
        )
        parser.add_argument(
            "--unknown",
            action="store_true",
            help="tell also the records whose last events may have been pruned",
        )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        feeds = choose_feeds(options["feeds"], is_all=options["all"])
        if not options["dry_run"]:
            with connection.cursor() as cursor:
                cursor.execute("SELECT aviso.arm_replica_triggers()")
        busy = 0
        for feed in feeds:
            recapture = Recapture(
                feed,
                is_dry_run=options["dry_run"],
                tells_unknown=options["unknown"],
                report=self.stderr.write,
            )
            recapture.run()
            found = " ".join(
                f"{kind} {n}" for kind, n in sorted(recapture.counts.items()) if n
            )
            self.stdout.write(f"{feed} {found or 'complete'}")
            if recapture.counts[UNKNOWN]:
                self.stderr.write(
                    f"{feed}: {recapture.counts[UNKNOWN]} records have changed since"
                    " their first events were pruned; whether that was told can't be"
                    " known: --unknown tells them"
                )
            busy += recapture.counts[BUSY]
        if busy:
            raise CommandError(
                f"{busy} were locked by somebody for too long: run it again"
            )
