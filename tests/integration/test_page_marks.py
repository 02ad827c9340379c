"""What the page keeps of feeds for whoever reads: unread, mute, pin, and being told."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from typing import Any

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
    slugs = Pair(f"{base}-x", f"{base}-y")
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
    look_for(page, pair.left)
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
    expect(pin).to_be_focused()
    page.look_for("")
    until_equal(pair.left, lambda: first_listed(page), "the pinned one to be first")
    expect(page.tab.get_by_role("link", name=f"{pair.left} Pinned")).to_be_visible()
    assert page.tab.locator(f'[data-feed-link="{pair.left}"]').count() == 1

    page.reload()
    page.tab.click('[data-locale="es"]')
    until_equal(pair.left, lambda: first_listed(page), "it to be first again")
    expect(page.tab.get_by_role("link", name=f"{pair.left} Fijado")).to_be_visible()
    button(page, "pin", pair.left).focus()
    page.tab.keyboard.press("Space")
    until(lambda: first_listed(page) != pair.left, "it to go back to its place")
    # Where the list is long that place is looked for.
    look_for(page, pair.left)
    wait_for_pressed(page, "pin", pair.left, False)


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

    menus = page.tab.locator(".menu > summary:visible")
    boxes = page.tab.locator(".menu[open] .menu-body")
    expect(menus).to_have_count(3)  # alerts, columns, export
    for n in range(3):
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


# The headless shell shows no notification, whatever was permitted: this stands in its
# place and notes what would be shown. Sounds are real; what begins one is counted.
_SYSTEM = """() => {
    window.shown = [];
    window.sounds = 0;
    window.Notification = class extends EventTarget {
        static permission = 'default';
        static asked = 0;
        static async requestPermission() {
            this.asked += 1;
            return (this.permission = 'granted');
        }
        constructor(title, {body, tag, silent}) {
            super();
            this.words = {title, body, tag, silent};
            window.shown = window.shown.filter(({words}) => words.tag !== tag);
            window.shown.push(this);
        }
        close() {
            window.shown = window.shown.filter((each) => each !== this);
        }
    };
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...at) {
        window.sounds += 1;
        return start.apply(this, at);
    };
}"""


def test_who_asked_is_notified_of_what_he_does_not_look_at(
    api: Api, pair: Pair, open_page: OpenPage
) -> None:
    page = open_with_system(open_page, pair)
    api.write(pair.left, {"drink": "coffee"})
    wait_for_unread(page, pair.left, 1)
    assert notifications(page) == []
    assert page.tab.evaluate("Notification.asked") == 0

    show(page, pair.left)
    ask_for(page, "notify")
    assert page.tab.evaluate("Notification.asked") == 1
    page.wait_for_record(api.write(pair.left, {"drink": "milk"})["id"])
    show(page, pair.shown)
    api.write(pair.left, {"drink": "tea", "count": 3})

    shown = {"title": pair.left, "tag": f"aviso:{pair.left}", "silent": True}
    one = [shown | {"body": "count: 3 · drink: tea"}]
    until_equal(one, lambda: notifications(page), "a notification")
    api.write(pair.left, {"drink": "water"})
    two = [shown | {"body": "2 new\ndrink: water"}]
    until_equal(two, lambda: notifications(page), "the same, renewed")

    page.tab.evaluate("shown[0].onclick()")

    page.feed = pair.left
    page.wait_for_state("live")
    until_equal([], lambda: notifications(page), "the notification to be gone")
    assert page.tab.url.split("?")[0].endswith(f"#/feeds/{pair.left}")

    show(page, pair.shown)
    toggle(page, "mute", pair.left)
    juice = api.write(pair.left, {"drink": "juice"})["id"]
    show(page, pair.left)
    page.wait_for_record(juice)
    assert notifications(page) == []


def test_of_a_private_feed_a_notification_tells_neither_name_nor_record(
    api: Api, pair: Pair, open_page: OpenPage
) -> None:
    private = new_slug("private")
    api.create_feed(private, visibility="private")
    api.write(private, {"n": 0})
    page = open_page(pair.shown)
    page.tab.add_init_script(f"({_SYSTEM})()")
    name = new_name()
    enter(page, name, is_new=True)
    api.grant(private, f"{name}@localhost")
    page.reload()
    look_for(page, private)
    show(page, private)
    ask_for(page, "notify")
    look_for(page, pair.shown)
    show(page, pair.shown)

    api.write(private, {"secret": "of the house"})

    [shown] = until(lambda: notifications(page), "a notification")
    assert shown["title"] == "Aviso"
    assert shown["body"] == "1 new in a private feed"
    assert private not in json.dumps(shown)

    page.tab.click('[data-action="sign-out"]')
    until_equal([], lambda: notifications(page), "nothing of the account to be shown")


def test_of_a_browser_s_tabs_one_notifies_and_none_of_what_another_shows(
    api: Api, pair: Pair, open_page: OpenPage
) -> None:
    page = open_with_system(open_page, pair)
    page.tab.evaluate("Notification.permission = 'granted'")
    beside = FeedPage(page.tab.context.new_page(), page.url, pair.shown)
    beside.tab.add_init_script(f"({_SYSTEM})()")
    beside.open()
    look_for(beside, pair.left[:-2])
    show(beside, pair.left)
    ask_for(beside, "notify")
    show(beside, pair.shown)

    # Told of by the tab that was there first, which did not ask.
    until(
        lambda: api.write(pair.left, {"n": 1}) and notifications(page),
        "a notification",
        every_s=1,
    )
    assert notifications(beside) == []

    show(beside, pair.left)
    until_equal([], lambda: notifications(page), "what was read to be taken back")
    beside.wait_for_record(api.write(pair.left, {"n": 2})["id"])
    show(beside, pair.shown)
    api.write(pair.left, {"n": 3})
    until(lambda: "n: 3" in bodies(page), "what came after nobody looked")
    assert "n: 2" not in bodies(page)

    page.tab.close()
    until(
        lambda: api.write(pair.left, {"n": 4}) and notifications(beside),
        "the other tab to notify",
        every_s=1,
    )


def test_who_asked_hears_a_sound_of_what_he_does_not_look_at(
    api: Api, pair: Pair, open_page: OpenPage
) -> None:
    page = open_with_system(open_page, pair)
    show(page, pair.left)
    ask_for(page, "sound")
    sample = until(lambda: sounds(page), "to hear how it sounds")
    show(page, pair.shown)

    api.write(pair.left, {"n": 1})

    wait_for_unread(page, pair.left, 1)
    until(lambda: api.write(pair.left, {"n": 2}) and sounds(page) > sample, "a sound",
          every_s=1)  # fmt: skip
    assert notifications(page) == []


def test_a_tab_on_which_nobody_clicked_leaves_the_sound_to_one_that_may_make_it(
    api: Api, pair: Pair, open_page: OpenPage
) -> None:
    silent = open_page(pair.shown)
    silent.tab.add_init_script(f"({_SYSTEM})()")
    silent.reload()
    page = FeedPage(silent.tab.context.new_page(), silent.url, pair.left)
    page.tab.add_init_script(f"({_SYSTEM})()")
    page.open()
    look_for(page, pair.left[:-2])
    ask_for(page, "sound")
    sample = until(lambda: sounds(page), "to hear how it sounds")
    show(page, pair.shown)

    until(lambda: api.write(pair.left, {"n": 1}) and sounds(page) > sample, "a sound",
          every_s=1)  # fmt: skip

    assert sounds(silent) == 0


def test_a_browser_that_shows_no_notifications_says_so(
    pair: Pair, open_page: OpenPage
) -> None:
    page = open_pair(open_page, pair)

    ask_for(page, "notify")

    page.tab.click("alert-menu summary")
    hint = page.tab.locator('[data-alert-hint="notify"]')
    expect(hint).to_have_attribute("data-state", "denied")
    expect(page.tab.locator('[data-alert="notify"]')).not_to_be_checked()


def test_who_asked_on_another_device_reads_that_this_browser_shows_none(
    pair: Pair, open_page: OpenPage
) -> None:
    name = new_name()
    desk = open_page(pair.left)
    desk.tab.add_init_script(f"({_SYSTEM})()")
    enter(desk, name, is_new=True)
    desk.reload()
    ask_for(desk, "notify")
    alerts = desk.tab.locator("[data-alerts]")
    expect(alerts).to_have_attribute("data-alerts", "on")

    phone = open_pair(open_page, pair, name)
    show(phone, pair.left)

    alerts = phone.tab.locator("[data-alerts]")
    expect(alerts).to_have_attribute("data-alerts", "elsewhere")
    phone.tab.click("alert-menu summary")
    expect(phone.tab.locator('[data-alert="notify"]')).to_be_checked()
    hint = phone.tab.locator('[data-alert-hint="notify"]')
    expect(hint).to_have_attribute("data-state", "denied")


@pytest.mark.parametrize("reader", ["guest", "account"])
def test_a_pinned_feed_that_becomes_private_leaves_the_list_and_the_browser(
    reader: str, api: Api, pair: Pair, open_page: OpenPage
) -> None:
    name = new_name() if reader == "account" else ""
    page = open_pair(open_page, pair, name, is_new=True)
    toggle(page, "pin", pair.left)
    wait_for_pressed(page, "pin", pair.left)
    page.look_for("")
    until_equal(pair.left, lambda: first_listed(page), "the pinned one to be first")
    pinned = page.tab.locator("nav [data-pinned] [data-feed-link]")
    expect(pinned).to_have_count(1)

    api.change_feed(pair.left, visibility="private")

    expect(pinned).to_have_count(0)
    kept = json.dumps(page.tab.evaluate("({...localStorage})"))
    assert pair.left not in kept
    if name:
        api.grant(pair.left, f"{name}@localhost")
        expect(pinned).to_have_attribute("data-feed-link", pair.left)


def open_with_system(open_page: OpenPage, pair: Pair) -> FeedPage:
    page = open_page(pair.left)
    page.tab.add_init_script(f"({_SYSTEM})()")
    page.reload()
    look_for(page, pair.left[:-2])
    show(page, pair.shown)
    return page


def ask_for(page: FeedPage, kind: str) -> None:
    page.tab.click("alert-menu summary")
    page.tab.click(f'[data-alert="{kind}"]')
    page.tab.keyboard.press("Escape")


def notifications(page: FeedPage) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = page.tab.evaluate("shown.map(({words}) => words)")
    return shown


def bodies(page: FeedPage) -> str:
    return " ".join(each["body"] for each in notifications(page))


def sounds(page: FeedPage) -> int:
    return int(page.tab.evaluate("sounds"))


def open_pair(
    open_page: OpenPage, pair: Pair, name: str = "", is_new: bool = False
) -> FeedPage:
    """Open both feeds, so that both are followed; as an account if one is named."""
    page = open_page(pair.left)
    if name:
        enter(page, name, is_new)
    look_for(page, pair.left[:-2])
    show(page, pair.shown)
    return page


def reload_pair(page: FeedPage, pair: Pair) -> None:
    page.reload()
    look_for(page, pair.left[:-2])


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


# Where the list is short one does not look for a feed.
_IS_FOUND = """text => document.querySelector('[data-feed-search]') === null
    || [...document.querySelectorAll('nav [data-feed-link]')]
        .every(({dataset}) => dataset.feedLink.startsWith(text))"""


def look_for(page: FeedPage, text: str) -> None:
    """Have the list show what begins so, and wait for that: a row that moves while it
    is clicked is not clicked."""
    page.look_for(text)
    until(lambda: page.tab.evaluate(_IS_FOUND, text), f"the list to show {text}")


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


def first_listed(page: FeedPage) -> str | None:
    """Scroll there: a long list begins where the feed is that is read."""
    page.tab.locator("feed-list").evaluate("each => each.scrollTo(0, 0)")
    first = page.tab.locator("feed-list [data-feed-link]").first
    return first.get_attribute("data-feed-link")


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
