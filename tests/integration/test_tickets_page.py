"""A private feed embedded with a ticket: the element, in a real browser."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route

from . import tokens
from .api import Api
from .conftest import OpenPage
from .running import Stack
from .waiting import until, until_equal

Embed = Callable[..., Page]

_EMBED = """async attributes => {
    await import('/feed-client/aviso-feed.js');
    const element = document.createElement('record-feed');
    for (const [name, value] of Object.entries(attributes)) {
        element.setAttribute(name, value);
    }
    window.expiring = 0;
    document.addEventListener('ticket-expiring', () => { window.expiring += 1; });
    document.body.append(element);
}"""
_FOLLOW = """async feed => {
    const { AvisoClient } = await import('/feed-client/aviso-feed.js');
    const renewTicket = async () => {
        const answer = await fetch('/my-ticket', { method: 'POST' });
        return (await answer.json()).ticket;
    };
    window.client = new AvisoClient('', { ticket: '', renewTicket });
    window.told = [];
    window.followed = client.subscribe(feed);
    followed.on('change', ({ record }) => told.push(record?.data.n));
}"""
_TEXT = "() => document.querySelector('record-feed').shadowRoot.textContent"


@pytest.fixture
def embed(feed: str, open_page: OpenPage) -> Embed:
    """Put the element on a page, with these attributes."""

    def put(**attributes: str) -> Page:
        tab = open_page(feed).tab
        named = {name.replace("_", "-"): value for name, value in attributes.items()}
        tab.evaluate(_EMBED, named)
        return tab

    return put


def test_a_ticket_opens_a_private_feed(
    api: Api, private_feed: str, embed: Embed
) -> None:
    api.write(private_feed, {"note": "from before"})

    tab = embed(feed=private_feed, ticket=make_ticket(api, private_feed))

    wait_for_text(tab, "Live")
    wait_for_text(tab, "from before")
    api.write(private_feed, {"note": "just now"})
    wait_for_text(tab, "just now")


def test_a_ticket_that_is_none_is_refused(private_feed: str, embed: Embed) -> None:
    tab = embed(feed=private_feed, ticket="nonsense")

    wait_for_text(tab, "The ticket cannot be read.")


def test_the_element_gets_tickets_by_itself_and_goes_on_with_them(
    api: Api, private_feed: str, embed: Embed
) -> None:
    asked: list[str] = []
    tab = embed(feed=private_feed)
    wait_for_text(tab, "There is no such feed, or it is not open to you.")

    def give(route: Route) -> None:
        asked.append(route.request.method)
        route.fulfill(json={"ticket": make_ticket(api, private_feed, expires_in=60)})

    tab.route("**/my-ticket", give)
    set_attribute(tab, "ticket-url", "/my-ticket")
    wait_for_text(tab, "Live")
    # It is asked for when half of the first one's minute is over.
    until(lambda: turn(tab) and len(asked) >= 2, "a fresh ticket", 90)

    api.write(private_feed, {"note": "with the second"})
    wait_for_text(tab, "with the second")
    assert set(asked) == {"POST"}
    assert tab.evaluate("() => window.expiring") >= 1


def test_a_revoked_ticket_holder_is_told_and_comes_back(
    api: Api, private_feed: str, embed: Embed
) -> None:
    api.write(private_feed, {"note": "from before"})
    tab = embed(feed=private_feed, ticket=make_ticket(api, private_feed))
    wait_for_text(tab, "from before")
    wait_for_text(tab, "Live")
    domain = api.get("connection/")["ticket_domain"]

    api.revoke(private_feed, f"u-17@{domain}")

    wait_for_text(tab, "This feed is no longer open to you.")
    until(lambda: "from before" not in tab.evaluate(_TEXT), "its text gone")

    api.grant(private_feed, f"u-17@{domain}")
    set_attribute(tab, "ticket", make_ticket(api, private_feed))

    wait_for_text(tab, "from before")


def test_a_client_that_was_closed_for_longer_than_its_ticket_lasts_connects_again(
    stack: Stack, api: Api, feed: str, private_feed: str, open_page: OpenPage
) -> None:
    reader = f"u-17@{api.get('connection/')['ticket_domain']}"
    api.grant(private_feed, reader)
    secret = stack.settings.secrets["ticket"]
    tab = open_page(feed).tab
    given: list[str] = []

    def give(route: Route) -> None:
        # Ones that last for so short are renewed all the while, as long as it is open.
        ticket = tokens.make_ticket(secret, reader, [private_feed], lasts_s=10)
        given.append(ticket)
        route.fulfill(json={"ticket": ticket})

    def told() -> list[int]:
        turn(tab)
        numbers: list[int] = tab.evaluate("told")
        return numbers

    tab.route("**/my-ticket", give)
    tab.evaluate(_FOLLOW, private_feed)
    api.write(private_feed, {"n": 1})
    until_equal([1], told, "what was written")
    tab.evaluate("() => client.close()")

    def has_ended() -> bool:
        turn(tab)
        end: int = tokens.read_claims(given[-1])["exp"]
        return time.time() > end + 1

    until(has_ended, "the last ticket to end, for a closed client asks for no other")
    before = len(given)
    api.write(private_feed, {"n": 2})

    tab.evaluate("() => client.connect()")

    until_equal([1, 2], told, "what was written meanwhile")
    api.write(private_feed, {"n": 3})
    until_equal([1, 2, 3], told, "what was written since")
    assert len(given) > before


def make_ticket(api: Api, feed: str, expires_in: int = 600) -> str:
    body = {"reader": "u-17", "feeds": [feed], "expires_in": expires_in}
    answer = api.call("POST", "tickets/", body)
    assert answer.status == 201, (answer.status, answer.body)
    ticket: str = answer.json["ticket"]
    return ticket


def set_attribute(tab: Page, name: str, value: str) -> None:
    tab.evaluate(
        "([name, value]) =>"
        " document.querySelector('record-feed').setAttribute(name, value)",
        [name, value],
    )


def turn(tab: Page) -> bool:
    """Let the browser's requests reach the routes of this test."""
    tab.wait_for_timeout(100)
    return True


def wait_for_text(tab: Page, text: str) -> None:
    until(
        lambda: turn(tab) and text in tab.evaluate(_TEXT),
        f"{text!r} in the element",
    )
