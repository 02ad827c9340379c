"""`create_key NAME --all-feeds --read --write`: print a new key, and nothing else."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from aviso.access.keys import Rights, create_key, will_do
from aviso.names.slugs import SLUG_VALIDATOR, is_slug

_MAX_DAYS = 3650


class Command(BaseCommand):
    help = "Create an API key and print it: it can't be shown again."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="who uses the key, and for what")
        scope = parser.add_mutually_exclusive_group(required=True)
        scope.add_argument("--feeds", help="comma-separated slugs; they may be new")
        scope.add_argument("--all-feeds", action="store_true")
        parser.add_argument("--read", action="store_true", help="read records")
        parser.add_argument("--write", action="store_true", help="write records")
        parser.add_argument("--manage", action="store_true", help="create feeds")
        parser.add_argument(
            "--grant", action="store_true", help="let readers in, make tickets"
        )
        parser.add_argument(
            "--kept",
            action="store_true",
            help="print the key on standard input instead, if it may do all of this",
        )
        parser.add_argument(
            "--expires-days", type=int, help="it is refused after so many days"
        )

    def handle(self, **options: Any) -> None:
        rights = Rights(
            all_feeds=options["all_feeds"],
            feeds=_read_feeds(options["feeds"]),
            read=options["read"],
            write=options["write"],
            manage=options["manage"],
            grant=options["grant"],
        )
        if not (rights.read or rights.write or rights.manage or rights.grant):
            raise CommandError("a key needs --read, --write, --manage or --grant")
        if options["kept"]:
            kept = sys.stdin.read().strip()
            if will_do(kept, rights):
                self.stdout.write(kept)
                return
            if kept:
                self.stderr.write(
                    "The key that was kept is refused, or may not do all that it"
                    " should: a new one takes its place."
                )
        _, text = create_key(
            name=options["name"],
            rights=rights,
            expires_at=_read_expiry(options["expires_days"]),
        )
        self.stdout.write(text)


def _read_expiry(days: int | None) -> datetime | None:
    if days is None:
        return None
    if not 1 <= days <= _MAX_DAYS:
        raise CommandError(f"--expires-days is {days}, expected 1 to {_MAX_DAYS}")
    return timezone.now() + timedelta(days=days)


def _read_feeds(text: str | None) -> list[str]:
    if text is None:
        return []
    feeds = [part.strip() for part in text.split(",")]
    for feed in feeds:
        if not is_slug(feed):
            raise CommandError(f"--feeds has {feed!r}: {SLUG_VALIDATOR.message}")
    return feeds
