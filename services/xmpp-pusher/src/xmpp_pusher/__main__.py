"""Runs the pusher until SIGTERM or SIGINT; exit 0 after an orderly stop.

Exit 2: the settings are wrong. Exit 1: the address for /healthz is taken, or a part
failed in a way that nobody foresaw; whoever supervises this starts it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Final

import uvloop

from .amqp.consumer import Consumer
from .amqp.publisher import Publisher
from .errors import SettingsError
from .feeds import Feeds
from .health import Health, Link
from .logs import set_up_logs
from .metrics import make_metrics
from .parking import Parking
from .reporter import Reporter
from .settings import Settings, read_settings
from .xmpp.rooms import Account, Rooms

log = logging.getLogger(__name__)

_STOP_TIMEOUT_S: Final = 10.0
_LAST_REPORTS_TIMEOUT_S: Final = 1.0


def main() -> int:
    try:
        settings = read_settings(os.environ)
    except SettingsError as error:
        print(f"xmpp-pusher does not start: {error}", file=sys.stderr)
        return 2
    set_up_logs()
    return uvloop.run(run(settings))


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
        on_delivery=lambda delivery: feeds.receive(delivery),
        on_gone=lambda: feeds.forget(),
        let_go=lambda channel: feeds.let_go(channel),
    )
    publisher = Publisher(settings.amqp_url)
    reporter = Reporter(publisher, metrics)
    feeds = Feeds(
        rooms,
        consumer,
        reporter,
        Parking(consumer, publisher, reporter, metrics),
        metrics,
        lease_s=settings.room_lease_s,
        max_rooms=settings.max_rooms,
    )
    health = Health(
        metrics,
        links=lambda: {
            "rabbitmq": Link(
                consumer.link.is_connected and publisher.link.is_connected,
                consumer.link.connections,
            ),
            "ejabberd": Link(rooms.is_connected, rooms.connections),
        },
        rooms=lambda: len(feeds),
        problems=feeds.problems,
        queues=lambda: consumer.queues,
        waiting=lambda: consumer.waiting,
    )
    try:
        server = await health.serve(settings.bind_host, settings.bind_port)
    except OSError as error:
        log.error("AVISO_PUSHER_BIND: %s", error)
        return 1
    parts = {
        "rooms": rooms.run(),
        "consumer": consumer.link.run(),
        "publisher": publisher.link.run(),
        "feeds": feeds.watch(),
        "reports": reporter.run(),
        "away": reporter.tell_away(rooms, lambda: feeds.is_holding),
    }
    is_well = await _run_until(stopped, parts, feeds, reporter)
    server.close()
    log.info("stopped", extra={"outcome": "stopped"})
    return 0 if is_well else 1


async def _run_until(
    stopped: asyncio.Event,
    parts: dict[str, Coroutine[None, None, None]],
    feeds: Feeds,
    reporter: Reporter,
) -> bool:
    """Run all parts; returns whether none of them failed.

    To stop: 1. the feeds, 2. their last reports, 3. the rooms, 4. the broker: only
    when nobody speaks in our rooms any more may a standby get our events.
    """
    tasks = {name: asyncio.create_task(part, name=name) for name, part in parts.items()}
    stopping = asyncio.create_task(stopped.wait())
    log.info("started", extra={"outcome": "started"})
    await asyncio.wait((stopping, *tasks.values()), return_when=asyncio.FIRST_COMPLETED)
    failed = [task for task in tasks.values() if task.done()]
    for task in failed:
        log.error(
            "the part %s failed",
            task.get_name(),
            exc_info=task.exception(),
            extra={"outcome": "failed"},
        )
    try:
        async with asyncio.timeout(_STOP_TIMEOUT_S):
            await feeds.stop()
            for name in ("feeds", "away", "reports"):
                tasks[name].cancel()
                await asyncio.wait((tasks[name],))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_REPORTS_TIMEOUT_S):
                    await reporter.flush()
            for name in ("rooms", "consumer", "publisher"):
                tasks[name].cancel()
                await asyncio.wait((tasks[name],))
    except TimeoutError:
        log.warning("not everything under way was finished in time")
    stopping.cancel()
    return not failed


if __name__ == "__main__":
    sys.exit(main())
