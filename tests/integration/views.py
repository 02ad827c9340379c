"""Each view of the page, one after the other, for axe and for pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from playwright.sync_api import expect

from .api import Api
from .page import FeedPage


@dataclass(frozen=True)
class Scene:
    """What is shown: a feed with records, one without, and one of the records."""

    api: Api
    key: str
    feed: str
    record: str
    empty: str
    search: str
    """A query that finds some of the feed's records; the rest of an address."""
    field: str
    """Of the record; a text."""


def visit(page: FeedPage, scene: Scene) -> Iterator[str]:
    """Lead the page from view to view; yields the name of each while it is shown."""
    page.feed = scene.feed
    yield from _of_the_feed(page)
    yield from _of_what_is_sought(page, scene)
    yield from _of_the_table(page)
    yield from _of_a_record(page, scene)
    yield from _around(page, scene)


def _of_the_feed(page: FeedPage) -> Iterator[str]:
    tab = page.tab
    page.go_to("?view=cards")
    _wait_for_records(page)
    yield "cards"
    tab.click("alert-menu summary")
    yield "alerts"
    tab.keyboard.press("Escape")
    tab.click(".pulse summary")
    tab.locator(".pulse-words").wait_for()
    yield "pulse"
    tab.click(".pulse summary")
    tab.click(".row-json >> nth=0")
    yield "JSON"
    tab.click('[data-action="write"]')
    tab.locator("write-panel .draft-value").first.wait_for()
    yield "form"
    tab.click("write-panel .panel-head button")


def _of_what_is_sought(page: FeedPage, scene: Scene) -> Iterator[str]:
    tab = page.tab
    page.go_to(scene.search)
    tab.locator(".found-summary").wait_for()
    _wait_for_records(page)
    tab.click('[data-action="filter"]')
    yield "search"
    page.go_to("?q=nothing-of-this-name")
    tab.locator("[data-found='0']").wait_for()
    expect(tab.locator(".record-skeletons")).to_have_count(0)
    tab.click('[data-action="filter"]')
    yield "nothing found"
    page.go_to("?at=1")
    tab.locator("[data-past]").wait_for()
    _wait_for_records(page)
    yield "past"


def _of_the_table(page: FeedPage) -> Iterator[str]:
    tab = page.tab
    page.go_to("?view=table")
    _wait_for_records(page)
    yield "table"
    tab.click("column-picker summary")
    yield "columns"
    tab.keyboard.press("Escape")
    tab.click("drop-menu:has([data-export]) summary")
    tab.locator("[data-export-count]:not([data-export-count='0'])").wait_for()
    yield "export"
    tab.keyboard.press("Escape")
    tab.click('[data-action="dense"]')
    tab.locator("[data-dense]").wait_for()
    yield "dense table"


def _of_a_record(page: FeedPage, scene: Scene) -> Iterator[str]:
    tab = page.tab
    page.go_to(f"/records/{scene.record}")
    tab.locator(".step").first.wait_for()
    tab.click(".record-json summary")
    yield "record"
    tab.click('[data-action="edit"]')
    form = tab.locator("record-editor")
    value = form.get_by_role("group", name=scene.field, exact=True)
    value.locator(".draft-value").fill("mine")
    form.locator("#edit-key").fill(scene.key)
    yield "editor"
    steps = tab.locator(".step").count()
    path = f"feeds/{scene.feed}/records/{scene.record}/"
    change = {scene.field: f"theirs, {steps}"}
    assert scene.api.call("PATCH", path, {"data": change}).status == 200
    tab.locator(".step").nth(steps).wait_for()
    form.locator("[type=submit]").click()
    form.locator("[data-conflict]").wait_for()
    yield "conflict"
    page.go_to("/records/none")
    tab.locator("[data-record-state=missing]").wait_for()
    yield "no record"


def _around(page: FeedPage, scene: Scene) -> Iterator[str]:
    tab = page.tab
    tab.keyboard.press("?")
    tab.get_by_role("dialog").wait_for()
    yield "keys"
    tab.keyboard.press("Escape")
    page.feed = scene.empty
    page.go_to("")
    tab.locator(".samples").wait_for()
    yield "empty"
    menu = tab.locator(".menu-button:visible")
    if menu.count():
        menu.click()
        yield "menu"
    pin = tab.locator(f'[data-pin="{page.feed}"]')
    pin.click()
    yield "pinned"
    pin.click()
    tab.click('[data-action="sign-in"]')
    dialog = tab.get_by_role("dialog")
    dialog.wait_for()
    yield "sign-in"
    dialog.get_by_role("button", name="I need an account").click()
    dialog.locator('[type="submit"]').click()
    dialog.locator("[aria-invalid=true]").first.wait_for()
    yield "a new account, with faults"
    tab.keyboard.press("Escape")
    page.feed = "no-such-feed"
    tab.goto(f"{page.url}/#/feeds/{page.feed}")
    page.wait_for_state("refused")
    yield "refused"


def _wait_for_records(page: FeedPage) -> None:
    page.list.locator("[data-record-id]").first.wait_for()
    expect(page.tab.locator(".record-skeletons")).to_have_count(0)
