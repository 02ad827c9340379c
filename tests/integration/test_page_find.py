"""Finding records on the page, and one record at an address of its own."""

from __future__ import annotations

import re
import uuid
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, expect

from .api import Api, new_slug
from .conftest import OpenPage
from .database import Database
from .page import FeedPage
from .running import Stack
from .waiting import until_equal

_STEPS = "[...document.querySelectorAll('.step')].map(each => each.dataset.step)"
FRAMES = """() => new Promise((done) => {
  let left = 30;
  const next = () => ((left -= 1) > 0 ? requestAnimationFrame(next) : done());
  next();
})"""


# At one moment: each of the three may be gone at the next.
_FOUND = """() => {
  const summary = document.querySelector(".found-summary");
  const others = summary?.querySelector("[data-others]");
  return [summary?.dataset.found, summary?.dataset.lookedAt, others?.dataset.others]
    .map((text) => text ?? null);
}"""


def found(page: FeedPage) -> tuple[str | None, ...]:
    """How many were found, among how many, and how many came that do not match."""
    return tuple(page.tab.evaluate(_FOUND))


def shown(page: FeedPage) -> list[int]:
    return [int(text) for text in page.list.locator(".value-number").all_inner_texts()]


def test_what_is_sought_stands_in_the_address_and_what_arrives_is_sought_as_well(
    api: Api, feed: str, open_page: OpenPage
) -> None:
    api.write_all(
        feed,
        [
            {"n": n, "city": "Madrid" if n % 2 else "Bilbao", "what": what}
            for n, what in enumerate(["Green TEA", "rice", "teapot", "black tea"] * 40)
        ],
    )
    page = open_page(feed)

    page.tab.keyboard.press("/")
    page.tab.keyboard.type("tea")
    page.tab.keyboard.press("Enter")
    until_equal(("100", "133", None), lambda: found(page), "the first page")
    page.list.locator("[data-pick]", has_text="Madrid").first.click()

    until_equal(("40", "160", None), lambda: found(page), "tea in Madrid")
    assert page.tab.url.endswith(f"#/feeds/{feed}?q=tea&data.city=Madrid&view=cards")
    page.reload()
    until_equal(("40", "160", None), lambda: found(page), "the same by its address")
    for n, (what, city) in enumerate(
        [
            ("tea", "Madrid"),
            ("tea", "Bilbao"),
            ("rice", "Madrid"),
            ("iced tea", "Madrid"),
        ]
    ):
        data = {"n": 900 + n, "what": what, "city": city}
        api.write(feed, data)
    until_equal(("42", "160", "2"), lambda: found(page), "what arrived")
    until_equal([903, 900, 159], lambda: shown(page)[:3], "the newest that match")
    page.tab.go_back()
    until_equal("100", lambda: found(page)[0], "the step before")


def test_the_feed_is_shown_as_it_was_and_what_arrives_meanwhile_waits(
    api: Api, feed: str, open_page: OpenPage
) -> None:
    for n in range(4):
        api.write(feed, {"n": n})
    page = open_page(feed)
    page.wait_for_position(4)
    bar = page.tab.locator("past-bar")

    page.tab.click('[data-action="past"]')
    slider = bar.get_by_role("slider")
    expect(slider).to_be_focused()
    page.tab.keyboard.press("ArrowLeft")
    page.tab.keyboard.press("ArrowLeft")

    until_equal([1, 0], lambda: shown(page), "as it was")
    assert page.tab.url.endswith(f"#/feeds/{feed}?at=2&view=cards")
    expect(slider).to_have_attribute(
        "aria-valuetext", re.compile(r"^As of .+ \(event 2 of 4\)$")
    )
    expect(page.tab.locator('[data-action="write"]')).to_have_count(0)
    api.write(feed, {"n": 4})
    live = bar.locator("[data-action=live]")
    expect(live).to_have_attribute("data-arrived", "1")
    assert shown(page) == [1, 0]

    live.click()

    until_equal([4, 3, 2, 1, 0], lambda: shown(page), "as it is")
    assert page.tab.url.endswith(f"#/feeds/{feed}?view=cards")


def test_a_record_has_an_address_with_its_history_and_can_be_changed_by_one_at_a_time(
    api: Api, feed: str, stack: Stack, open_page: OpenPage
) -> None:
    record = api.write(feed, {"state": "new", "n": 1})
    page = open_page(feed)
    page.row(record["id"]).locator("[data-record-link]").click()
    page.tab.wait_for_url(f"**/#/feeds/{feed}/records/{record['id']}")
    path = f"feeds/{feed}/records/{record['id']}/"

    def steps() -> list[str | None]:
        told: list[str | None] = page.tab.evaluate(_STEPS)
        return told

    until_equal(["created"], steps, "the history")
    page.tab.click('[data-action="edit"]')
    form = page.tab.locator("record-editor")
    value(form, "state").fill("mine")
    api.call("PATCH", path, {"data": {"state": "theirs"}})
    until_equal(["updated", "created"], steps, "the change by somebody else")
    assert sides(page.tab.locator(".step").first) == ["new", "theirs"]
    form.locator("#edit-key").fill(stack.facts["api_key"])
    form.locator("[type=submit]").click()
    conflict = form.locator("[data-conflict=changed]")
    expect(conflict).to_be_visible()
    assert sides(conflict) == ["theirs", "mine"]
    assert api.get(path)["data"]["state"] == "theirs"
    conflict.locator("[data-action=keep-mine]").click()

    until_equal(["updated", "updated", "created"], steps, "the change of mine")
    assert api.get(path)["data"] == {"state": "mine", "n": 1}
    page.tab.click('[data-action="delete"]')
    form.locator("#edit-key").fill(stack.facts["api_key"])
    form.locator("[type=submit]").click()
    until_equal(["deleted"], lambda: steps()[:1], "the deletion")
    page.reload()
    until_equal(
        ["deleted", "updated", "updated", "created"], steps, "the whole history"
    )


def test_a_table_of_ones_own_is_first_seen_as_one_and_the_selection_stays(
    api: Api, database: Database, open_page: OpenPage
) -> None:
    feed, table = new_slug("stock"), f"stock_{uuid.uuid4().hex[:8]}"
    database.execute(f"CREATE TABLE public.{table} (id text PRIMARY KEY, n integer)")
    database.execute(
        f"INSERT INTO public.{table} SELECT 'a/' || n, n FROM generate_series(1, 150) n"
    )
    database.execute(
        f"SELECT aviso.track('public.{table}', feed => %s, columns => '{{id,n}}',"
        " visibility => 'public')",
        [feed],
    )
    page = open_page(feed)
    page.go_to("")
    grid = page.tab.get_by_role("grid")
    until_equal("100", lambda: grid.get_attribute("data-count"), "the first rows")

    page.tab.get_by_role("columnheader", name="n", exact=True).get_by_role(
        "button"
    ).click()
    grid.focus()
    for _ in range(3):
        page.tab.keyboard.press("j")
    selected = grid.locator("[aria-selected=true]")
    key = selected.get_attribute("data-record-id")
    database.execute(f"INSERT INTO public.{table} VALUES ('b', -1), ('c', -2)")

    until_equal("102", lambda: grid.get_attribute("data-count"), "the new rows")
    assert key == selected.get_attribute("data-record-id")
    assert [
        row.get_attribute("data-record-id")
        for row in grid.locator("[data-record-id]").all()[:2]
    ] == ["c", "b"]
    grid.focus()
    page.tab.keyboard.press("Enter")
    page.tab.wait_for_url(f"**/records/{quote(str(key), safe='')}?*")
    expect(page.tab.locator("[data-record-state=present]")).to_be_visible()


@pytest.mark.parametrize("view", ["cards", "table"])
def test_a_slow_browser_asks_for_no_older_records_before_it_has_drawn_what_it_has(
    view: str, api: Api, feed: str, open_page: OpenPage
) -> None:
    api.write_all(feed, [{"n": n} for n in range(300)])
    page = open_page(feed)
    page.tab.goto("about:blank")
    tools = page.tab.context.new_cdp_session(page.tab)
    tools.send("Emulation.setCPUThrottlingRate", {"rate": 12})
    page.go_to(f"?view={view}")
    counted = page.tab.locator("[data-feed][data-count]")
    until_equal("100", lambda: counted.get_attribute("data-count"), "the newest rows")
    tools.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    page.tab.evaluate(FRAMES)
    assert counted.get_attribute("data-count") == "100"


def value(form: Locator, name: str) -> Locator:
    return form.get_by_role("group", name=name, exact=True).locator(".draft-value")


def sides(place: Locator) -> list[str]:
    """What a change says before and after."""
    before, after = place.locator(".change dd").all()
    return [side.locator("> :last-child").inner_text() for side in (before, after)]
