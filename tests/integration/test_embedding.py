"""`<record-feed>` on a page, in a real browser: many of them, and wrong attributes."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, WebSocket

from .api import Api
from .conftest import OpenPage
from .page import FeedPage
from .test_page import PASSWORD, account_kind, fill_account, open_sign_in, sign_in
from .test_passwords import new_name
from .test_tickets_page import make_ticket
from .waiting import until, until_equal

ELEMENTS = 11  # one more than a reader may have sessions
_EMBED = """async all => {
    await import('/feed-client/aviso-feed.js');
    document.body.replaceChildren(...all.map(attributes => {
        const element = document.createElement('record-feed');
        for (const [name, value] of Object.entries(attributes)) {
            element.setAttribute(name, value);
        }
        return element;
    }));
}"""
_TEXTS = """() => [...document.querySelectorAll('record-feed')].map(
    each => each.shadowRoot.querySelector('[part=state]').textContent.trim())"""
_ROW = "document.querySelector('record-feed').shadowRoot.querySelector('dd')"


def embed(page: FeedPage, *attributes: dict[str, str]) -> Page:
    page.tab.evaluate(_EMBED, list(attributes))
    return page.tab


def states(tab: Page) -> list[str]:
    texts: list[str] = tab.evaluate(_TEXTS)
    return texts


def test_many_elements_of_one_reader_are_live_over_one_connection(
    api: Api, feed: str, open_page: OpenPage
) -> None:
    ticket = make_ticket(api, feed)
    page = open_page(feed)
    sockets: list[WebSocket] = []
    stanzas: list[str] = []

    def listen(socket: WebSocket) -> None:
        sockets.append(socket)
        socket.on("framereceived", lambda payload: stanzas.append(str(payload)))

    page.tab.on("websocket", listen)

    tab = embed(page, *[{"feed": feed, "ticket": ticket}] * ELEMENTS)

    until_equal(["Live"] * ELEMENTS, lambda: states(tab), "every element")
    api.write(feed, {"note": "for all"})
    tab.wait_for_function(
        "() => [...document.querySelectorAll('record-feed')]"
        ".every(each => each.shadowRoot.textContent.includes('for all'))"
    )
    assert len(sockets) == 1
    assert [each for each in stanzas if "resource-constraint" in each] == []


def test_a_selection_survives_an_arrival(
    api: Api, feed: str, open_page: OpenPage
) -> None:
    api.write(feed, {"note": "selected"})
    tab = embed(open_page(feed), {"feed": feed})
    tab.wait_for_function(f"() => {_ROW}?.textContent === 'selected'")
    tab.evaluate(f"() => getSelection().selectAllChildren({_ROW})")

    api.write(feed, {"note": "another"})

    tab.wait_for_function(f"() => {_ROW}.textContent === 'another'")
    assert tab.evaluate("() => getSelection().toString()") == "selected"


@pytest.mark.parametrize("history", ["all", "-5", "", "50px"])
def test_a_history_that_is_none_is_the_usual_one(
    api: Api, feed: str, open_page: OpenPage, history: str
) -> None:
    api.write(feed, {"note": "there"})
    page = open_page(feed)
    asked: list[str] = []
    page.tab.on("request", lambda request: asked.append(request.url))

    tab = embed(page, {"feed": feed, "history": history})

    until_equal(["Live"], lambda: states(tab), "the element")
    assert [url for url in asked if "NaN" in url] == []
    warnings = [text for text in page.console if text.startswith("warning: aviso:")]
    assert [json.dumps(history) in text for text in warnings] == [True]


def test_names_and_origins_that_cannot_be_are_told_at_once(
    feed: str, open_page: OpenPage
) -> None:
    page = open_page(feed)

    tab = embed(page, {"feed": "Demo"}, {"feed": feed, "origin": f"{page.url}/"})

    wanted = ["There is no such feed, or it is not open to you.", "Live"]
    until_equal(wanted, lambda: states(tab), "the elements")


def test_a_session_too_many_is_told_and_stays_quiet(
    api: Api, feed: str, open_page: OpenPage
) -> None:
    name = new_name()
    first = open_page(feed)
    open_sign_in(first)
    first.tab.get_by_role("button", name="I need an account").click()
    fill_account(first, name, PASSWORD)
    first.tab.get_by_role("dialog").get_by_role("button", name="Create account").click()
    until(lambda: account_kind(first) == "account", "the account to be signed in")

    others = [open_page(feed) for _ in range(ELEMENTS - 1)]
    for other in others:
        sign_in(other, name, PASSWORD)
        until(lambda: account_kind(other) == "account", "the account to be signed in")  # noqa: B023

    first.wait_for_state("refused")
    assert first.tab.locator("[data-refusal]").get_attribute("data-refusal") == (
        "too-many-sessions"
    )
    record_id = api.write(feed, {"note": "for the others"})["id"]
    for other in others:
        other.wait_for_record(record_id)
        other.wait_for_state("live")
    assert first.state == "refused"

    first.tab.get_by_role("button", name="Read on here").click()

    first.wait_for_state("live")
    first.wait_for_record(record_id)
    others[0].wait_for_state("refused")
