"""What the page's main thread does while very much arrives."""

from __future__ import annotations

import json
import time

from playwright.sync_api import Browser, sync_playwright

from ..integration import chromium
from ..integration.page import FeedPage
from .behind import write_lists
from .bench import Bench
from .goals import Goal

_RATE = 200
_BEFORE = 1_000
_LOST_S = 120.0
_LONGEST_MS = 100
# A browser tells of tasks from 50 ms on, by the wall's clock.
_OBSERVE = """() => {
    globalThis.tasks = [];
    new PerformanceObserver(list => {
        for (const { duration } of list.getEntries()) tasks.push(duration);
    }).observe({ type: 'longtask' });
}"""
# Single records, each committed by itself, as evenly as the server can.
_WRITE = """
DO $$
DECLARE
    began timestamptz := clock_timestamp();
BEGIN
    SET synchronous_commit = off;
    FOR n IN 1..{count} LOOP
        INSERT INTO aviso.records (feed, data) VALUES ('{feed}', jsonb_build_object(
            'n', n, 'item', 'tea ' || n % 40, 'price', 12.50, 'open', true,
            'placed_at', now(), 'to', jsonb_build_object(
                'city', 'Madrid', 'street', repeat('x', 60))));
        COMMIT;
        PERFORM pg_sleep(extract(epoch FROM began - clock_timestamp()) + n / {rate}.0);
    END LOOP;
END $$
"""


def busy(bench: Bench) -> None:
    """Cards and table, looked at from the top, while single records arrive."""
    seconds = bench.choose(20, 120)
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        for view in ("cards", "table"):
            most = _watch(bench, browser, view, seconds)
            name = f"most CPU of one task of the page, {view}, {_RATE} records/s, ms"
            bench.goals.append(Goal(name, most, _LONGEST_MS))
        browser.close()


def _watch(bench: Bench, browser: Browser, view: str, seconds: int) -> float:
    """Write for so long; return the most milliseconds of CPU of one task."""
    feed, count = f"busy-{view}", seconds * _RATE
    bench.api.create_feed(feed)
    write_lists(bench, feed, _BEFORE)
    tab = browser.new_context(locale="en-GB").new_page()
    page = FeedPage(tab, bench.stack.url, feed)
    page.go_to(f"?view={view}")
    page.wait_for_position(_BEFORE)
    browser.start_tracing(page=tab, categories=["toplevel"])
    tab.evaluate(_OBSERVE)
    started = time.monotonic()
    with bench.database.transaction() as connection:
        connection.autocommit = True
        connection.execute(_WRITE.format(feed=feed, count=count, rate=_RATE))
    bench.note(f"{view}: records/s written", count / (time.monotonic() - started))
    page.wait_for_position(_BEFORE + count, _LOST_S)
    most = _most_cpu_ms(browser.stop_tracing())
    tasks: list[float] = tab.evaluate("tasks")
    bench.note(f"{view}: tasks of 50 ms and more", len(tasks))
    bench.note(
        f"{view}: the longest, waiting for a core too (ms)", max(tasks, default=0)
    )
    tab.context.close()
    return most


def _most_cpu_ms(trace: bytes) -> float:
    """Of a task of the page's main thread: others' work does not make it longer."""
    events = json.loads(trace)["traceEvents"]
    mains = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    return max(
        event.get("tdur", 0) / 1000
        for event in events
        if (event["pid"], event["tid"]) in mains
    )
