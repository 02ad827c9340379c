"""`manage.py new_epoch`: say that sequences before now mean nothing."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction

from aviso.feeds.models import Feed

# The table's trigger clears announced_at and wakes the relay.
_RENEW = """
UPDATE aviso.feeds SET epoch = aviso.new_epoch() WHERE slug = ANY(%s)
RETURNING slug, epoch
"""


class Command(BaseCommand):
    help = (
        "Give feeds a new epoch and have them announced again. Needed after a backup"
        " was restored: its sequences may be given a second time, to other events."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("feeds", nargs="*", metavar="FEED")
        parser.add_argument("--all", action="store_true", help="every feed there is")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        for feed, epoch in renew_epochs(
            choose_feeds(options["feeds"], is_all=options["all"])
        ):
            self.stdout.write(f"{feed} {epoch}")


def choose_feeds(named: list[str], *, is_all: bool) -> list[str]:
    """Return the feeds that were asked for; an unknown one is an error."""
    if bool(named) == is_all:
        raise CommandError("name feeds, or say --all")
    known = set(Feed.objects.values_list("slug", flat=True))
    unknown = sorted(set(named) - known)
    if unknown:
        raise CommandError(f"there is no feed {', '.join(unknown)}")
    return sorted(known) if is_all else named


@transaction.atomic
def renew_epochs(feeds: list[str]) -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(_RENEW, [feeds])
        return sorted((str(feed), str(epoch)) for feed, epoch in cursor.fetchall())
