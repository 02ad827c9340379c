"""What a person does with a feed's records on the page, at a desk and on a phone."""

from __future__ import annotations

import math
import re
import time
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Locator, expect

from .api import Api
from .conftest import OpenPage
from .page import FeedPage
from .running import Stack
from .waiting import until, until_equal

# It stands for two seconds, of which a busy machine may miss all.
_NOTE_WHAT_IS_SAID = """() => {
    const button = document.querySelector("copy-button [aria-live]");
    window.said = [];
    new MutationObserver(() => said.push(button.textContent.trim())).observe(
        button, { subtree: true, childList: true, characterData: true });
}"""
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 800}, "has_touch": True}


def test_a_record_s_link_is_copied_and_leads_somebody_else_to_it(
    api: Api, feed: str, open_page: OpenPage
) -> None:
    record = api.write(feed, {"note": "the one that is meant"})
    api.write(feed, {"note": "another one"})
    clipboard = ["clipboard-read", "clipboard-write"]
    page = open_page(feed, permissions=clipboard)
    page.row(record["id"]).locator("[data-record-link]").click()
    page.tab.locator("[data-record-state=present]").wait_for()

    page.tab.evaluate(_NOTE_WHAT_IS_SAID)

    page.tab.get_by_role("button", name="Copy link").click()

    until(lambda: "Copied" in page.tab.evaluate("said"), "it to be said")
    link = page.tab.evaluate("navigator.clipboard.readText()")
    assert link == page.tab.url
    elsewhere = open_page(feed)
    elsewhere.tab.goto("about:blank")
    elsewhere.tab.goto(link)
    shown = elsewhere.tab.locator("[data-record-state=present] .record-now")
    expect(shown).to_contain_text("the one that is meant")
    expect(elsewhere.tab.locator("[data-record]")).to_have_attribute(
        "data-record", record["id"]
    )


def test_a_time_is_jumped_to(api: Api, feed: str, open_page: OpenPage) -> None:
    first = api.write(feed, {"n": 1})
    written = datetime.fromisoformat(first["updated_at"]).timestamp()
    between = math.floor(written) + 1
    # A time is given to the second.
    until(lambda: time.time() > between, "the next second to begin")
    api.write(feed, {"n": 2})
    page = open_page(feed, timezone_id="UTC")
    page.wait_for_position(2)
    page.tab.click('[data-action="past"]')

    jump_to(page, between)

    until_equal(["1"], lambda: numbers(page), "what was then")
    expect(page.tab.locator("[data-past]")).to_have_attribute("data-past", "1")
    assert "?at=" in page.tab.url
    jump_to(page, between - 86_400)
    until_equal([], lambda: numbers(page), "what was a day before")
    page.reload()
    expect(page.tab.locator("[data-past]")).to_have_attribute("data-past", "0")
    page.tab.click("[data-action=live]")
    until_equal(["2", "1"], lambda: numbers(page), "what is")


def test_columns_are_picked_and_ordered_and_rows_are_dense(
    api: Api, feed: str, open_page: OpenPage
) -> None:
    api.write_all(feed, [{"city": "Bilbao", "n": n, "what": "tea"} for n in range(3)])
    page = open_page(feed)
    page.go_to("?view=table")
    tab = page.tab
    expect(tab.locator("[role=grid] [data-record-id]")).to_have_count(3)
    assert columns(page) == ["n", "city", "what"]
    height = row_height(page)

    tab.locator("column-picker summary").click()
    picker = tab.locator("column-picker")
    picker.get_by_role("checkbox", name="n", exact=True).uncheck()
    until_equal(["city", "what"], lambda: columns(page), "the columns that are left")
    picker.get_by_role("button", name="Move what forward").click()
    until_equal(["what", "city"], lambda: columns(page), "the other order")
    tab.keyboard.press("Escape")
    tab.click('[data-action="dense"]')

    until(lambda: row_height(page) < height, "dense rows")
    page.reload()
    until_equal(["what", "city"], lambda: columns(page), "the same by its address")
    until(lambda: row_height(page) < height, "rows that are dense still")
    tab.locator("column-picker summary").click()
    picker.get_by_role("button", name="As they come").click()
    until_equal(["n", "city", "what"], lambda: columns(page), "all as they come")


def test_of_a_long_table_only_what_is_near_the_screen_is_made_below_its_head(
    api: Api, feed: str, open_page: OpenPage
) -> None:
    api.write_all(feed, [{"n": n} for n in range(100)])
    page = open_page(feed)
    page.go_to("?view=table")
    grid = page.tab.get_by_role("grid")
    rows = grid.locator("[data-record-id]")
    expect(grid).to_have_attribute("data-count", "100")
    head = page.tab.get_by_role("columnheader", name="n", exact=True)

    rows.first.hover()
    page.tab.mouse.wheel(0, 100_000)

    expect(rows.last.get_by_role("gridcell", name="0", exact=True)).to_be_in_viewport()
    assert rows.count() < 60
    expect(head).to_be_in_viewport()


def test_figures_stand_below_their_head_and_a_form_s_fields_below_its_tabs(
    api: Api, feed: str, open_page: OpenPage
) -> None:
    api.write_all(feed, [{"n": n, "what": "tea"} for n in range(3)])
    page = open_page(feed)
    page.go_to("?view=table")
    tab = page.tab
    expect(tab.locator("[role=grid] [data-record-id]")).to_have_count(3)

    figures = tab.locator(".table-row [aria-colindex='2'] .cell-text").first
    words = tab.locator(".table-row [aria-colindex='3'] .cell-text").first
    numbers_head = tab.get_by_role("columnheader", name="n", exact=True).locator("bdi")
    words_head = tab.get_by_role("columnheader", name="what", exact=True).locator("bdi")
    assert edges(numbers_head).right == pytest.approx(edges(figures).right, abs=1)
    assert edges(words_head).left == pytest.approx(edges(words).left, abs=1)
    numbers_head.click()
    tab.locator("[aria-sort=ascending]").wait_for()
    assert edges(numbers_head).right == pytest.approx(edges(figures).right, abs=1)

    tab.click('[data-action="write"]')
    form = tab.locator("draft-editor")
    first = edges(form.locator(".draft-row").first)
    assert first.top - edges(form.locator(".segments")).bottom >= 8


def test_on_a_phone_one_finds_sorts_opens_changes_and_looks_back(
    stack: Stack, api: Api, feed: str, open_page: OpenPage
) -> None:
    fields = {f"field_{n}": n for n in range(9)}
    for n, what in enumerate(["tea", "rice", "green tea"]):
        api.write(feed, {"what": what, "n": n} | fields)
    page = open_page(feed, **PHONE)
    tab = page.tab

    find = tab.get_by_role("searchbox", name="Find records")
    find.fill("tea")
    find.press("Enter")
    expect(tab.locator(".found-summary")).to_have_attribute("data-found", "2")
    page.list.locator("[data-pick]", has_text="green tea").tap()
    expect(tab.locator(".found-summary")).to_have_attribute("data-found", "1")
    tab.locator(".chip-remove").tap()
    expect(tab.locator(".found-summary")).to_have_attribute("data-found", "2")

    tab.locator('[data-view="table"]').tap()
    grid = tab.get_by_role("grid")
    expect(grid).to_have_attribute("data-count", "2")
    tab.get_by_role("columnheader", name="n", exact=True).get_by_role("button").tap()
    expect(grid.locator("[data-record-id] [role=gridcell]").nth(1)).to_have_text("0")

    grid.locator("[data-record-id] a").first.tap()
    tab.locator("[data-record-state=present]").wait_for()
    tab.locator('[data-action="edit"]').tap()
    form = tab.locator("record-editor")
    draft(form, "what").fill("black tea")
    form.locator("#edit-key").fill(stack.facts["api_key"])
    form.locator("[type=submit]").tap()
    until_equal(
        "updated",
        lambda: tab.locator(".step").first.get_attribute("data-step"),
        "the change",
    )

    page.go_to("?view=cards")
    tab.locator('[data-action="past"]').tap()
    slider = tab.get_by_role("slider")
    slider.focus()
    tab.keyboard.press("ArrowLeft")
    expect(tab.locator("[data-past]")).to_have_attribute("data-past", "3")
    expect(page.list.locator("[data-record-id]")).to_have_count(3)
    expect(page.list.get_by_text("black tea")).to_have_count(0)
    tab.locator("[data-action=live]").tap()
    expect(page.list.get_by_text("black tea")).to_be_visible()


class Edges(NamedTuple):
    left: float
    right: float
    top: float
    bottom: float


def edges(place: Locator) -> Edges:
    """Of what is drawn, all at one moment, in pixels."""
    return Edges(
        *place.evaluate(
            "drawn => { const box = drawn.getBoundingClientRect();"
            " return [box.left, box.right, box.top, box.bottom] }"
        )
    )


def jump_to(page: FeedPage, seconds: float) -> None:
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    page.tab.fill("past-bar [name=time]", text)
    page.tab.click("past-bar [type=submit]")


def numbers(page: FeedPage) -> list[str]:
    return page.list.locator(".value-number").all_inner_texts()


def columns(page: FeedPage) -> list[str]:
    """The names in the table's head, but the key's."""
    return page.tab.locator("[role=columnheader] .sort bdi").all_inner_texts()


def row_height(page: FeedPage) -> float:
    box = page.tab.locator("[role=grid] [data-record-id]").first.bounding_box()
    return box["height"] if box else math.inf


def draft(form: Locator, name: str) -> Locator:
    return form.get_by_role("group", name=name, exact=True).locator(".draft-value")


def test_wherever_one_scrolls_to_cards_have_their_content(
    api: Api, feed: str, open_page: OpenPage
) -> None:
    page = open_page(feed)
    page.go_to("?view=cards")
    for first in range(0, 2_000, 100):
        api.write_all(feed, [{"n": n} for n in range(first, first + 100)])
    page.wait_for_position(2_000)
    until_equal(2_000, lambda: page.count, "the page's rows")

    for part in (0.5, 1.0, 0.25, 0.75, 0.0):
        page.tab.evaluate(
            "part => window.scrollTo(0, document.body.scrollHeight * part)", part
        )
        sequences = until(lambda: drawn_in_the_middle(page), f"cards at {part}")
        assert sequences == sorted(sequences, reverse=True)
        # What is far away is not laid out at all.
        assert page.tab.evaluate(_LAID_OUT) < 100


_IN_THE_MIDDLE = """() => {
    const cards = [0.3, 0.5, 0.7].map((part) => document
        .elementFromPoint(innerWidth / 2, innerHeight * part)?.closest("record-row"));
    return cards.map((card) => card && [card.dataset.sequence, card.innerText]);
}"""
_LAID_OUT = """() => [...document.querySelectorAll(".row-block")]
    .filter((block) => block.getClientRects().length > 0).length"""


def drawn_in_the_middle(page: FeedPage) -> list[int]:
    """The sequences of cards in the screen's middle, if each shows its record."""
    found = page.tab.evaluate(_IN_THE_MIDDLE)
    cards = [(int(card[0]), card[1]) for card in found if card]
    shown = [n for n, text in cards if re.search(rf"\bn\s+{n - 1}\b", text)]
    return shown if shown and len(shown) == len(cards) else []
