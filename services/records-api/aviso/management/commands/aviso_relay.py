"""`manage.py aviso_relay`: moves the outbox to RabbitMQ, until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from aviso.broker.libraries import require_libraries
from aviso.conf import given
from aviso.environment import SettingError

if TYPE_CHECKING:
    from aviso.relay.configuration import Configuration

logger = logging.getLogger("aviso.relay")


class Command(BaseCommand):
    help = "Give events their sequence and publish them to RabbitMQ, until SIGTERM."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        require_libraries()
        import uvloop

        from aviso.relay.configuration import read_configuration

        try:
            configuration = read_configuration(given)
        except SettingError as exc:
            raise CommandError(str(exc)) from exc
        # pika logs each failed try at ERROR; the link says it once.
        logging.getLogger("pika").setLevel(logging.CRITICAL)
        if not logger.hasHandlers():
            # The project says nothing of our loggers: a worker is to be heard.
            logging.basicConfig(stream=sys.stdout, level=logging.INFO)
        uvloop.run(_run(configuration))


async def _run(configuration: Configuration) -> None:
    from aviso.relay.election import stand
    from aviso.relay.health import serve_health
    from aviso.relay.status import Status

    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    status = Status()
    try:
        server = await serve_health(configuration.bind, status)
    except OSError as exc:
        raise CommandError(f"AVISO_RELAY_BIND can't be listened on: {exc}") from exc
    try:
        await stand(configuration, status, stopping)
    finally:
        server.close()
    logger.info("Stopped", extra={"outcome": "stopped"})
