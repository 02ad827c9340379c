"""`manage.py prune_events`: let published events go, once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from aviso.feeds.models import Feed
from aviso.outbox.pruning import BATCH, COUNT, EVERYTHING, PRUNE
from aviso.relay.configuration import MOST_DAYS


class Command(BaseCommand):
    help = (
        "Delete published events that are older than so many days. The newest"
        " of each feed stays, and so does whatever follows an event that is unpublished"
        " or waits for a decision. The relay does the same by itself when"
        " AVISO_EVENT_RETENTION_DAYS is set."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", type=int, required=True, metavar="DAYS")
        parser.add_argument(
            "--dry-run", action="store_true", help="count, and change nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        days, dry_run = options["older_than"], options["dry_run"]
        if not 1 <= days <= MOST_DAYS:
            raise CommandError(f"--older-than {days}, expected 1 to {MOST_DAYS} days")
        total = 0
        for feed in Feed.objects.order_by("slug").values_list("slug", flat=True):
            count = count_old(feed, days) if dry_run else prune_feed(feed, days)
            total += count
            if count:
                self.stdout.write(f"{feed} {count}")
        done = "would be pruned" if dry_run else "pruned"
        self.stdout.write(f"{total} events {done}")


def count_old(feed: str, days: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(COUNT, {"feed": feed, "days": days, "limit": EVERYTHING})
        return int(cursor.fetchone()[0])


def prune_feed(feed: str, days: int) -> int:
    """Prune what a feed may lose, in batches of their own transactions."""
    total = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(PRUNE, {"feed": feed, "days": days, "limit": BATCH})
            count = int(cursor.fetchone()[0])
        total += count
        if count < BATCH:
            return total
