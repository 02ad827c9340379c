"""What a browser holds, whatever passes it."""

from __future__ import annotations

from playwright.sync_api import sync_playwright

from ..integration import chromium
from ..integration.bare_page import BarePage
from ..integration.waiting import until
from .behind import write_lists
from .bench import Bench
from .goals import Goal

_MIB = 1024 * 1024
_FIRST = 1_000
_LOST_S = 600.0


def element(bench: Bench) -> None:
    """`<record-feed history="50">` after 1,000 events, and after very many."""
    count = bench.choose(50_000, 300_000)
    bench.api.create_feed("passing")
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        page = BarePage(browser.new_page(), bench.stack.url)
        page.show(feed="passing", history="50")
        write_lists(bench, "passing", _FIRST)
        _wait_for(page, _FIRST)
        before = page.heap_bytes()
        write_lists(bench, "passing", count - _FIRST)
        _wait_for(page, count)
        after = page.heap_bytes()
        browser.close()
    bench.note(f"heap after {_FIRST:,} events (MiB)", before / _MIB)
    name = f"heap of an element after {count:,} events, more than that, MiB"
    bench.goals.append(Goal(name, (after - before) / _MIB, 5))


def _wait_for(page: BarePage, sequence: int) -> None:
    until(lambda: page.newest == str(sequence), f"event {sequence}", _LOST_S, 0.2)
