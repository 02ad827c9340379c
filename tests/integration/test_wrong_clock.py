"""A browser's clock that is an hour wrong: nothing is held against a server's time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, Route

from .api import Api
from .bare_page import BarePage
from .conftest import OpenPage
from .page import FeedPage
from .test_private_page import sign_up
from .test_tickets_page import make_ticket, turn, wait_for_text
from .waiting import until, until_equal

# The server's own: three quarters of them, and an account's token is renewed.
TOKEN_S = 600
TICKET_S = 60

wrong = pytest.mark.parametrize("hours", [1, -1], ids=["ahead", "behind"])


@wrong
def test_a_guest_and_an_account_read_on(
    api: Api, feed: str, private_feed: str, open_page: OpenPage, hours: int
) -> None:
    page = open_page(feed)
    set_clock(page.tab, hours)
    asked: list[object] = []
    page.tab.on(
        "websocket",
        lambda socket: socket.on("framesent", lambda data: note(asked, data)),
    )
    page.reload()
    record_id = api.write(feed, {"for": "guests"})["id"]
    page.wait_for_record(record_id)
    until(
        lambda: "hour" not in page.row(record_id).inner_text(),
        "an age without the clock's error",
    )

    api.grant(private_feed, sign_up(page))
    page.look_for(private_feed)
    page.tab.locator(f'[data-feed-link="{private_feed}"]').click()
    private = FeedPage(page.tab, page.url, private_feed)
    private.wait_for_state("live")
    assert len(asked) == 1
    page.tab.clock.fast_forward(TOKEN_S * 800)

    until(lambda: turn(page.tab) and len(asked) == 2, "the next token")
    private.wait_for_state("live")
    private.wait_for_record(api.write(private_feed, {"after": "it"})["id"])


@wrong
def test_a_ticket_is_carried_on(
    api: Api, feed: str, private_feed: str, open_page: OpenPage, hours: int
) -> None:
    tab = open_page(feed).tab
    set_clock(tab, hours)
    given: list[str] = []

    def give(route: Route) -> None:
        given.append(make_ticket(api, private_feed, expires_in=TICKET_S))
        route.fulfill(json={"ticket": given[-1]})

    tab.route("**/my-ticket", give)
    sockets: list[str] = []
    page = BarePage(tab, open_url(tab))
    tab.on("websocket", lambda socket: sockets.append(socket.url))
    page.show(**{"feed": private_feed, "ticket-url": "/my-ticket"})
    wait_for_text(tab, "Live")
    assert len(given) == 1
    tab.clock.fast_forward(TICKET_S * 800)

    until(lambda: turn(tab) and len(given) == 2, "a fresh ticket")
    api.write(private_feed, {"note": "with the second"})
    until_equal("with the second", lambda: page.newest, "the newest record")
    assert len(sockets) == 1


def set_clock(tab: Page, hours: int) -> None:
    """Of every document that is loaded from now on; it goes on from there."""
    tab.clock.install(time=datetime.now(UTC) + timedelta(hours=hours))


def note(asked: list[object], frame: str | bytes) -> None:
    if "<token" in str(frame):
        asked.append(frame)


def open_url(tab: Page) -> str:
    url: str = tab.evaluate("() => location.origin")
    return url
