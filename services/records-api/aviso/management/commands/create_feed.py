"""`create_feed SLUG`: create a feed, as POST feeds/ does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aviso.exact_json.text import JsonError, parse_json
from aviso.feeds.bodies import read_change, read_slug
from aviso.feeds.reading import find_feed
from aviso.feeds.writing import create_feed
from aviso.problems import Conflict, Problem

_MAX_SCHEMA_DEPTH = 64


class Command(BaseCommand):
    help = "Create a feed."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--title", default="")
        parser.add_argument("--private", action="store_true")
        parser.add_argument("--schema", metavar="FILE", help="a JSON Schema (2020-12)")
        parser.add_argument(
            "--exists-ok",
            action="store_true",
            help="leave a feed alone that is there already",
        )

    def handle(self, **options: Any) -> None:
        visibility = "private" if options["private"] else "public"
        body = {"title": options["title"], "visibility": visibility}
        if options["schema"]:
            body["schema"] = _read_schema(Path(options["schema"]))
        try:
            slug = read_slug(options["slug"])
            if options["exists_ok"] and find_feed(slug):
                self.stdout.write(f"{slug} exists")
                return
            create_feed(slug, read_change(body))
        except Conflict as exc:
            if not options["exists_ok"]:
                raise CommandError(exc.text) from exc
        except Problem as exc:
            raise CommandError(exc.text) from exc
        self.stdout.write(f"{slug} created")


def _read_schema(path: Path) -> Any:
    try:
        return parse_json(path.read_bytes(), max_depth=_MAX_SCHEMA_DEPTH)
    except (OSError, JsonError) as exc:
        raise CommandError(f"--schema {path}: {exc}") from exc
