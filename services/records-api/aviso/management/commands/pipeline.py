"""`manage.py pipeline`: how far everything is, for a person or, as JSON, a script."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aviso.broker.libraries import require_libraries
from aviso.conf import given
from aviso.environment import SettingError

if TYPE_CHECKING:
    from amqp_client.messages import QueueState

    from aviso.relay.pipeline import Pipeline


class Command(BaseCommand):
    help = "Show the outbox, the broker's queues and what is parked."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        require_libraries()
        from aviso.relay.configuration import read_configuration
        from aviso.relay.pipeline import look_at_pipeline

        try:
            configuration = read_configuration(given)
        except SettingError as exc:
            raise CommandError(str(exc)) from exc
        logging.getLogger("pika").setLevel(logging.CRITICAL + 1)
        pipeline = look_at_pipeline(configuration)
        if options["json"]:
            self.stdout.write(json.dumps(asdict(pipeline), default=str))
        else:
            self.stdout.write("\n".join(format_pipeline(pipeline)))


def format_pipeline(pipeline: Pipeline) -> list[str]:
    """Write the pipeline as lines for a person."""
    outbox, last = pipeline.outbox, pipeline.last_published
    lines = [
        f"outbox          {outbox.unpublished} unpublished,"
        f" the oldest {outbox.oldest_age_s:.1f} s old",
        f"                {outbox.unnumbered} of them without a sequence yet",
        "last published  "
        + (
            f"{last.feed} {last.sequence} at {last.time:%Y-%m-%d %H:%M:%S}Z"
            if last
            else "nothing yet"
        ),
        f"parked          {pipeline.parked} wait for a decision",
        f"broker          {pipeline.broker}",
    ]
    for name, state in (pipeline.queues or {}).items():
        lines.append(f"  {name:24}{_format_queue(state)}")
    return lines


def _format_queue(state: QueueState | None) -> str:
    if state is None:
        return "does not exist"
    return f"{state.depth:>8} ready  {state.consumers:>3} consumers"
