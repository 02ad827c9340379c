"""Very many subscribers of a feed: what holds, what they take, how fast they get in."""

from __future__ import annotations

import itertools
import json
import resource
import select
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..integration.running import REPOSITORY
from .bench import Bench, tell
from .goals import Goal
from .path import Writer
from .processes import memory_kib

_PARTS = ("web", "ejabberd", "pusher")
_ANSWER_S = 180.0
_LATE_MS = 1000.0
# The lag grows if the last third waits so much longer than the first: it would not end.
_GROWS, _GROWS_BY_MS = 1.5, 100.0
# Of the last rates tried, one held and one did not, and no further apart than this.
_CLOSE = 1.15
_TRIES = 10
_WRITERS = 16


class Crowd:
    """A process with `count` subscribers, all of them in the feed's room."""

    def __init__(self, bench: Bench, feed: str, count: int) -> None:
        settings = bench.settings
        self.count = count
        self._process = subprocess.Popen(
            [
                sys.executable,
                *("-m", "tests.bench.crowd_client"),
                f"--port={bench.stack.port}",
                f"--host={settings.guest_domain}",
                f"--room={feed}@{settings.rooms_domain}",
                f"--count={count}",
            ],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        told = self._read()
        self.seconds: float = told["seconds"]
        if told["entered"] != count:
            self.close()
            raise RuntimeError(f"{told['entered']} of {count} subscribers got in")

    def ask(self, word: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        return self._read()

    def wait_for(self, sequence: int, timeout_s: float) -> dict[str, Any]:
        """Wait until everybody has come so far, or the time is over; tell how it is."""
        deadline = time.monotonic() + timeout_s
        while True:
            told = self.ask("stat")
            if told["lowest"] >= sequence or time.monotonic() > deadline:
                return told
            time.sleep(0.2)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        for end in (self._process.stdin, self._process.stdout):
            assert end is not None
            end.close()

    def _read(self) -> dict[str, Any]:
        out = self._process.stdout
        assert out is not None
        if not select.select([out], [], [], _ANSWER_S)[0]:
            raise TimeoutError(f"{self.count} subscribers say nothing")
        told: dict[str, Any] = json.loads(out.readline())
        return told


def singles(bench: Bench) -> None:
    """500 subscribers, one record a request."""
    rate = _measure_held(bench, subscribers=500, size=1, first=20)
    bench.goals.append(
        Goal("500 subscribers, single records held, records/s", rate, at_least=True,
             must=175, aim=180)
    )  # fmt: skip


def lists(bench: Bench) -> None:
    """1,000 subscribers, a hundred records a request."""
    rate = _measure_held(bench, subscribers=1000, size=100, first=300)
    bench.goals.append(
        Goal("1,000 subscribers, lists of 100 held, records/s", rate, at_least=True,
             must=904, aim=2250)
    )  # fmt: skip


def taken(bench: Bench) -> None:
    """What a subscriber takes, by part, and how many get in a second."""
    count = 1000
    _allow_files()
    bench.api.create_feed("crowd")
    time.sleep(2)
    first = Crowd(bench, "crowd", 10)  # what the first ones take is not everybody's
    time.sleep(2)
    before = {part: memory_kib(bench.stack, part) for part in _PARTS}
    crowd = Crowd(bench, "crowd", count)
    rate = count / crowd.seconds
    time.sleep(bench.seconds)
    total = 0.0
    for part in _PARTS:
        each = (memory_kib(bench.stack, part) - before[part]) / count
        bench.note(f"a subscriber's memory, {part} (KiB)", each)
        total += each
    for each in (crowd, first):
        each.close()
    bench.goals += [
        Goal("memory a subscriber, KiB", total, must=80, aim=50),
        Goal("subscribers let in a second", rate, at_least=True, must=600, aim=1000),
    ]


def _measure_held(bench: Bench, subscribers: int, size: int, first: float) -> float:
    """Records/s: the highest rate found at which everything arrives in time.

    Doubled until one does not hold, then halved between.
    """
    _allow_files()
    bench.api.create_feed("crowd")
    time.sleep(2)
    crowd = Crowd(bench, "crowd", subscribers)
    held, failed, rate = 0.0, 0.0, first
    try:
        for _ in range(_TRIES):
            if _holds(bench, crowd, rate, size):
                held = rate
                rate = (held + failed) / 2 if failed else 2 * rate
            else:
                failed = rate
                rate = (held + failed) / 2 if held else rate / 3
            if held and failed and failed / held < _CLOSE:
                break
            time.sleep(1)
    finally:
        crowd.close()
    return held


def _holds(bench: Bench, crowd: Crowd, rate: float, size: int) -> bool:
    """Write at this rate; tell whether everybody had everything in time."""
    crowd.ask("mark")
    cpu_s, seconds = crowd.ask("stat")["cpu_s"], bench.seconds
    written = _write(bench, rate, size, seconds)
    ended = time.monotonic()
    head = bench.api.head("crowd")
    told = crowd.wait_for(head, 30)
    late_s = time.monotonic() - ended
    is_complete = told["lowest"] >= head and not told["gaps"] and not told["closed"]
    grows = told["ended"] > _GROWS * told["begun"] + _GROWS_BY_MS
    is_in_time = told["p99"] < _LATE_MS and not grows
    holds = is_complete and written >= 0.97 * rate and is_in_time
    share = 100 * (told["cpu_s"] - cpu_s) / (seconds + late_s)
    tell(
        f"  {rate:,.0f}/s {'holds' if holds else 'does not'}: written {written:,.0f}/s,"
        f" p50 {told['p50']:.0f} ms (at first {told['begun']:.0f}, at last"
        f" {told['ended']:.0f}), p99 {told['p99']:.0f} ms,"
        f" complete {late_s:.1f} s after the last; subscribers' CPU {share:.0f} %"
    )
    if told["closed"]:
        raise RuntimeError(f"{told['closed']} subscribers were put out")
    crowd.wait_for(head, 120)
    return holds


def _write(bench: Bench, rate: float, size: int, seconds: float) -> float:
    """Write on a schedule from several connections; return records/s."""
    numbers, lock = itertools.count(), threading.Lock()
    start, count = time.monotonic(), int(rate * seconds / size)

    def write() -> None:
        writer = Writer(bench.settings, bench.key)
        while True:
            with lock:
                number = next(numbers)
            if number >= count:
                return
            time.sleep(max(0.0, start + number * size / rate - time.monotonic()))
            data = {"t": time.monotonic(), "text": "x" * 120, "price": 12.5}
            records = [{"data": data | {"n": n}} for n in range(size)]
            writer.post("feeds/crowd/records/", records[0] if size == 1 else records)

    with ThreadPoolExecutor(_WRITERS) as pool:
        for done in [pool.submit(write) for _ in range(_WRITERS)]:
            done.result()
    return count * size / max(seconds, time.monotonic() - start)


def _allow_files() -> None:
    """A socket a subscriber; the programs that are started inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
