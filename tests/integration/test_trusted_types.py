"""A page that requires Trusted Types: the element reads on it, or says what to add."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from .api import Api
from .conftest import OpenPage
from .test_tickets_page import wait_for_text

SENTENCE = "its trusted-types has to list aviso-feed"
_PAGE = """<!doctype html><meta charset="utf-8"><title>A shop</title>
<record-feed feed="{feed}"></record-feed><record-feed feed="{feed}"></record-feed>
<script type="module" src="/feed-client/aviso-feed.js"></script>"""


@pytest.mark.parametrize("names", ["trusted-types aviso-feed shop", ""])
def test_a_page_that_allows_the_librarys_policy_is_live(
    api: Api, feed: str, open_page: OpenPage, names: str
) -> None:
    tab = open_page(feed).tab
    api.write(feed, {"note": "there"})

    show(tab, feed, f"require-trusted-types-for 'script'; {names}")

    wait_for_text(tab, "Live")
    wait_for_text(tab, "there")
    api.write(feed, {"note": "just now"})
    wait_for_text(tab, "just now")


def test_a_page_that_does_not_is_told_what_to_add(
    feed: str, open_page: OpenPage
) -> None:
    page = open_page(feed)

    show(page.tab, feed, "require-trusted-types-for 'script'; trusted-types shop")

    wait_for_text(page.tab, SENTENCE)
    told = [line for line in page.console if SENTENCE in line]
    assert len(told) == 1
    # What the browser says of what it refuses is meant here.
    page.faults.clear()


def test_a_page_that_only_lists_policies_is_live(
    feed: str, open_page: OpenPage
) -> None:
    page = open_page(feed)

    show(page.tab, feed, "trusted-types shop")

    wait_for_text(page.tab, "Live")
    page.faults.clear()


def show(tab: Page, feed: str, policy: str) -> None:
    """Load a document of this server's with two elements, under this policy."""
    tab.route(
        "**/shop",
        lambda route: route.fulfill(
            body=_PAGE.format(feed=feed),
            content_type="text/html",
            headers={"Content-Security-Policy": policy},
        ),
    )
    tab.goto(tab.evaluate("() => location.origin") + "/shop")
