"""A page among hundreds of feeds: it follows the one being read and counts the rest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, Request, WebSocket

from .api import Api
from .database import Database
from .page import FeedPage
from .running import Stack
from .waiting import until, until_equal

FEEDS = 300
ALIVE_S = 120
_JOIN = re.compile(r'<presence\b[^>]*\bto="([a-z0-9-]+)@feeds\.')


@pytest.fixture(scope="module")
def stack(start_stack: Callable[..., Stack]) -> Iterator[Stack]:
    """One of its own: other tests look at lists that are short."""
    stack = start_stack()
    yield stack
    stack.interrupt()


@dataclass
class Traffic:
    """What a tab sent: rooms that it joined, and paths that it asked for over REST."""

    joined: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def rooms(self) -> list[str]:
        """Each once: one that the pusher has not made yet is joined again later."""
        return list(dict.fromkeys(self.joined))

    def watch(self, tab: Page) -> None:
        tab.on("websocket", self._note_websocket)
        tab.on("request", self._note_request)

    def _note_websocket(self, websocket: WebSocket) -> None:
        websocket.on("framesent", self._note_frame)

    def _note_frame(self, frame: str | bytes) -> None:
        if "http://jabber.org/protocol/muc" in (text := str(frame)):
            self.joined += _JOIN.findall(text)

    def _note_request(self, request: Request) -> None:
        if "/api/v1/" in request.url:
            self.asked.append(request.url.partition("/api/v1/")[2])


@pytest.fixture
def traffic() -> Traffic:
    return Traffic()


@pytest.fixture
def page(stack: Stack, browser: Browser, traffic: Traffic) -> Iterator[FeedPage]:
    context = browser.new_context(locale="en-GB")
    tab = context.new_page()
    traffic.watch(tab)
    page = FeedPage(tab, stack.url, "orders")
    yield page
    context.close()
    assert page.faults == []


def test_it_joins_the_room_that_is_read_and_counts_the_others(
    api: Api, database: Database, page: FeedPage, traffic: Traffic
) -> None:
    api.create_feed("orders")
    database.execute(
        "INSERT INTO feeds (slug) SELECT 'many-' || to_char(n, 'FM0000')"
        " FROM generate_series(1, %s) AS n",
        [FEEDS],
    )

    page.tab.goto(f"{page.url}/#/feeds/orders")
    page.wait_for_state("live", ALIVE_S)
    page.wait_for_record(api.write("orders", {"n": 1})["id"], ALIVE_S)
    for number in (1, 2):
        api.write("many-0003", {"n": number})
    until_equal("2", lambda: unread(page, "many-0003"), "the unread number", ALIVE_S)

    assert traffic.rooms == ["orders"]
    until(lambda: page.tab.title().startswith("(2) "), "the number in the title")
    assert page.tab.locator("[data-feed-link]").count() < 100
    # The list, the feed, where to connect, its history, heads each 10 s: none a feed.
    assert len(traffic.asked) < FEEDS / 5

    open_from_list(page, "many-0003")
    until_equal("0", lambda: unread(page, "many-0003"), "the unread number gone")
    page.tab.fill("[data-feed-search]", f"many-{FEEDS:04}")
    open_from_list(page, f"many-{FEEDS:04}")
    assert traffic.rooms == ["orders", "many-0003", f"many-{FEEDS:04}"]


def open_from_list(page: FeedPage, feed: str) -> None:
    page.tab.click(f'feed-list [data-feed-link="{feed}"]')
    opened = FeedPage(page.tab, page.url, feed)
    until_equal(1, opened.list.count, f"the list of {feed}", ALIVE_S)
    opened.wait_for_state("live", ALIVE_S)


def unread(page: FeedPage, feed: str) -> str | None:
    links = page.tab.locator(f'[data-feed-link="{feed}"]').all()
    return links[0].get_attribute("data-unread") if links else None
