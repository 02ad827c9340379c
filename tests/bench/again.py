"""A million events asked for again: no other feed feels it, nor does health."""

from __future__ import annotations

import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..integration.beside import beside
from .beat import Waits, beating
from .bench import Bench
from .goals import Goal
from .past import fill_archive, fill_log, standing_still
from .unequal import wait_until_archived

_A_BATCH = 100
_LOOK_S = 0.5


def republished(bench: Bench) -> None:
    """`manage.py republish` of a feed whose archive has everything."""

    def ask(count: int) -> None:
        bench.stack.manage("republish", "old", "--from", "1")
        _wait_until_published(bench, "old", count)

    _measure(bench, "asked for again", ask)


def destroyed(bench: Bench) -> None:
    """The room is destroyed, its archive with it; the next record notices."""

    def destroy(count: int) -> None:
        room = {"name": "old", "service": bench.settings.rooms_domain}
        bench.stack.ask_ejabberd("destroy_room", room)
        bench.ejabberd_database.execute(
            "DELETE FROM archive WHERE username = %s",
            [f"old@{bench.settings.rooms_domain}"],
        )
        bench.api.write("old", {"n": -1})
        wait_until_archived(bench, "old", count + 1)
        _wait_until_published(bench, "old", count + 1)

    _measure(bench, "behind a destroyed room", destroy)


def _measure(bench: Bench, name: str, act: Callable[[int], None]) -> None:
    count = bench.choose(100_000, 1_000_000)
    for feed in ("old", "quiet"):
        bench.api.create_feed(feed)
    time.sleep(2)
    with standing_still(bench):
        fill_log(bench, "old", count)
        fill_archive(bench, "old", count // _A_BATCH, size=_A_BATCH)
    bench.api.write("old", {"n": -1})
    wait_until_archived(bench, "old", count + 1)
    started = time.monotonic()
    with watching_health(bench) as ill, beating(bench, "quiet") as waits:
        act(count + 1)
        bench.note("until all is there again (s)", time.monotonic() - started)
        time.sleep(1)
    _conclude(bench, f"{count:,} {name}", waits, ill)


def _conclude(bench: Bench, name: str, waits: Waits, ill: list[str]) -> None:
    bench.note("records of another feed beside it", len(waits.ms))
    bench.note("their median (ms)", waits.median)
    for each in ill[:5]:
        bench.note(f"not green: {each}", 1)
    bench.goals += [
        Goal(f"{name}: another feed's slowest record, ms", waits.slowest, 1000),
        Goal(f"{name}: looks at health that were not green", len(ill), 0),
        Goal(f"{name}: sequences skipped", count_skipped(bench, "old"), 0),
    ]


def count_skipped(bench: Bench, feed: str) -> int:
    """How many of a feed's sequences its archive lacks or has twice."""
    room = f"{feed}@{bench.settings.rooms_domain}"
    rows = bench.ejabberd_database.rows(
        "SELECT substring(xml FROM ' first=[''\"]([0-9]+)')::bigint,"
        " substring(xml FROM ' last=[''\"]([0-9]+)')::bigint"
        " FROM archive WHERE username = %s ORDER BY timestamp",
        [room],
    )
    skipped, position = 0, 0
    for first, last in rows:
        if last >= first:
            skipped += abs(first - position - 1)
            position = last
    head: int = bench.database.value(
        "SELECT sequence FROM aviso.feed_heads WHERE feed = %s", [feed]
    )
    return skipped + abs(head - position)


def _wait_until_published(bench: Bench, feed: str, count: int) -> None:
    deadline = time.monotonic() + 3600
    while time.monotonic() < deadline:
        published = bench.database.value(
            "SELECT published FROM aviso.feed_progress WHERE feed = %s", [feed]
        )
        if published >= count:
            return
        time.sleep(0.2)
    raise TimeoutError(f"{feed} is published up to {published} of {count}")


@contextmanager
def watching_health(bench: Bench) -> Iterator[list[str]]:
    """Ask what a supervisor asks, all the while; list what was not well."""
    ports, ill = bench.settings.ports, []
    addresses = {
        "records-api": f"http://127.0.0.1:{ports['records_api']}/readyz",
        "relay": f"http://127.0.0.1:{ports['relay']}/healthz",
        "pusher": f"http://127.0.0.1:{ports['pusher']}/healthz",
    }

    def look(ended: threading.Event) -> None:
        while not ended.wait(_LOOK_S):
            for part, address in addresses.items():
                if (said := _ask(address)) is not None:
                    ill.append(f"{part}: {said}")

    with beside(look):
        yield ill


def _ask(address: str) -> str | None:
    """What it says but 200; None if it says that."""
    try:
        with urllib.request.urlopen(address, timeout=5):
            return None
    except OSError as error:
        return str(error)
