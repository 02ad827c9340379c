"""`manage.py republish`: have a feed's room offered its events again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction

from aviso.feeds.models import Feed

_LOWER = """
UPDATE aviso.feed_progress SET published = least(published, %(first)s - 1)
WHERE feed = %(feed)s
RETURNING (SELECT sequence FROM aviso.feed_heads WHERE feed = %(feed)s),
    published, pruned
"""


class Command(BaseCommand):
    help = (
        "Offer a feed's events to its room again, from one on, with the ids and"
        " sequences they have. What the room's archive lacks it gets, what it has stays"
        " as it is: for an archive that lost some, and a feed that has nothing new."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("feed")
        parser.add_argument(
            "--from", type=int, required=True, dest="first", metavar="N"
        )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        feed, first = options["feed"], options["first"]
        if first < 1:
            raise CommandError(f"--from {first}, expected 1 or more")
        if not Feed.objects.filter(slug=feed).exists():
            raise CommandError(f"there is no feed {feed}")
        self.stdout.write(f"{lower_progress(feed, first)} events travel again")


@transaction.atomic
def lower_progress(feed: str, first: int) -> int:
    """Have the feed published from `first` on; return how many events that is."""
    with connection.cursor() as cursor:
        cursor.execute(_LOWER, {"feed": feed, "first": first})
        head, published, pruned = cursor.fetchone()
        cursor.execute("SELECT aviso.look_at(%s)", [feed])
    return max(0, int(head) - max(int(published), int(pruned)))
