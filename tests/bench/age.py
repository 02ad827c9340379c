"""A record of a feed with a long past beside one of a system that is empty."""

from __future__ import annotations

import time
from collections.abc import Callable

from .beat import beat_in_turns
from .bench import Bench, empty_beside
from .goals import Goal
from .past import fill_archive, fill_log, standing_still

_A_BATCH = 100


def with_old_events(bench: Bench) -> None:
    """Half of the old events are the feed's own, half another's."""
    count = bench.choose(1_000_000, 10_000_000)
    half = count // 2

    def fill() -> None:
        for feed in ("old", "other"):
            fill_log(bench, feed, half)
            fill_archive(bench, feed, half // _A_BATCH, size=_A_BATCH)

    _measure(bench, f"with {count:,} old events", fill)


def with_old_archive(bench: Bench) -> None:
    """Every event of the past is a batch of its own in the room's archive."""
    count, kept = bench.choose(500_000, 5_000_000), 1000

    def fill() -> None:
        fill_log(bench, "old", kept, pruned=count - kept)
        fill_archive(bench, "old", count, size=1)

    _measure(bench, f"with {count:,} batches in its archive", fill)


def _measure(bench: Bench, name: str, fill: Callable[[], None]) -> None:
    for feed in ("old", "other"):
        bench.api.create_feed(feed)
    time.sleep(3)
    started = time.monotonic()
    with standing_still(bench):
        fill()
    bench.note("to fill it (s)", time.monotonic() - started)
    with empty_beside(bench, "empty") as empty:
        sides = {"old": (bench, "old"), "empty": (empty, "empty")}
        beat_in_turns(sides, 4)  # what has to be read once is not every record's
        waits = beat_in_turns(sides, 2 * bench.seconds)
    for side, each in waits.items():
        bench.note(f"{side}, median (ms)", each.median)
        bench.note(f"{side}, p99 (ms)", each.quantile(0.99))
    ratio = waits["old"].median / waits["empty"].median
    bench.goals.append(Goal(f"{name}, times an empty system's median", ratio, 1.5))
