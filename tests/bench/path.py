"""The whole path: from the POST of a record to a subscriber in the room."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aviso_native.settings import Settings

from . import bare
from .bench import Bench, tell
from .subscriber import Listener

_WRITERS = 8
_ARRIVAL_TIMEOUT_S = 300
# Aviso's figure, and the bare part's that it is held against.
_RATIOS = (
    ("aviso latency p50 (ms)", "ejabberd alone latency p50 (ms)"),
    ("aviso latency p99 (ms)", "ejabberd alone latency p99 (ms)"),
    ("aviso single POSTs (records/s)", "PostgreSQL alone, single (rows/s)"),
    ("aviso single POSTs (records/s)", "ejabberd alone, one a message (events/s)"),
    ("aviso lists of 100 (records/s)", "PostgreSQL alone, 100 a transaction (rows/s)"),
    ("aviso lists of 100 (records/s)", "RabbitMQ alone, confirmed (messages/s)"),
    ("aviso lists of 100 (records/s)", "ejabberd alone, 100 a message (events/s)"),
)


def beside_parts(bench: Bench) -> None:
    """The whole path, and each of its parts by itself."""
    for name, value in asyncio.run(_measure(bench)).items():
        bench.note(name, value)
    for ours, part in _RATIOS:
        bench.note(f"{ours} : {part}", bench.figures[ours] / bench.figures[part])


async def _measure(bench: Bench) -> dict[str, float]:
    """Take every figure, one after the other; return them by name."""
    settings, key, seconds = bench.settings, bench.key, bench.seconds
    figures: dict[str, float] = {}
    tell("  the bare parts …")
    figures |= await bare.measure_postgres(settings, seconds)
    figures |= await bare.measure_rabbitmq(settings, seconds)
    figures |= await bare.measure_ejabberd(settings, seconds)
    tell("  the whole path …")
    figures |= await measure_latency(settings, key, rate=20, seconds=2 * seconds)
    figures |= await measure_single_posts(settings, key, seconds)
    figures |= await measure_lists(settings, key, seconds)
    return figures


class Writer:
    """POSTs records over one kept-alive connection."""

    def __init__(self, settings: Settings, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", settings.port)
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
        }

    def post(self, path: str, body: Any) -> None:
        """Raises RuntimeError unless the answer is 201."""
        self._connection.request(
            "POST", f"/api/v1/{path}", json.dumps(body), self._headers
        )
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status != 201:
            raise RuntimeError(f"{path}: {answer.status} {text[:300]!r}")


async def measure_latency(
    settings: Settings, key: str, rate: float, seconds: float
) -> dict[str, float]:
    """Milliseconds from the moment a POST is sent until the event is there."""
    feed, listener, writer = await _open(settings, key)
    sent: dict[int, float] = {}
    start = time.monotonic()
    for n in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, start + n / rate - time.monotonic()))
        sent[n] = time.monotonic()
        await asyncio.to_thread(writer.post, f"feeds/{feed}/records/", _record(n))
    await listener.wait_for(len(sent), _ARRIVAL_TIMEOUT_S)
    await listener.leave()
    waited = sorted(1000 * (listener.arrived[n] - sent[n]) for n in sent)
    return {
        "aviso latency p50 (ms)": waited[len(waited) // 2],
        "aviso latency p99 (ms)": waited[len(waited) * 99 // 100],
    }


async def measure_single_posts(
    settings: Settings, key: str, seconds: float
) -> dict[str, float]:
    rate = await _measure_rate(settings, key, seconds, size=1)
    return {"aviso single POSTs (records/s)": rate}


async def measure_lists(
    settings: Settings, key: str, seconds: float
) -> dict[str, float]:
    rate = await _measure_rate(settings, key, seconds, size=100)
    return {"aviso lists of 100 (records/s)": rate}


async def _measure_rate(
    settings: Settings, key: str, seconds: float, size: int
) -> float:
    """Records/s from the first POST until the last record has arrived."""
    feed, listener, _ = await _open(settings, key)
    numbers = itertools.count()
    lock = threading.Lock()
    start = time.monotonic()

    def write() -> None:
        writer = Writer(settings, key)
        while time.monotonic() < start + seconds:
            with lock:
                records = [_record(next(numbers)) for _ in range(size)]
            body = records[0] if size == 1 else records
            writer.post(f"feeds/{feed}/records/", body)

    with ThreadPoolExecutor(_WRITERS) as pool:
        loop = asyncio.get_running_loop()
        await asyncio.gather(
            *(loop.run_in_executor(pool, write) for _ in range(_WRITERS))
        )
    count = next(numbers)
    end = await listener.wait_for(count, _ARRIVAL_TIMEOUT_S)
    await listener.leave()
    return count / (end - start)


async def _open(settings: Settings, key: str) -> tuple[str, Listener, Writer]:
    """Make a feed, wait for its room, and sit down in it."""
    feed = f"bench-{uuid.uuid4().hex[:8]}"
    writer = Writer(settings, key)
    await asyncio.to_thread(writer.post, "feeds/", {"slug": feed, "title": "Bench"})
    # The first record's event makes the room, if its opening has not already.
    await asyncio.sleep(1)
    listener = Listener(settings, feed)
    await listener.join()
    return feed, listener, writer


def _record(n: int) -> dict[str, Any]:
    return {"data": {"n": n, "text": "x" * 120, "price": 12.5, "open": True}}
