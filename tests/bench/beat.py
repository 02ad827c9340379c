"""A record of a quiet feed every so often, and how long each takes to a subscriber."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from ..integration.beside import beside
from .bench import Bench
from .path import Writer
from .subscriber import Listener

_LAST_S = 60.0


@dataclass
class Waits:
    """From the sending of each POST to the event in the room, in milliseconds.

    Infinite for one that had not come a minute after the last.
    """

    ms: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return self.quantile(0.5)

    @property
    def slowest(self) -> float:
        return max(self.ms)

    def quantile(self, share: float) -> float:
        return sorted(self.ms)[min(len(self.ms) - 1, int(share * len(self.ms)))]


@contextmanager
def beating(bench: Bench, feed: str, rate: float = 10) -> Iterator[Waits]:
    """Write to `feed`, `rate` records a second, for as long as the block takes."""
    waits, began = Waits(), threading.Event()

    def run(ended: threading.Event) -> None:
        try:
            asyncio.run(_beat(bench, feed, rate, waits, began, ended))
        finally:
            began.set()

    with beside(run, _LAST_S + 30):
        began.wait(30)
        yield waits


def beat_for(bench: Bench, feed: str, seconds: float, rate: float = 20) -> Waits:
    with beating(bench, feed, rate) as waits:
        time.sleep(seconds)
    return waits


def beat_in_turns(
    sides: Mapping[str, tuple[Bench, str]], seconds: float, rounds: int = 4
) -> dict[str, Waits]:
    """Write to one side's feed and then to the next one's, several times around.

    Whatever else the machine does meanwhile, it does to all of them.
    """
    waits = {name: Waits() for name in sides}
    for _ in range(rounds):
        for name, (bench, feed) in sides.items():
            waits[name].ms += beat_for(bench, feed, seconds / rounds).ms
    return waits


async def _beat(
    bench: Bench,
    feed: str,
    rate: float,
    waits: Waits,
    began: threading.Event,
    ended: threading.Event,
) -> None:
    listener, writer = Listener(bench.settings, feed), Writer(bench.settings, bench.key)
    await listener.join()
    path, mark = f"feeds/{feed}/records/", time.time_ns()
    await asyncio.to_thread(writer.post, path, {"data": {"n": mark}})  # to warm up
    await listener.wait_for(1, _LAST_S)
    began.set()
    sent: dict[int, float] = {}
    start = time.monotonic()
    while not ended.is_set():
        number = mark + len(sent) + 1
        sent[number] = time.monotonic()
        await asyncio.to_thread(writer.post, path, {"data": {"n": number}})
        due = max(start + len(sent) / rate, time.monotonic())
        await asyncio.sleep(due - time.monotonic())
    with suppress(TimeoutError):
        await listener.wait_for(len(sent) + 1, _LAST_S)
    never = float("inf")
    waits.ms = [
        1000 * (listener.arrived.get(number, never) - at) for number, at in sent.items()
    ]
    await listener.leave()
