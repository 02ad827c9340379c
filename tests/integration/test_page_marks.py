"""What the page keeps of feeds for whoever reads: unread, mute, pin."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, expect

from .api import Api, new_slug
from .conftest import OpenPage
from .page import FeedPage
from .test_page import PASSWORD, account_kind, fill_account, focus, open_sign_in
from .waiting import until, until_equal


@dataclass(frozen=True)
class Pair:
    """Two feeds of a test's own; one is opened first, the other is left."""

    shown: str
    left: str


@pytest.fixture
def pair(api: Api) -> Pair:
    base = new_slug("marks")
    slugs = Pair(f"{base}-a", f"{base}-b")
    for slug in (slugs.shown, slugs.left):
        api.create_feed(slug)
        api.write(slug, {"n": 0})
    return slugs


def test_what_one_device_reads_and_marks_is_so_on_the_other(
    api: Api, pair: Pair, open_page: OpenPage
) -> None:
    name = new_name()
    desk, phone = (open_pair(open_page, pair, name, n == 0) for n in range(2))
    other = open_pair(open_page, pair, new_name(), True)
    pages = (desk, phone, other)
    api.write_all(pair.left, [{"n": n} for n in range(3)])
    for page in pages:
        wait_for_unread(page, pair.left, 3)

    show(desk, pair.left)

    wait_for_unread(phone, pair.left, 0)
    show(desk, pair.shown)
    toggle(phone, "mute", pair.shown)
    toggle(phone, "pin", pair.left)
    wait_for_pressed(desk, "mute", pair.shown)
    wait_for_pressed(desk, "pin", pair.left)

    reload_pair(phone, pair)
    wait_for_pressed(phone, "mute", pair.shown)
    wait_for_pressed(phone, "pin", pair.left)
    wait_for_unread(phone, pair.left, 0)
    api.write_all(pair.left, [{"n": n} for n in range(2)])
    wait_for_unread(desk, pair.left, 2)
    reload_pair(desk, pair)
    wait_for_unread(desk, pair.left, 2)

    # Nobody else has anything of it.
    wait_for_unread(other, pair.left, 5)
    assert pressed(other) == {"mute": False, "pin": False}


def test_signing_out_leaves_nothing_of_the_account_in_the_browser(
    api: Api, pair: Pair, open_page: OpenPage
) -> None:
    page = open_pair(open_page, pair, new_name(), True)
    toggle(page, "mute", pair.left)
    toggle(page, "pin", pair.left)
    page.tab.click('[data-action="sign-out"]')

    until_equal("guest", lambda: account_kind(page), "the reader to be a guest")
    page.look_for(pair.left)
    wait_for_pressed(page, "mute", pair.left, False)
    wait_for_pressed(page, "pin", pair.left, False)
    kept = json.dumps(page.tab.evaluate("[{...localStorage}, {...sessionStorage}]"))
    assert "muted" not in kept
    assert "pinned" not in kept


def test_a_guest_s_marks_stay_in_his_browser(
    api: Api, pair: Pair, open_page: OpenPage
) -> None:
    page = open_pair(open_page, pair)
    toggle(page, "mute", pair.left)
    toggle(page, "pin", pair.shown)

    reload_pair(page, pair)

    wait_for_pressed(page, "mute", pair.left)
    wait_for_pressed(page, "pin", pair.shown)
    elsewhere = open_pair(open_page, pair)
    assert pressed(elsewhere) == {"mute": False, "pin": False}


def test_of_a_muted_feed_nothing_counts_as_unread(
    api: Api, pair: Pair, open_page: OpenPage
) -> None:
    page = open_pair(open_page, pair)
    api.write_all(pair.left, [{"n": n} for n in range(3)])
    wait_for_unread(page, pair.left, 3)
    until_equal(3, lambda: unread_in_title(page), "the title's count")

    toggle(page, "mute", pair.left)

    wait_for_unread(page, pair.left, 0)
    until_equal(0, lambda: unread_in_title(page), "the title without a count")
    api.write(pair.left, {"n": 4})
    reload_pair(page, pair)
    wait_for_unread(page, pair.left, 0)
    assert unread_in_title(page) == 0

    toggle(page, "mute", pair.left)

    wait_for_unread(page, pair.left, 4)
    until_equal(4, lambda: unread_in_title(page), "the title's count again")


def test_pinned_feeds_stand_first_and_are_reached_by_keyboard(
    pair: Pair, open_page: OpenPage
) -> None:
    page = open_pair(open_page, pair)
    pin = button(page, "pin", pair.left)
    pin.focus()

    page.tab.keyboard.press("Enter")

    wait_for_pressed(page, "pin", pair.left)
    page.look_for("")
    first = page.tab.locator("nav [data-feed-link]").first
    expect(first).to_have_attribute("data-feed-link", pair.left)
    expect(page.tab.get_by_role("link", name=f"{pair.left} Pinned")).to_be_visible()
    expect(pin).to_be_focused()
    assert page.tab.locator(f'[data-feed-link="{pair.left}"]').count() == 1

    page.reload()
    page.tab.click('[data-locale="es"]')
    expect(page.tab.get_by_role("link", name=f"{pair.left} Fijado")).to_be_visible()
    expect(first).to_have_attribute("data-feed-link", pair.left)
    button(page, "pin", pair.left).focus()
    page.tab.keyboard.press("Space")
    wait_for_pressed(page, "pin", pair.left, False)
    expect(first).not_to_have_attribute("data-feed-link", pair.left)


def test_who_pins_a_feed_by_keyboard_stays_on_its_button(
    pair: Pair, open_page: OpenPage
) -> None:
    page = open_pair(open_page, pair)
    page.look_for("")
    # Where the list is long it shows the feed that is read, apart from it.
    button(page, "pin", pair.shown).focus()

    page.tab.keyboard.press("Enter")

    for is_pinned in (True, False):
        wait_for_pressed(page, "pin", pair.shown, is_pinned)
        until_equal(
            pair.shown, lambda: focus(page, "e => e.dataset.pin"), "the focus to follow"
        )
        page.tab.keyboard.press("Enter")


def test_on_a_phone_what_a_feed_s_tools_open_is_on_the_screen(
    api: Api, pair: Pair, open_page: OpenPage
) -> None:
    api.write(pair.shown, {f"field_{n}": n for n in range(12)})
    page = open_page(pair.shown, viewport={"width": 390, "height": 800}, has_touch=True)
    page.go_to("?view=table")

    menus = page.tab.locator("summary:visible").filter(has=page.tab.locator("svg"))
    boxes = page.tab.locator(".menu[open] .menu-body")
    assert menus.count() == 2  # columns, export
    for n in range(menus.count()):
        menus.nth(n).click()
        expect(boxes).to_have_count(1)
        assert_on_screen(page, boxes)
        page.tab.keyboard.press("Escape")
        expect(boxes).to_have_count(0)
    for name in ("past", "filter"):
        page.tab.click(f'[data-action="{name}"]')
        assert_on_screen(page, page.tab.locator("feed-tools"))
    page.tab.click(".menu-button")
    for name in ("pin", "mute"):
        mark = button(page, name, pair.shown)
        expect(mark).to_be_visible()
        assert_on_screen(page, mark)
        box = mark.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
        mark.tap()
        wait_for_pressed(page, name, pair.shown)


def open_pair(
    open_page: OpenPage, pair: Pair, name: str = "", is_new: bool = False
) -> FeedPage:
    """Open both feeds, so that both are followed; as an account if one is named."""
    page = open_page(pair.left)
    if name:
        enter(page, name, is_new)
    page.look_for(pair.left[:-2])
    show(page, pair.shown)
    return page


def reload_pair(page: FeedPage, pair: Pair) -> None:
    page.reload()
    page.look_for(pair.left[:-2])


def enter(page: FeedPage, name: str, is_new: bool) -> None:
    """Sign in for as long as the tab is there, over a reload too."""
    open_sign_in(page)
    dialog = page.tab.get_by_role("dialog")
    if is_new:
        dialog.get_by_role("button", name="I need an account").click()
    fill_account(page, name, PASSWORD)
    dialog.get_by_role("checkbox").check()
    dialog.locator('[type="submit"]').click()
    until_equal("account", lambda: account_kind(page), "the account to be signed in")
    page.wait_for_state("live")


def show(page: FeedPage, feed: str) -> None:
    page.tab.click(f'[data-feed-link="{feed}"]')
    page.feed = feed
    page.wait_for_state("live")
    until(lambda: page.position > 0, "the feed's records")


def button(page: FeedPage, name: str, feed: str) -> Locator:
    return page.tab.locator(f'[data-{name}="{feed}"]')


def toggle(page: FeedPage, name: str, feed: str) -> None:
    button(page, name, feed).click()


def wait_for_pressed(
    page: FeedPage, name: str, feed: str, is_pressed: bool = True
) -> None:
    state = "true" if is_pressed else "false"
    expect(button(page, name, feed)).to_have_attribute("aria-pressed", state)


def pressed(page: FeedPage) -> dict[str, bool]:
    """Whether any feed that the list shows is marked so."""
    return {
        name: page.tab.locator(f'[data-{name}][aria-pressed="true"]').count() > 0
        for name in ("mute", "pin")
    }


def wait_for_unread(page: FeedPage, feed: str, count: int) -> None:
    link = page.tab.locator(f'[data-feed-link="{feed}"]')
    expect(link).to_have_attribute("data-unread", str(count))


def unread_in_title(page: FeedPage) -> int:
    found = re.match(r"\((\d+)\)", page.tab.title())
    return int(found[1]) if found else 0


def assert_on_screen(page: FeedPage, part: Locator) -> None:
    box = part.bounding_box()
    size = page.tab.viewport_size
    assert box is not None
    assert size is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size["width"]


def new_name() -> str:
    return f"ana-{uuid.uuid4().hex[:8]}"
