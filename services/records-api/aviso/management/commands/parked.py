"""`manage.py parked list|show|send|drop`: parked events from the command line."""

from __future__ import annotations

import getpass
import json
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aviso.parked.deciding import drop, send_again
from aviso.parked.errors import AlreadyHandledError, ParkedError
from aviso.parked.models import ParkedEvent
from aviso.parked.rendering import show_body

# What each action calls, and the states in which it has been done already.
_ACTIONS = {
    "send": (send_again, {ParkedEvent.State.SENDING, ParkedEvent.State.SENT}),
    "drop": (drop, {ParkedEvent.State.DROPPED}),
}
SHOWN_STATES = [ParkedEvent.State.PARKED, ParkedEvent.State.SENDING]


class Command(BaseCommand):
    help = "See what could not be relayed; send it again or drop it."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="what waits for a decision")
        listing.add_argument("--all", action="store_true", help="handled ones too")
        listing.add_argument(
            "--json", action="store_true", help="one JSON object a line"
        )
        showing = actions.add_parser("show", help="one of them, with its body")
        showing.add_argument("id", type=UUID)
        for action, text in {
            "send": "send again: an event of ours with the record's current state",
            "drop": "give up; it stays in the table",
        }.items():
            parser = actions.add_parser(action, help=text)
            parser.add_argument("ids", type=UUID, nargs="+", metavar="id")
            parser.add_argument(
                "--by", default=getpass.getuser(), help="who decides so"
            )

    def handle(self, *args: Any, action: str, **options: Any) -> None:  # noqa: ARG002
        if action == "list":
            self._list(is_all=options["all"], as_json=options["json"])
        elif action == "show":
            self._show(options["id"])
        else:
            self._handle_each(options["ids"], action, options["by"])

    def _list(self, *, is_all: bool, as_json: bool) -> None:
        found = ParkedEvent.objects.defer("body", "headers").order_by("parked_at")
        if not is_all:
            found = found.filter(state__in=SHOWN_STATES)
        for parked in found.iterator():
            facts = describe_parked(parked)
            if as_json:
                self.stdout.write(json.dumps(facts))
                continue
            place = f"{parked.feed or '?'} {parked.sequence or '?'}"
            self.stdout.write(
                f"{parked.pk}  {parked.state:8}{parked.cause:16}{place:24}"
                f"{parked.parked_at:%Y-%m-%d %H:%M:%S}  {parked.detail}"
            )

    def _show(self, parked_id: UUID) -> None:
        parked = ParkedEvent.objects.filter(pk=parked_id).first()
        if parked is None:
            raise CommandError(f"there is no parked event {parked_id}")
        facts = describe_parked(parked) | {"headers": parked.headers}
        for name, value in facts.items():
            self.stdout.write(f"{name:14}{json.dumps(value)}")
        self.stdout.write("")
        self.stdout.write(show_body(bytes(parked.body)))

    def _handle_each(self, ids: list[UUID], action: str, by: str) -> None:
        """Send or drop each; one that is so already is told, and no failure."""
        handle, wanted = _ACTIONS[action]
        failures = 0
        for parked_id in ids:
            try:
                parked = handle(parked_id=parked_id, by=by)
            except ParkedEvent.DoesNotExist:
                self.stderr.write(f"there is no parked event {parked_id}")
                failures += 1
            except AlreadyHandledError as exc:
                self.stderr.write(str(exc))
                failures += exc.state not in wanted
            except ParkedError as exc:
                self.stderr.write(str(exc))
                failures += 1
            else:
                self.stdout.write(f"{parked.pk} {parked.state}")
        if failures:
            raise CommandError(f"{failures} of {len(ids)} were left as they are")


def describe_parked(parked: ParkedEvent) -> dict[str, object]:
    """Tell everything about a parked event but its body and headers."""
    names = [
        "state", "cause", "detail", "parked_by", "feed", "sequence", "event_id",
        "parked_at", "handled_at", "handled_by", "sent_as", "routing_key", "message_id",
        "content_type", "fingerprint",
    ]  # fmt: skip
    facts: dict[str, object] = {"id": str(parked.pk)}
    for name in names:
        value = getattr(parked, name)
        is_plain = value is None or isinstance(value, int)
        facts[name] = value if is_plain else str(value)
    return facts
