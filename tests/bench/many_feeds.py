"""Very many feeds: announced, shown, idle, and one more."""

from __future__ import annotations

import time

from playwright.sync_api import sync_playwright

from ..integration import chromium
from ..integration.page import FeedPage
from ..integration.waiting import until
from .beat import beat_for
from .bench import Bench
from .goals import Goal
from .processes import cpu_seconds, cpu_shares, memory_kib

# Ours, which the bound is for; the stores and the gateway idle in their own way.
_OURS = ("records-api", "relay", "pusher", "ejabberd")
_PARTS = (*_OURS, "postgres", "rabbitmq", "web", "gateway")
_ANNOUNCED_S = 1800.0


def many_feeds(bench: Bench) -> None:
    count = bench.choose(2_000, 10_000)
    stack, database = bench.stack, bench.database
    bench.api.create_feed("open")
    beat_for(bench, "open", 3)
    time.sleep(3)
    pusher = memory_kib(stack, "pusher")
    few = cpu_shares(stack, _PARTS, 3 * bench.seconds)
    started, used = time.monotonic(), cpu_seconds(stack, _PARTS)
    database.execute(
        "INSERT INTO aviso.feeds (slug) SELECT 'many-' || to_char(n, 'FM000000')"
        " FROM generate_series(1, %s) AS n",
        [count],
    )
    until(
        lambda: database.value(
            "SELECT count(*) = 0 FROM aviso.feeds WHERE announced_at IS NULL"
        ),
        f"{count} feeds to be announced",
        _ANNOUNCED_S,
        every_s=0.5,
    )
    bench.note("feeds", count)
    bench.note("until all are announced (s)", time.monotonic() - started)
    for part, seconds in cpu_seconds(stack, _PARTS).items():
        each = 1000 * (seconds - used[part]) / count
        bench.note(f"… CPU of {part} for each (ms)", each)
    time.sleep(5)
    grown = (memory_kib(stack, "pusher") - pusher) / 1024
    _measure_idle(bench, few)
    waits = [_open_page(bench) for _ in range(3)]
    bench.note("a page opens, first time (s)", waits[0])
    bench.api.create_feed("one-more")
    time.sleep(2)
    more = beat_for(bench, "one-more", bench.seconds)
    bench.note("feed one more, median (ms)", more.median)
    idle = bench.figures["all of ours together (% of a core)"]
    bench.goals += [
        Goal(f"{count:,} feeds: a page opens, s", sorted(waits)[1], 3),
        Goal(f"{count:,} feeds: idle CPU, % of a core", idle, 5),
        Goal(f"{count:,} feeds: the pusher's memory up by, MiB", grown, 60),
        Goal("one feed more: its slowest record, ms", more.slowest, 1000),
    ]


def _measure_idle(bench: Bench, few: dict[str, float]) -> None:
    many = cpu_shares(bench.stack, _PARTS, 6 * bench.seconds)
    for part in _PARTS:
        bench.note(f"{part} idle, with one feed (% of a core)", few[part])
        bench.note(f"{part} idle, with all (% of a core)", many[part])
    ours = sum(many[part] for part in _OURS)
    bench.note("all of ours together (% of a core)", ours)
    bench.note("all of all together (% of a core)", sum(many.values()))


def _open_page(bench: Bench) -> float:
    """Seconds from the address until the page is live, in a browser that is new."""
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        tab = browser.new_context(locale="en-GB").new_page()
        tab.goto("about:blank")
        started = time.monotonic()
        page = FeedPage(tab, bench.stack.url, "open")
        page.tab.goto(f"{page.url}/#/feeds/{page.feed}")
        page.wait_for_state("live", 120)
        until(lambda: page.position > 0, "its records", 120)
        passed = time.monotonic() - started
        browser.close()
    return passed
