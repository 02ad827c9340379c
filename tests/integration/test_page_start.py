"""How the page starts: at every address of the server, and when it fails at first."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from .api import Api
from .conftest import OpenPage
from .faults.tcp_wire import TcpWire
from .running import Stack
from .test_embedding import embed, states
from .waiting import ALIVE_S, until_equal


@pytest.fixture
def forwarded(stack: Stack) -> Iterator[int]:
    """A port that leads to the page's, as `ssh -L` makes one."""
    with closing(TcpWire(stack.port)) as wire:
        yield wire.port


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="en-GB")
    yield context.new_page()
    context.unroute_all(behavior="wait")
    context.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "forwarded"])
def test_it_is_live_at_every_address_of_the_server(
    stack: Stack, api: Api, feed: str, open_page: OpenPage, forwarded: int, host: str
) -> None:
    if host == "[::1]" and not has_ipv6(stack.port):
        pytest.skip("this machine has no IPv6")
    url = f"http://{host}:{stack.port}"
    if host == "forwarded":
        url = f"http://localhost:{forwarded}"

    page = open_page(feed, url=url)

    page.wait_for_record(api.write(feed, {"n": 1})["id"])
    assert page.transport == "WebSocket"
    tab = embed(page, {"feed": feed})
    until_equal(["Live"], lambda: states(tab), "the element")


def test_at_an_address_that_is_refused_it_says_which_one_to_use(
    stack: Stack, feed: str, tab: Page
) -> None:
    tab.goto(f"http://second.localhost:{stack.port}/#/feeds/{feed}")

    tab.locator('[data-list-failure="other-address"]').wait_for()
    link = tab.get_by_role("link", name=stack.url)
    assert link.get_attribute("href") == f"{stack.url}/#/feeds/{feed}"
    link.click()

    tab.locator('[data-connection-state="live"]').wait_for()
    assert urlsplit(tab.url).netloc == urlsplit(stack.url).netloc


def too_many(route: Route) -> None:
    route.fulfill(status=429, headers={"Retry-After": "1"}, json={"detail": "Slower"})


def broken(route: Route) -> None:
    route.fulfill(status=502, body="<h1>Bad gateway</h1>")


def of_the_hotel(route: Route) -> None:
    route.fulfill(status=200, body="<html>Sign in to the hotel's network</html>")


def no_way(route: Route) -> None:
    route.abort()


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (too_many, "too-many"),
        (broken, "server-error"),
        (of_the_hotel, "not-understood"),
        (no_way, "unreachable"),
    ],
)
def test_what_fails_at_the_start_is_said_and_tried_again(
    stack: Stack, feed: str, tab: Page, answer: Callable[[Route], None], failure: str
) -> None:
    tab.route("**/api/v1/**", answer)
    tab.goto(stack.url)
    tab.locator(f'[data-list-failure="{failure}"]').wait_for()

    tab.unroute("**/api/v1/**")

    # The first feed of the list is shown, as if nothing had been.
    live = tab.locator('feed-view [data-connection-state="live"]')
    expect(live).to_have_count(1)


def test_a_feed_that_is_none_is_not_live(stack: Stack, feed: str, tab: Page) -> None:
    tab.goto(f"{stack.url}/#/feeds/no-such-feed")

    tab.get_by_text("There is no feed “no-such-feed”").wait_for()
    tab.locator('[data-connection-state="refused"]').wait_for()


def has_ipv6(port: int) -> bool:
    try:
        socket.create_connection(("::1", port), 5).close()
    except OSError:
        return False
    return True


_ALL_CAME = """() => sessionStorage.getItem("aviso.loads") === null
    && document.styleSheets.length > 0 && !document.querySelector(".loading")"""


@pytest.mark.parametrize("part", ["**/assets/*.js", "**/assets/*.css"])
def test_a_part_of_it_that_did_not_come_is_asked_for_again(
    stack: Stack, feed: str, tab: Page, part: str
) -> None:
    lost: list[str] = []

    def lose(route: Route) -> None:
        if len(lost) < 2:
            lost.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    def losses() -> int:
        tab.wait_for_timeout(50)  # Playwright hears of requests while it waits itself
        return len(lost)

    tab.route(part, lose)
    tab.goto(f"{stack.url}/#/feeds/{feed}")

    until_equal(2, losses, "the part to be asked for again")
    tab.locator("[data-connection-state=live]").first.wait_for(timeout=ALIVE_S * 1000)
    tab.wait_for_function(_ALL_CAME, timeout=ALIVE_S * 1000)


def test_where_no_script_comes_it_says_what_to_do(stack: Stack, tab: Page) -> None:
    tab.route("**/*.js", lambda route: route.abort())
    tab.goto(stack.url)

    expect(tab.get_by_text("reload this page")).to_be_visible(timeout=ALIVE_S * 1000)
    expect(tab.get_by_text("recargue esta página")).to_be_visible()
