"""A browser that was away comes back, very many events behind."""

from __future__ import annotations

import time

from playwright.sync_api import sync_playwright

from ..integration import chromium
from ..integration.page import FeedPage
from ..integration.waiting import until
from ..integration.wire import Wire
from .bench import Bench
from .goals import Goal
from .unequal import wait_until_archived

_MBIT = 1_000_000 / 8
_LOST_S = 600.0


def behind(bench: Bench) -> None:
    count = bench.choose(20_000, 100_000)
    for line, bytes_per_s, must in (("here", None, 10), ("8 Mbit/s", 8 * _MBIT, 60)):
        feed = "fast" if bytes_per_s is None else "slow"
        passed = _return(bench, feed, count, bytes_per_s)
        name = f"a browser {count:,} events behind is complete, {line}, s"
        bench.goals.append(Goal(name, passed, must))


def _return(bench: Bench, feed: str, count: int, bytes_per_s: float | None) -> float:
    """Seconds from the line being there again until the page has everything."""
    bench.api.create_feed(feed)
    with sync_playwright() as playwright:
        browser, wire = chromium.launch(playwright), Wire()
        context = browser.new_context(locale="en-GB", proxy={"server": wire.url})
        page = FeedPage(context.new_page(), bench.stack.url, feed).open()
        bench.api.write(feed, {"n": -1})
        page.wait_for_position(1)
        wire.cut()
        page.wait_for_state("offline")
        _write(bench, feed, count)
        wait_until_archived(bench, feed, count + 1)
        wire.bytes_per_s = bytes_per_s
        wire.mend()
        started = time.monotonic()
        # The page waits a while before it tries again: that is not the catching up.
        until(lambda: page.state != "offline", "the page to connect", 120, 0.02)
        connected = time.monotonic()
        until(
            lambda: page.position >= count + 1 and page.state == "live",
            "the page to be complete",
            _LOST_S,
        )
        passed = time.monotonic() - connected
        bench.note(f"{feed}: until it tries again (s)", connected - started)
        bench.note(f"{feed}: {count:,} events (s)", passed)
        browser.close()
        wire.close()
    return passed


def _write(bench: Bench, feed: str, count: int) -> None:
    """By lists of a hundred, as a program would."""
    with bench.database.transaction() as connection:
        connection.autocommit = True
        connection.execute(
            "DO $$ BEGIN SET synchronous_commit = off;"
            f" FOR list IN 1..{count // 100} LOOP"
            f" INSERT INTO aviso.records (feed, data) SELECT '{feed}',"
            " jsonb_build_object('n', -n, 'text', repeat('x', 120), 'price', 12.5,"
            " 'open', true) FROM generate_series(1, 100) AS n; COMMIT;"
            " END LOOP; END $$"
        )
