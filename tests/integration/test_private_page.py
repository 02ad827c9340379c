"""A private feed on the page: it comes with a grant, and goes with its end."""

from __future__ import annotations

import uuid

from .api import Api
from .conftest import OpenPage
from .page import FeedPage
from .test_page import PASSWORD, account_kind, fill_account, open_sign_in
from .waiting import until, until_equal


def test_a_granted_feed_appears_and_a_revoked_one_goes(
    api: Api, feed: str, private_feed: str, open_page: OpenPage
) -> None:
    record_id = api.write(private_feed, {"secret": "of the house"})["id"]
    page = open_page(feed)
    reader = sign_up(page)
    page.look_for(private_feed)
    assert links(page, private_feed) == 0

    api.grant(private_feed, reader)

    until_equal(1, lambda: links(page, private_feed), "the feed in the list")
    page.tab.locator(f'[data-feed-link="{private_feed}"] .feed-private').wait_for()
    page.tab.click(f'[data-feed-link="{private_feed}"]')
    private = FeedPage(page.tab, page.url, private_feed)
    private.wait_for_state("live")
    private.wait_for_record(record_id)
    private.wait_for_record(api.write(private_feed, {"n": 2})["id"])

    api.revoke(private_feed, reader)

    page.tab.locator('[data-refusal="no-longer-open"]').wait_for()
    until_equal(0, lambda: links(page, private_feed), "the list without the feed")
    until_equal([], private.rows, "the rows of the feed gone")
    until(lambda: "of the house" not in page.tab.content(), "its text gone")

    api.grant(private_feed, reader)

    private.wait_for_state("live")
    private.wait_for_record(record_id)


def test_signing_out_leaves_nothing_of_a_private_feed(
    api: Api, feed: str, private_feed: str, open_page: OpenPage
) -> None:
    api.write(private_feed, {"secret": "of the house"})
    page = open_page(feed)
    api.grant(private_feed, sign_up(page))
    page.look_for(private_feed)
    page.tab.click(f'[data-feed-link="{private_feed}"]')
    page.tab.get_by_text("of the house").first.wait_for()

    page.tab.click('[data-action="sign-out"]')

    until(lambda: account_kind(page) == "guest", "the reader to be a guest")
    until_equal(0, lambda: links(page, private_feed), "the list without the feed")
    until(lambda: "of the house" not in page.tab.content(), "its text gone")
    until(lambda: private_feed not in page.tab.url, "another address")
    assert page.tab.evaluate("sessionStorage.length") == 0


def sign_up(page: FeedPage) -> str:
    """Make an account on the page; return its address."""
    name = f"ada-{uuid.uuid4().hex[:8]}"
    open_sign_in(page)
    page.tab.get_by_role("button", name="I need an account").click()
    fill_account(page, name, PASSWORD)
    page.tab.get_by_role("dialog").get_by_role("button", name="Create account").click()
    until(lambda: account_kind(page) == "account", "the new account to be signed in")
    page.wait_for_state("live")
    return f"{name}@localhost"


def links(page: FeedPage, feed: str) -> int:
    return page.tab.locator(f'[data-feed-link="{feed}"]').count()
