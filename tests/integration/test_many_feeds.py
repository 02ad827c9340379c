"""A page among thousands of feeds: it follows one, counts the rest, and finds any."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, Request, WebSocket, expect

from .api import Api
from .database import Database
from .page import FeedPage
from .running import Stack
from .test_page_accessibility import AXE, faults
from .waiting import until, until_equal

FEEDS = 300
MANY = 3_000
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


def test_where_there_is_none_one_is_made(
    stack: Stack, api: Api, page: FeedPage
) -> None:
    tab = page.tab
    # The one that a new stack has.
    api.change_feed("demo", visibility="private")
    tab.add_init_script(path=AXE)
    tab.goto(page.url)
    form = tab.locator("feed-form")
    slug = form.locator("#feed-slug")
    form.wait_for()
    assert "\n".join(faults(page, "no feeds")) == ""

    slug.fill("No Slug")
    form.locator("[type=submit]").click()
    expect(slug).to_have_attribute("aria-invalid", "true")
    slug.fill("first")
    form.locator("#feed-key").fill(stack.facts["api_key"])
    form.locator("[type=submit]").click()

    tab.wait_for_url("**/#/feeds/first")
    page.feed = "first"
    page.wait_for_state("live", ALIVE_S)
    tab.locator(".samples").wait_for()
    until_equal("0", lambda: unread(page, "first"), "the feed in the list", ALIVE_S)
    page.wait_for_record(api.write("first", {"n": 1})["id"])
    api.change_feed("demo", visibility="public")


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


def test_thousands_are_scrolled_through_found_and_kept_up_to_date(
    api: Api, database: Database, page: FeedPage, traffic: Traffic
) -> None:
    # No room is made for them: nobody reads them here.
    database.execute(
        "INSERT INTO feeds (slug, title, announced_at)"
        " SELECT 'shop-' || to_char(n, 'FM0000'), 'Shop ' || n, now()"
        " FROM generate_series(1, %s) AS n",
        [MANY],
    )
    api.create_feed("yard")
    api.create_feed("zeta", title="Almacén del Norte")
    all_feeds = database.value("SELECT count(*) FROM feeds")
    tab = page.tab
    tab.add_init_script(path=AXE)
    tab.goto(f"{page.url}/#/feeds/yard")
    page.wait_for_state("live", ALIVE_S)
    api.create_feed("a-new-one")
    api.change_feed("shop-0001", visibility="private")
    feeds = tab.locator("feed-list")

    def scroll_to_the_end() -> bool:
        feeds.evaluate("each => each.scrollTo(0, each.scrollHeight)")
        return drawn(page)[-1:] == ["zeta"]

    until(scroll_to_the_end, "the last feed of all", ALIVE_S)
    assert len(drawn(page)) < 60
    assert len([path for path in traffic.asked if path.startswith("feeds/?")]) < 50
    last = feeds.locator('li:has([data-feed-link="zeta"])')
    # What came and what went is seen where it is looked for again: not all at once.
    sizes = [str(all_feeds + change) for change in (-1, 0, 1)]
    assert last.get_attribute("aria-setsize") in sizes
    assert last.get_attribute("aria-posinset") == last.get_attribute("aria-setsize")

    # What came and went meanwhile is seen by itself.
    def top() -> list[str | None]:
        feeds.evaluate("each => each.scrollTo(0, 0)")
        return drawn(page)[:1]

    until_equal(["a-new-one"], top, "the new feed", ALIVE_S)
    tab.fill("[data-feed-search]", "shop")
    until_equal(["shop-0002"], lambda: drawn(page)[:1], "the list without", ALIVE_S)
    tab.fill("[data-feed-search]", "")

    # One that was seen and has news, wherever it stands.
    api.write("shop-2500", {"n": 1})
    tab.click("[data-action=unread-only]")
    until_equal(["shop-2500", "yard"], lambda: drawn(page), "the unread", ALIVE_S)
    tab.click("[data-action=unread-only]")

    # By keyboard, with the title's words in any order and without their accents.
    tab.locator("body").press("g")
    tab.keyboard.type("shop 298")
    until_equal(["shop-0298"], lambda: drawn(page)[:1], "what was found", ALIVE_S)
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("End")
    until_equal("shop-2989", lambda: focused(page), "the last that was found")
    tab.keyboard.press("Escape")
    tab.keyboard.press("Escape")
    until_equal("", tab.locator("[data-feed-search]").input_value, "an empty search")
    tab.keyboard.type("norte almacen")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/#/feeds/zeta")
    page.wait_for_state("live", ALIVE_S)
    assert "\n".join(faults(page, "many feeds")) == ""


def drawn(page: FeedPage) -> list[str | None]:
    """The rows of the list that are in the document, from above."""
    slugs: list[str | None] = page.tab.evaluate(
        "() => [...document.querySelectorAll('feed-list [data-feed-link]')]"
        ".map(link => link.dataset.feedLink)"
    )
    return slugs


def focused(page: FeedPage) -> str | None:
    slug: str | None = page.tab.evaluate(
        "() => document.activeElement.dataset.feedLink ?? null"
    )
    return slug


def open_from_list(page: FeedPage, feed: str) -> None:
    page.tab.click(f'feed-list [data-feed-link="{feed}"]')
    opened = FeedPage(page.tab, page.url, feed)
    until_equal(1, opened.list.count, f"the list of {feed}", ALIVE_S)
    opened.wait_for_state("live", ALIVE_S)


def unread(page: FeedPage, feed: str) -> str | None:
    counts: list[str] = page.tab.evaluate(
        "feed => [...document.querySelectorAll(`[data-feed-link='${feed}']`)]"
        ".map(link => link.dataset.unread)",
        feed,
    )
    return counts[0] if counts else None
