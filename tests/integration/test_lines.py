"""Lines that are far away, and proxies that end what lasts: all comes, in order, once.

By the library and by the element, on one page that is loaded before the line gets bad;
and by Aviso's own page, which is loaded over it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, Page

from .api import Api
from .bare_page import BarePage
from .page import FeedPage
from .running import Stack
from .waiting import until, until_equal
from .wire import Wire

DELAY_S = 2.0
SHOWN = 50
# Each exchange takes twice the delay, and a connection some ten of them.
FAR_S = 300.0
_FOLLOW = """async feed => {
    const { AvisoClient } = await import('/feed-client/aviso-feed.js');
    window.told = [];
    window.client = new AvisoClient();
    window.subscription = client.subscribe(feed);
    subscription.on('change', ({ type, sequence, record }) => {
        told.push([type, sequence, record?.data.n]);
    });
}"""
_SHOWN = (
    "() => [...document.querySelector('record-feed').shadowRoot"
    ".querySelectorAll('[part=value]')].map(each => Number(each.textContent))"
)
_ARE_LIVE = (
    "() => subscription.state.kind === 'live' && document.querySelector('record-feed')"
    ".shadowRoot.querySelector('[part=state]').textContent.trim() === 'Live'"
)


class Line:
    """A page behind a wire, with a feed that is followed and written to."""

    def __init__(self, tab: Page, url: str, api: Api, feed: str, wire: Wire) -> None:
        self.wire = wire
        self._tab = tab
        self._url = url
        self._api = api
        self._feed = feed
        self._written = 0

    def load(self) -> None:
        """Load the page, and the library onto it."""
        self._page = BarePage(self._tab, self._url)
        self._tab.evaluate(
            "async () => { await import('/feed-client/aviso-feed.js'); }"
        )

    def follow(self) -> None:
        self._page.show(feed=self._feed, history=str(SHOWN))
        self._tab.evaluate(_FOLLOW, self._feed)

    def write(self) -> None:
        self._api.write(self._feed, {"n": self._written})
        self._written += 1

    def wait_until_live(self) -> None:
        until(lambda: self._tab.evaluate(_ARE_LIVE), "both to be live", FAR_S)

    def wait_until_complete(self) -> None:
        written = range(self._written)
        told = [["created", n + 1, n] for n in written]
        until_equal(told, lambda: self._tab.evaluate("told"), "every event", FAR_S)
        shown = list(reversed(written))[:SHOWN]
        until_equal(shown, lambda: self._tab.evaluate(_SHOWN), "the newest", FAR_S)


@pytest.fixture
def make_line(
    stack: Stack,
    browser: Browser,
    api: Api,
    feed: str,
    make_wire: Callable[..., Wire],
) -> Iterator[Callable[..., Line]]:
    contexts = []

    def make(**options: bool) -> Line:
        wire = make_wire(**options)
        context = browser.new_context(proxy={"server": wire.url}, locale="en-GB")
        contexts.append(context)
        return Line(context.new_page(), stack.url, api, feed, wire)

    yield make
    for context in contexts:
        context.close()


def test_a_line_with_two_seconds_of_latency_each_way_is_live(
    make_line: Callable[..., Line],
) -> None:
    line = make_line()
    for _ in range(3):
        line.write()
    line.load()
    line.wire.delay_s = DELAY_S

    line.follow()
    line.write()
    line.wait_until_live()
    for _ in range(20):
        line.write()

    line.wait_until_complete()
    line.wait_until_live()


def test_the_page_itself_is_of_use_two_seconds_away(
    stack: Stack,
    browser: Browser,
    api: Api,
    feed: str,
    make_wire: Callable[..., Wire],
) -> None:
    ids = api.write_all(feed, [{"n": n} for n in range(3)])
    wire = make_wire()
    wire.delay_s = DELAY_S
    far = {"proxy": {"server": wire.url}, "locale": "en-GB"}
    with closing(browser.new_context(**far)) as context:
        context.set_default_timeout(FAR_S * 1000)
        page = FeedPage(context.new_page(), stack.url, feed)
        page.tab.goto(f"{stack.url}/#/feeds/{feed}?view=cards")
        page.wait_for_state("live", FAR_S)
        page.wait_for_rows(ids[::-1], FAR_S)

        ids.append(api.write(feed, {"n": 3})["id"])
        page.wait_for_rows(ids[::-1], FAR_S)

        wire.cut()
        ids += api.write_all(feed, [{"n": n} for n in range(4, 24)])
        until(lambda: page.state != "live", "the page to see the cut", FAR_S)
        wire.mend()
        page.wait_for_state("live", FAR_S)
        page.wait_for_rows(ids[::-1], FAR_S)

        page.write_json('{"n": 24}', stack.facts["api_key"])
        page.tab.locator('[data-write-outcome="written"]').wait_for()
        # Its row waits where the form had the page scrolled.
        until(lambda: page.position == len(ids) + 1, "the page's own record", FAR_S)
        page.wait_for_state("live", FAR_S)
        assert page.faults == []


@pytest.mark.parametrize(
    ("passes_websocket", "longest_s", "every_s"),
    # A WebSocket lasts whatever comes; of BOSH only the waiting for what does not.
    [(True, 10.0, 0.1), (False, 3.0, 4.0)],
    ids=["websocket", "bosh"],
)
def test_a_proxy_that_ends_what_lasts_costs_nothing(
    make_line: Callable[..., Line],
    passes_websocket: bool,
    longest_s: float,
    every_s: float,
) -> None:
    line = make_line(passes_websocket=passes_websocket)
    line.wire.longest_s = longest_s
    line.load()
    line.follow()
    line.wait_until_live()
    before = line.wire.ended

    def is_ended_after_a_write(times: int) -> bool:
        line.write()
        return line.wire.ended >= before + times

    until(lambda: is_ended_after_a_write(4), "four ends", FAR_S, every_s)
    for _ in range(5):
        line.write()

    line.wait_until_complete()
    line.wait_until_live()
