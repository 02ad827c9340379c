"""A browser that was away comes back, very many events behind."""

from __future__ import annotations

import time

from playwright.sync_api import Page, sync_playwright

from ..integration import chromium
from ..integration.bare_page import BarePage
from ..integration.page import FeedPage
from ..integration.waiting import until
from ..integration.wire import Wire
from .bench import Bench
from .goals import Goal
from .unequal import wait_until_archived

_LINES = (("here", None, 10), ("8 Mbit/s", 1_000_000.0, 60))
_LOST_S = 600.0
# A program that wants every event: it counts, and notes what is not the next.
_FOLLOW = """async feed => {
    const {AvisoClient} = await import('/feed-client/aviso-feed.js');
    const subscription = new AvisoClient().subscribe(feed, {history: 1});
    const seen = {last: 0, wrong: 0, state: ''};
    subscription.on('state', ({kind}) => { seen.state = kind; });
    subscription.on('reset', () => { seen.wrong += 1; });
    subscription.on('events', ({events}) => {
        for (const {sequence} of events) {
            if (seen.last > 0 && sequence !== seen.last + 1) seen.wrong += 1;
            seen.last = sequence;
        }
    });
    globalThis.seen = seen;
}"""


def behind(bench: Bench) -> None:
    """A program that wants all, and the page, which shows the newest first."""
    many = bench.choose(20_000, 100_000)
    for line, bytes_per_s, must in _LINES:
        passed = _program(bench, f"program{must}", many, bytes_per_s)
        name = f"a client {many:,} events behind has every one, {line}, s"
        bench.goals.append(Goal(name, passed, must))
    some = bench.choose(5_000, 10_000)
    for line, bytes_per_s, must in _LINES:
        passed = _page(bench, f"some{must}", some, bytes_per_s)
        name = f"the page {some:,} events behind shows every one, {line}, s"
        bench.goals.append(Goal(name, passed, must))
    far = bench.choose(50_000, 500_000)
    for line, bytes_per_s, _ in _LINES:
        passed = _page(bench, f"far-{line[0]}", far, bytes_per_s)
        name = f"the page {far:,} events behind shows the newest, {line}, s"
        bench.goals.append(Goal(name, passed, 10))


def _program(bench: Bench, feed: str, count: int, bytes_per_s: float | None) -> float:
    """Seconds from the connection being there again until every event was given out."""
    bench.api.create_feed(feed)
    with sync_playwright() as playwright:
        browser, wire = chromium.launch(playwright), Wire()
        tab = browser.new_context(proxy={"server": wire.url}).new_page()
        BarePage(tab, bench.stack.url)
        tab.evaluate(_FOLLOW, feed)
        bench.api.write(feed, {"n": -1})
        until(lambda: _seen(tab, "last") == 1, "the first event", 60)
        wire.cut()
        until(lambda: _seen(tab, "state") == "offline", "the line to be cut", 60)
        write_lists(bench, feed, count)
        wait_until_archived(bench, feed, count + 1)
        wire.bytes_per_s = bytes_per_s
        wire.mend()
        until(lambda: _seen(tab, "state") != "offline", "a connection", 120, 0.02)
        connected = time.monotonic()
        until(lambda: _seen(tab, "last") > count, "every event", _LOST_S)
        until(lambda: _seen(tab, "state") == "live", "it to be live", _LOST_S)
        passed = time.monotonic() - connected
        assert _seen(tab, "wrong") == 0, "an event that was not the next"
        bench.note(f"{feed}: {count:,} events (s)", passed)
        browser.close()
        wire.close()
    return passed


def _page(bench: Bench, feed: str, count: int, bytes_per_s: float | None) -> float:
    """Seconds from the connection being there again until the newest is shown."""
    bench.api.create_feed(feed)
    with sync_playwright() as playwright:
        browser, wire = chromium.launch(playwright), Wire()
        context = browser.new_context(locale="en-GB", proxy={"server": wire.url})
        page = FeedPage(context.new_page(), bench.stack.url, feed).open()
        bench.api.write(feed, {"n": -1})
        page.wait_for_position(1)
        wire.cut()
        page.wait_for_state("offline")
        write_lists(bench, feed, count)
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


def write_lists(bench: Bench, feed: str, count: int) -> None:
    """By lists of a hundred, as a program would; `n` is each event's place."""
    with bench.database.transaction() as connection:
        connection.autocommit = True
        head = bench.api.head(feed)
        connection.execute(
            "DO $$ BEGIN SET synchronous_commit = off;"
            f" FOR list IN 0..{count // 100 - 1} LOOP"
            f" INSERT INTO aviso.records (feed, data) SELECT '{feed}',"
            f" jsonb_build_object('n', {head} + list * 100 + n, 'price', 12.5,"
            " 'open', true, 'text', repeat('x', 120))"
            " FROM generate_series(1, 100) AS n; COMMIT;"
            " END LOOP; END $$"
        )


def _seen(tab: Page, name: str) -> int | str:
    value: int | str = tab.evaluate("name => globalThis.seen[name]", name)
    return value
