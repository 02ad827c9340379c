"""The page without a network: it opens with what it had, and then asks for the rest."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext

from . import chromium
from .api import Api
from .page import FeedPage
from .running import Stack
from .waiting import until, until_equal
from .wire import Wire

_RANGE = re.compile(r"<events [^>]*first=['\"](\d+)['\"][^>]*last=['\"](\d+)['\"]")
KEPT = """() => new Promise((resolve) => {
    const opening = indexedDB.open('aviso-feed');
    opening.onsuccess = () => {
        const rows = opening.result.transaction('feeds').objectStore('feeds').getAll();
        rows.onsuccess = () => {
            opening.result.close();
            resolve(Math.max(0, ...rows.result.map(({sequence}) => sequence)));
        };
    };
})"""


def test_a_restarted_browser_shows_what_it_had_and_fetches_the_difference_only(
    stack: Stack,
    api: Api,
    feed: str,
    browser: Browser,
    make_wire: Callable[..., Wire],
    tmp_path: Path,
) -> None:
    wire = make_wire()
    before = api.write_all(feed, [{"n": n} for n in range(30)])
    context, page = start(browser, tmp_path, wire, stack, feed)
    page.open()
    page.wait_for_rows(before[::-1])
    page.tab.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    until(lambda: page.tab.evaluate(KEPT) == 30, "the events to be kept")
    context.close()

    wire.cut()
    context, page = start(browser, tmp_path, wire, stack, feed)
    page.tab.goto(f"{stack.url}/#/feeds/{feed}")
    page.wait_for_rows(before[::-1])
    page.wait_for_state("offline")
    page.tab.locator("[data-kept-at]").wait_for()
    after = api.write_all(feed, [{"n": n} for n in range(3)])
    until_equal(33, lambda: api.head(feed), "the feed's head")

    asked, ranges = watch(page)
    wire.mend()
    # Where the page has not just tried by itself, and has no such button any more.
    page.tab.evaluate("() => document.querySelector('[data-action=try-now]')?.click()")
    page.wait_for_state("live")
    page.wait_for_rows([*before, *after][::-1])

    assert page.tab.locator("[data-kept-at]").count() == 0
    # Of what was kept nothing travels again: neither over XMPP, nor over REST.
    assert ranges and {first for first, _ in ranges} <= {31, 32, 33}, ranges
    assert [
        url for url in asked if "/events/?after=" in url and "=30&" not in url
    ] == []
    assert page.faults == []
    context.close()


def start(
    browser: Browser, folder: Path, wire: Wire, stack: Stack, feed: str
) -> tuple[BrowserContext, FeedPage]:
    """A browser with a profile that outlives it."""
    context = chromium.launch_with_profile(browser.browser_type, folder, wire.url)
    return context, FeedPage(context.pages[0], stack.url, feed)


def watch(page: FeedPage) -> tuple[list[str], list[tuple[int, int]]]:
    """What is asked over REST from now on, and which events come over XMPP."""
    asked: list[str] = []
    ranges: list[tuple[int, int]] = []

    def note(frame: str | bytes) -> None:
        text = frame if isinstance(frame, str) else frame.decode()
        ranges.extend((int(a), int(b)) for a, b in _RANGE.findall(text))

    page.tab.on("request", lambda request: asked.append(request.url))
    page.tab.on("websocket", lambda socket: socket.on("framereceived", note))
    return asked, ranges
