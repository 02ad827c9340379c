"""What a page holds does not grow with what passes it."""

from __future__ import annotations

from playwright.sync_api import Browser

from .api import Api
from .bare_page import BarePage
from .database import Database
from .running import Stack
from .waiting import until_equal

_MIB = 1024 * 1024
FIRST = 1_000
ALL = 20_000


def test_an_element_holds_the_records_that_it_shows_and_no_more(
    stack: Stack, api: Api, database: Database, feed: str, browser: Browser
) -> None:
    """`make bench ARGS=bounds` lets 300,000 events pass."""
    context = browser.new_context()
    page = BarePage(context.new_page(), stack.url)
    page.show(feed=feed, history="50")

    insert(database, feed, 1, FIRST)
    until_equal(str(FIRST), lambda: page.newest, "the newest record", 60)
    before = page.heap_bytes()
    insert(database, feed, FIRST + 1, ALL)
    until_equal(str(ALL), lambda: page.newest, "the newest record", 60)

    assert page.heap_bytes() - before < 5 * _MIB
    context.close()


def insert(database: Database, feed: str, first: int, last: int) -> None:
    database.execute(
        "INSERT INTO aviso.records (feed, data) SELECT %s, jsonb_build_object("
        "'n', n, 'text', repeat('x', 120)) FROM generate_series(%s::int, %s) AS n",
        [feed, first, last],
    )
