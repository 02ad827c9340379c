"""Runs the pusher until SIGTERM or SIGINT; exit 0 after an orderly stop.

Exit 2: the settings are wrong. Exit 1: the address for /healthz is taken, or a part
failed in a way that nobody foresaw; whoever supervises this starts it again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from typing import Final

from .consumer import Consumer
from .errors import SettingsError
from .health import Health, Link
from .logs import set_up_logs
from .metrics import make_metrics
from .publisher import Publisher
from .pusher import Pusher
from .rooms import Account, Rooms
from .settings import Settings, read_settings

log = logging.getLogger(__name__)

_STOP_TIMEOUT_S: Final = 10.0


def main() -> int:
    try:
        settings = read_settings(os.environ)
    except SettingsError as error:
        print(f"xmpp-pusher does not start: {error}", file=sys.stderr)
        return 2
    set_up_logs()
    return asyncio.run(run(settings))


async def run(settings: Settings) -> int:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)

    metrics = make_metrics()
    rooms = Rooms(
        Account(
            settings.xmpp_host,
            settings.xmpp_port,
            settings.xmpp_jid,
            settings.xmpp_password,
            settings.xmpp_tls,
            settings.rooms_domain,
            settings.ticket_domain,
        )
    )
    consumer = Consumer(
        settings.amqp_url,
        settings.queues,
        settings.prefetch,
        on_delivery=lambda delivery: pusher.receive(delivery),
        on_gone=lambda: pusher.forget(),
    )
    publisher = Publisher(settings.amqp_url)
    pusher = Pusher(
        rooms,
        consumer,
        publisher,
        metrics,
        settings.prefetch,
        settings.max_event_bytes,
        settings.ticket_domain,
    )
    health = Health(
        metrics,
        links=lambda: {
            "rabbitmq": Link(
                consumer.connection.is_connected and publisher.connection.is_connected,
                consumer.connection.connections,
            ),
            "ejabberd": Link(rooms.is_connected, rooms.connections),
        },
        feeds=pusher.states,
    )
    try:
        server = await health.serve(settings.bind_host, settings.bind_port)
    except OSError as error:
        log.error("AVISO_PUSHER_BIND: %s", error)
        return 1
    return await _run_until(stopped, pusher, rooms, consumer, publisher, server)


async def _run_until(
    stopped: asyncio.Event,
    pusher: Pusher,
    rooms: Rooms,
    consumer: Consumer,
    publisher: Publisher,
    server: asyncio.Server,
) -> int:
    """Run all parts. To stop: 1. the feeds, 2. the rooms, 3. the broker, 4. health.

    The broker goes after the rooms: only then may a standby get our events.
    """
    parts = {
        name: asyncio.create_task(part, name=name)
        for name, part in (
            ("rooms", rooms.run()),
            ("consumer", consumer.connection.run()),
            ("publisher", publisher.connection.run()),
            ("watch", pusher.watch()),
        )
    }
    stopping = asyncio.create_task(stopped.wait())
    log.info("started", extra={"outcome": "started"})
    await asyncio.wait((stopping, *parts.values()), return_when=asyncio.FIRST_COMPLETED)
    failed = [part for part in parts.values() if part.done()]
    for part in failed:
        log.error(
            "the part %s failed",
            part.get_name(),
            exc_info=part.exception(),
            extra={"outcome": "failed"},
        )
    try:
        async with asyncio.timeout(_STOP_TIMEOUT_S):
            await pusher.stop()
            for name in ("watch", "rooms", "consumer", "publisher"):
                parts[name].cancel()
                await asyncio.wait((parts[name],))
    except TimeoutError:
        log.warning("not everything under way was finished in time")
    stopping.cancel()
    server.close()
    log.info("stopped", extra={"outcome": "stopped"})
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
