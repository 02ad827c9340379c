"""Rows with keys of any kind: the same by REST and on the page, also emptied."""

from __future__ import annotations

import json
import uuid

from playwright.sync_api import expect

from .api import Api, new_slug
from .conftest import OpenPage
from .database import Database
from .page import FeedPage
from .waiting import until_equal

KEYS = [
    "42",
    '["7","de"]',
    'it\'s "quoted" \\ `ticked`',
    "a/b/../c?d=e&f#g %2F +",
    " two  blanks ",
    "line\nbreak\ttab",
    "\u202eright to left\u202c\u200f",
    "<img src=x onerror=alert(1)>&amp;",
    "__proto__",
    "\U0001f511" * 1024,
    "x" * 1024,
]


def row(key: str, n: int) -> str:
    return json.dumps({"id": key, "data": {"n": n, "key": key}}, ensure_ascii=False)


def tell(database: Database, feed: str, kind: str, key: str | None, data: str) -> None:
    database.execute("SELECT aviso.tell(%s, %s, %s, NULL, %s)", [feed, kind, key, data])


def overflow(page: FeedPage) -> int:
    """How many pixels the page is wider than the window."""
    script = "() => document.documentElement.scrollWidth - window.innerWidth"
    return int(page.tab.evaluate(script))


def test_rows_of_any_key_and_a_reset_are_the_same_by_rest_and_on_the_page(
    api: Api, database: Database, feed: str, open_page: OpenPage
) -> None:
    page = open_page(feed)

    for n, key in enumerate(KEYS):
        tell(database, feed, "created", key, row(key, n))
    tell(database, feed, "updated", "42", row("42", 99))
    tell(database, feed, "deleted", KEYS[1], row(KEYS[1], 1))

    page.wait_for_position(len(KEYS) + 2)
    page.wait_for_rows(KEYS[::-1])
    events = api.all_events(feed)
    assert [*KEYS, "42", KEYS[1]] == [event["subject"] for event in events]
    assert [0] * len(KEYS) == [each.version for each in page.rows()]
    # Rows are drawn in several goes, the newest first.
    until_equal(
        ["deleted", "present"],
        lambda: [each.state for each in page.rows()[-2:]],
        "the deletion",
    )
    expect(page.row("42").get_by_text("99")).to_have_count(1)
    assert overflow(page) <= 0
    page.tab.set_viewport_size({"width": 360, "height": 640})
    assert overflow(page) <= 0

    tell(database, feed, "reset", None, '{"cause":"truncated"}')
    until_equal(0, lambda: page.count, "the emptied page's rows")
    tell(database, feed, "created", "42", row("42", 100))

    page.wait_for_rows(["42"])
    late = open_page(feed)
    late.wait_for_rows(["42"])
    page.reload()
    page.wait_for_rows(["42"])
    *_, reset, last = api.all_events(feed)
    assert (
        reset["type"],
        reset["data"],
    ) == ("aviso.feed.reset.v1", {"cause": "truncated"})
    assert (last["subject"], last["data"]["data"]["n"]) == ("42", 100)
    for each in (late, page):
        each.wait_for_position(len(KEYS) + 4)


def test_a_table_that_was_never_told_is_on_the_page_and_goes_on(
    api: Api, database: Database, open_page: OpenPage
) -> None:
    feed, table = new_slug("stock"), f"stock_{uuid.uuid4().hex[:8]}"
    database.execute(f"CREATE TABLE public.{table} (id bigint PRIMARY KEY, n integer)")
    database.execute(
        f"INSERT INTO public.{table} SELECT n, n FROM generate_series(1, 500) AS n"
    )
    database.execute(
        f"SELECT aviso.track('public.{table}', feed => %s, columns => '{{id,n}}',"
        " visibility => 'public')",
        [feed],
    )
    page = open_page(feed)
    expected = [str(n) for n in range(500, 0, -1)]

    def go_down() -> int:
        page.tab.mouse.wheel(0, 100_000)
        return page.count

    until_equal(500, go_down, "all rows on the page")
    # REST refuses them: who writes to it writes to the table.
    assert page.tab.locator("[data-action=write]").count() == 0
    page.wait_for_rows(expected)
    database.psql(f"UPDATE {table} SET n = 4711 WHERE id = 250")
    database.psql(f"DELETE FROM {table} WHERE id = 100")
    database.psql(f"INSERT INTO {table} VALUES (501, 1)")

    page.wait_for_position(3)

    # What is new waits above whoever reads further down.
    def go_up() -> int:
        page.tab.mouse.wheel(0, -200_000)
        return page.count

    until_equal(501, go_up, "the new row")
    shown = {"250": "present", "100": "deleted", "501": "present"}
    until_equal(
        shown,
        lambda: {
            row.record_id: row.state for row in page.rows() if row.record_id in shown
        },
        "the rows to be what they have become",
    )
    assert api.get(f"feeds/{feed}/records/250/") == {
        "id": "250",
        "data": {"id": 250, "n": 4711},
    }
    assert api.call("GET", f"feeds/{feed}/records/100/").status == 404
