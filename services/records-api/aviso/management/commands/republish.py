"""`manage.py republish`: have events of a feed travel again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction

from aviso.feeds.models import Feed

_CLEAR = """
UPDATE aviso.events SET published_at = NULL
WHERE feed = %s AND sequence BETWEEN %s AND %s AND published_at IS NOT NULL
"""
_LARGEST_SEQUENCE = 2**63 - 1


class Command(BaseCommand):
    help = (
        "Publish a feed's events again, with the ids and sequences they have. Whoever"
        " has them already drops the copies: for a consumer's queue that was lost."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("feed")
        parser.add_argument(
            "--from", type=int, required=True, dest="first", metavar="N"
        )
        parser.add_argument("--to", type=int, default=_LARGEST_SEQUENCE, dest="last")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        feed, first, last = options["feed"], options["first"], options["last"]
        if not 1 <= first <= last:
            raise CommandError(f"--from {first} --to {last}, expected 1 <= from <= to")
        if not Feed.objects.filter(slug=feed).exists():
            raise CommandError(f"there is no feed {feed}")
        self.stdout.write(f"{clear_marks(feed, first, last)} events travel again")


@transaction.atomic
def clear_marks(feed: str, first: int, last: int) -> int:
    """Clear the marks of `first` to `last`; return how many were cleared."""
    with connection.cursor() as cursor:
        cursor.execute(_CLEAR, [feed, first, last])
        cleared = int(cursor.rowcount)
        cursor.execute("NOTIFY aviso_events")
    return cleared
