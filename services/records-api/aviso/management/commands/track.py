"""`manage.py track`: make a table a feed, or look at what would be told of it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aviso.capture.limited_statements import TableError
from aviso.capture.tables import Wish, find_unasked, preview, track


class Command(BaseCommand):
    help = "Tell each change of a table's rows as events of a feed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("table", help="such as public.orders")
        parser.add_argument(
            "feed",
            help="a slug; with one {column} in it, a feed for each of its values",
        )
        parser.add_argument(
            "columns", help="comma list of what is told, the key's columns among it"
        )
        parser.add_argument("--where", help="an SQL expression over the row")
        parser.add_argument("--public", action="store_true", help="readable by anyone")
        parser.add_argument(
            "--refuse-truncate",
            action="store_true",
            help="refuse TRUNCATE, which otherwise empties the feed",
        )
        parser.add_argument("--max-feeds", type=int, default=1_000, metavar="N")
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="show what would be told of the first ten rows, and change nothing",
        )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        wish = Wish(
            table=options["table"],
            feed=options["feed"],
            columns=[name.strip() for name in options["columns"].split(",")],
            where=options["where"],
            visibility="public" if options["public"] else "private",
            on_truncate="refuse" if options["refuse_truncate"] else "reset",
            max_feeds=options["max_feeds"],
        )
        try:
            if options["dry_run"]:
                for feed, subject, data in preview(wish):
                    self.stdout.write(f"{feed} {subject or '-'} {data}")
            else:
                track(wish)
                self.stdout.write(f"{wish.table} is told as {wish.feed}")
            for sentence in find_unasked(wish):
                self.stderr.write(self.style.WARNING(f"warning: {sentence}"))
        except TableError as exc:
            raise CommandError(str(exc)) from exc
