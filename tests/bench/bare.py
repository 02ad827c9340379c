"""The parts alone: what each one takes without Aviso around it."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pika
import psycopg
from pika.adapters.asyncio_connection import AsyncioConnection
from psycopg.types.json import Jsonb

from aviso_native import rabbitmq
from aviso_native.settings import Settings

from .subscriber import Listener, Sender

_WRITERS = 8
_WINDOW = 1000
_USER = "bench"
_EVENT = {"data": {"data": {"n": 0, "text": "x" * 120, "price": 12.5, "open": True}}}


async def measure_postgres(settings: Settings, seconds: float) -> dict[str, float]:
    """Rows/s into a plain table: each in its own transaction, and 100 in one."""
    with psycopg.connect(settings.database_url) as connection:
        connection.execute(
            "CREATE TABLE bench (id uuid PRIMARY KEY DEFAULT gen_random_uuid(),"
            " data jsonb NOT NULL)"
        )
    figures = {}
    for name, size in (("single", 1), ("100 a transaction", 100)):
        rate = await asyncio.to_thread(_insert, settings, seconds, size)
        figures[f"PostgreSQL alone, {name} (rows/s)"] = rate
    with psycopg.connect(settings.database_url) as connection:
        connection.execute("DROP TABLE bench")
    return figures


def _insert(settings: Settings, seconds: float, size: int) -> float:
    start = time.monotonic()

    def write(_: int) -> int:
        row = Jsonb(_EVENT["data"]["data"])
        values = ", ".join(["(%s)"] * size)
        count = 0
        with psycopg.connect(settings.database_url, autocommit=True) as connection:
            while time.monotonic() < start + seconds:
                connection.execute(
                    f"INSERT INTO bench (data) VALUES {values}", [row] * size
                )
                count += size
        return count

    with ThreadPoolExecutor(_WRITERS) as pool:
        total = sum(pool.map(write, range(_WRITERS)))
    return total / (time.monotonic() - start)


async def measure_rabbitmq(settings: Settings, seconds: float) -> dict[str, float]:
    """Confirmed messages/s into a queue as the pusher's are, many in flight."""
    url = _make_user(settings)
    try:
        rate = await _Publisher(url).run(seconds)
    finally:
        rabbitmq.ctl(settings, "delete_user", _USER)
    return {"RabbitMQ alone, confirmed (messages/s)": rate}


def _make_user(settings: Settings) -> str:
    """The stack's own users may not make another queue."""
    password = uuid.uuid4().hex
    rights = ("^bench-", r"^(bench-.*|amq\.default)$", "^bench-")
    rabbitmq.ctl(settings, "add_user", _USER, password)
    rabbitmq.ctl(settings, "set_permissions", _USER, *rights)
    return f"amqp://{_USER}:{password}@127.0.0.1:{settings.ports['amqp']}/%2F"


class _Publisher:
    """Keeps a window of unconfirmed messages full."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._queue = f"bench-{uuid.uuid4().hex[:8]}"
        self._body = json.dumps(_EVENT).encode()
        self._sent = self._confirmed = 0
        self._end = 0.0

    async def run(self, seconds: float) -> float:
        self._done = asyncio.get_running_loop().create_future()
        connection = AsyncioConnection(
            pika.URLParameters(self._url),
            on_open_callback=lambda each: each.channel(on_open_callback=self._declare),
            on_open_error_callback=lambda _, error: self._done.set_exception(error),
        )
        self._seconds = seconds
        rate: float = await self._done
        connection.close()
        return rate

    def _declare(self, channel: pika.channel.Channel) -> None:
        self._channel = channel
        channel.queue_declare(
            self._queue,
            durable=True,
            arguments={"x-queue-type": "classic"},
            callback=lambda _: channel.confirm_delivery(
                self._confirm, callback=self._begin
            ),
        )

    def _begin(self, _: object) -> None:
        self._start = time.monotonic()
        self._fill()

    def _fill(self) -> None:
        properties = pika.BasicProperties(delivery_mode=1)
        while self._sent - self._confirmed < _WINDOW:
            self._channel.basic_publish(
                "", self._queue, self._body, properties, mandatory=True
            )
            self._sent += 1

    def _confirm(self, frame: pika.frame.Method) -> None:
        self._confirmed = frame.method.delivery_tag
        elapsed = time.monotonic() - self._start
        if elapsed < self._seconds:
            self._fill()
        elif not self._done.done():
            self._channel.queue_delete(self._queue)
            self._done.set_result(self._confirmed / elapsed)


async def measure_ejabberd(settings: Settings, seconds: float) -> dict[str, float]:
    """A raw sender in an archived room with one listener, one message in flight."""
    room = f"bench-{uuid.uuid4().hex[:8]}"
    sender = Sender(settings, room)
    await sender.join()
    listener = Listener(settings, room)
    await listener.join()
    figures = {}
    for name, size in (("one", 1), ("100", 100)):
        content = _batch([_EVENT] * size)
        count, start = 0, time.monotonic()
        while time.monotonic() < start + seconds:
            await sender.send(f"{room}-{size}-{count}", content)
            count += 1
        rate = size * count / (time.monotonic() - start)
        figures[f"ejabberd alone, {name} a message (events/s)"] = rate
    waited = []
    for n in range(int(20 * seconds)):
        began = time.monotonic()
        event = {"data": {"data": {"n": n + 1}}}
        await sender.send(f"{room}-latency-{n}", _batch([event]))
        await listener.wait_for(n + 2, 30)
        waited.append(1000 * (listener.arrived[n + 1] - began))
        await asyncio.sleep(max(0.0, 0.05 - (time.monotonic() - began)))
    waited.sort()
    figures["ejabberd alone latency p50 (ms)"] = waited[len(waited) // 2]
    figures["ejabberd alone latency p99 (ms)"] = waited[len(waited) * 99 // 100]
    await sender.leave()
    await listener.leave()
    return figures


def _batch(events: Sequence[object]) -> str:
    """What a batch of these looks like: as long as one, and readable as one."""
    said = {
        "specversion": "1.0",
        "source": "/feeds/bench",
        "feed": "bench",
        "feedepoch": "abcd",
        "feedseq": "1",
        "type": "aviso.record.created.v1",
        "time": "2026-11-24T09:30:00.123456Z",
    }
    return json.dumps({**said, "events": events})
