"""Records of thousands of fields: little is drawn, and all of it can be reached."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from .api import Api
from .conftest import OpenPage
from .page import FeedPage
from .running import Stack

_NAMES = [f"f{n:04}" for n in range(3_000)]
_LAST = _NAMES[-1]
# Drawn whole, one record alone is more than 9,000 elements.
_MOST_ELEMENTS = 5_000


def test_of_wide_records_few_fields_are_drawn_as_cards_and_as_a_table(
    api: Api, feed: str, open_page: OpenPage
) -> None:
    api.write_all(feed, [dict.fromkeys(_NAMES, n) for n in range(5)])
    page = open_page(feed)
    tab = page.tab
    cards = page.list.locator("[data-record-id]")

    expect(cards).to_have_count(5)
    assert elements(page) < _MOST_ELEMENTS
    before = elements(page)
    cards.first.locator(".fold > summary").click()
    expect(cards.first.locator("dt", has_text="f0100")).to_have_count(1)
    assert elements(page) < before + _MOST_ELEMENTS
    cards.first.locator(".row-json").click()
    expect(cards.first.locator("json-block")).to_contain_text(f'"{_LAST}": 4')
    assert elements(page) < before + _MOST_ELEMENTS

    page.go_to("?view=table")
    expect(tab.locator("[role=grid] [data-record-id]")).to_have_count(5)
    assert elements(page) < _MOST_ELEMENTS
    page.go_to(f"?view=table&column={_LAST}")
    cells = tab.locator("[role=grid] [data-record-id] [aria-colindex='2']")
    expect(cells).to_have_text(["4", "3", "2", "1", "0"])


def test_of_a_wide_record_s_fields_and_history_more_is_drawn_on_demand(
    api: Api, feed: str, open_page: OpenPage
) -> None:
    record = api.write(feed, dict.fromkeys(_NAMES, 1))
    path = f"feeds/{feed}/records/{record['id']}/"
    assert api.call("PATCH", path, {"data": dict.fromkeys(_NAMES, 2)}).status == 200
    page = open_page(feed)
    page.go_to(f"/records/{record['id']}")
    tab = page.tab
    expect(tab.locator(".step")).to_have_count(2)
    assert elements(page) < _MOST_ELEMENTS

    now = tab.locator(".record-now .fold")
    more = now.locator("> button")
    now.locator("> summary").click()
    expect(more).to_be_visible()
    while more.count():
        before = elements(page)
        more.dispatch_event("click")
        assert elements(page) < before + _MOST_ELEMENTS
    expect(tab.locator(".record-now dt", has_text=_LAST)).to_be_visible()

    step = tab.locator(".step[data-step=updated] .fold")
    changes = step.locator(".change")
    before = elements(page)
    step.locator("> summary").click()
    expect(changes.last).to_be_visible()
    drawn = changes.count()
    step.locator("> button").click()
    expect(changes).to_have_count(2 * drawn)
    assert elements(page) < before + _MOST_ELEMENTS


def test_of_a_wide_record_s_form_few_rows_are_drawn_and_all_is_written(
    stack: Stack, api: Api, feed: str, open_page: OpenPage
) -> None:
    record = api.write(feed, dict.fromkeys(_NAMES, 1))
    path = f"feeds/{feed}/records/{record['id']}/"
    page = open_page(feed)
    page.go_to(f"/records/{record['id']}")
    tab = page.tab

    tab.click('[data-action="edit"]')
    form = tab.locator("record-editor")
    rows = form.locator(".draft-row")
    rows.first.wait_for()
    assert elements(page) < _MOST_ELEMENTS
    drawn = rows.count()
    form.locator('[data-action="more-fields"]').click()
    expect(rows.nth(drawn)).to_be_visible()
    assert elements(page) < 2 * _MOST_ELEMENTS
    rows.nth(drawn).locator(".draft-value").fill("2")
    form.get_by_role("button", name="JSON", exact=True).click()
    written = re.compile(f'"{_NAMES[drawn]}": 2,.*"{_LAST}": 1', re.DOTALL)
    expect(form.locator("textarea")).to_have_value(written)
    form.get_by_role("button", name="Fields", exact=True).click()
    form.locator("#edit-key").fill(stack.facts["api_key"])
    form.locator("[type=submit]").click()

    expect(form).to_have_count(0)
    expected = dict.fromkeys(_NAMES, 1) | {_NAMES[drawn]: 2}
    assert api.get(path)["data"] == expected


def elements(page: FeedPage) -> int:
    count: int = page.tab.evaluate("document.querySelectorAll('*').length")
    return count
