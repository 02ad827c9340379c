"""What is shown as a file: every record of it, every digit, and no formula."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from .api import Api
from .conftest import OpenPage
from .database import Database
from .page import FeedPage
from .waiting import until, until_equal

_DIGITS = "12345678901234567890.123456789012345678901234567890"
_WRITE = """
    INSERT INTO records (feed, data)
    SELECT %s, jsonb_build_object(
        'n', n, 'city', CASE WHEN n %% 2 = 1 THEN 'Madrid' ELSE 'Bilbao' END,
        'what', CASE WHEN n %% 4 = 0 THEN '=LINK("http://x", "tea")' ELSE 'rice' END,
        'price', %s::numeric + n, 'said', E'a "quoted", line\\nand another',
        'deep', jsonb_build_object('list', jsonb_build_array(n, 'ñ')))
    FROM generate_series(%s::int, %s) AS n
"""
ALL = 250


@pytest.fixture
def written(database: Database, feed: str) -> str:
    """A feed with so many records, the newest of which is gone again."""
    database.execute(_WRITE, [feed, _DIGITS, 1, ALL + 1])
    database.execute(
        "DELETE FROM records WHERE feed = %s AND data->>'n' = %s", [feed, str(ALL + 1)]
    )
    return feed


def price(n: int) -> str:
    whole, digits = _DIGITS.split(".")
    return f"{int(whole) + n}.{digits}"


def test_the_cards_are_exported_as_far_as_they_are_loaded_with_every_digit(
    written: str, open_page: OpenPage
) -> None:
    page = open_page(written)
    page.wait_for_position(ALL + 2)
    some = exported(page)
    assert 1 < len(some) == present(page) + 1 < ALL

    load_all(page)

    lines = exported(page)
    assert lines[0][:5] == ["id", "version", "created_at", "updated_at", "n"]
    rows = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    assert [str(n) for n in range(ALL, 0, -1)] == [row["n"] for row in rows]
    assert [price(n) for n in range(ALL, 0, -1)] == [row["price"] for row in rows]
    assert {'a "quoted", line\nand another'} == {row["said"] for row in rows}
    # A spreadsheet would follow it else.
    assert {'\'=LINK("http://x", "tea")', "rice"} == {row["what"] for row in rows}
    assert json.loads(rows[0]["deep"]) == {"list": [ALL, "ñ"]}
    assert {"1"} == {row["version"] for row in rows}


def test_json_lines_are_the_records_as_they_are(
    written: str, open_page: OpenPage
) -> None:
    page = open_page(written)
    load_all(page)

    lines = downloaded(page, "jsonl").splitlines()

    records = [json.loads(line, parse_float=str) for line in lines]
    assert list(range(ALL, 0, -1)) == [record["data"]["n"] for record in records]
    assert price(ALL) == records[0]["data"]["price"]
    assert records[2]["data"]["what"] == '=LINK("http://x", "tea")'


@pytest.mark.parametrize("view", ["cards", "table"])
def test_of_a_search_what_was_found_is_exported_and_nothing_else(
    view: str, written: str, api: Api, open_page: OpenPage
) -> None:
    page = open_page(written)
    page.go_to(f"?q=rice&data.city=Bilbao&view={view}")
    summary = page.tab.locator(".found-summary")
    found = [str(n) for n in range(ALL, 0, -1) if n % 4 == 2]
    until_equal(
        str(len(found)), lambda: summary.get_attribute("data-found"), "what was found"
    )

    api.write(written, {"n": 900, "city": "Bilbao", "what": "rice"})
    api.write(written, {"n": 901, "city": "Bilbao", "what": "tea"})

    until_equal(
        str(len(found) + 1), lambda: summary.get_attribute("data-found"), "one more"
    )
    head, *rows = exported(page)
    assert ["900", *found] == [row[head.index("n")] for row in rows]
    lines = downloaded(page, "jsonl").splitlines()
    assert ["900", *found] == [str(json.loads(line)["data"]["n"]) for line in lines]


def test_the_table_is_exported_in_its_order_with_the_columns_that_were_picked(
    written: str, open_page: OpenPage
) -> None:
    page = open_page(written)
    page.go_to("?view=table&column=price&column=n&sort=n")
    counted = page.tab.get_by_role("grid")
    until(lambda: (counted.get_attribute("data-count") or "0") != "0", "its rows")
    more = page.tab.get_by_role("button", name="Show older records")
    # The one that is gone has its row too.
    while (count := counted.get_attribute("data-count")) != str(ALL + 1):
        more.click()
        until(lambda n=count: counted.get_attribute("data-count") != n, "more rows")

    lines = exported(page)

    assert lines[0][-2:] == ["price", "n"]
    assert [[price(n), str(n)] for n in range(1, ALL + 1)] == [
        line[-2:] for line in lines[1:]
    ]


def test_what_was_is_exported_as_it_was(written: str, open_page: OpenPage) -> None:
    page = open_page(written)
    page.go_to("?at=40&view=cards")
    until_equal(40, lambda: page.count, "the records of then")

    head, *rows = exported(page)

    assert [str(n) for n in range(40, 0, -1)] == [row[head.index("n")] for row in rows]


def load_all(page: FeedPage) -> None:
    def scroll_to_the_end() -> bool:
        page.tab.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        return present(page) == ALL

    until(scroll_to_the_end, "every record on the page")


def present(page: FeedPage) -> int:
    return sum(row.state == "present" for row in page.rows())


def exported(page: FeedPage) -> list[list[str]]:
    return lines_of(downloaded(page, "csv"))


def lines_of(text: str) -> list[list[str]]:
    # newline="": a line break in a cell is the cell's.
    return list(csv.reader(io.StringIO(text, newline="")))


def downloaded(page: FeedPage, kind: str) -> str:
    tab: Any = page.tab
    menu = tab.locator("drop-menu").filter(has=tab.locator(f'[data-export="{kind}"]'))
    if not menu.locator("details").evaluate("each => each.open"):
        menu.locator("summary").click()
    said = menu.locator("[data-export-count]")
    expect(said).not_to_have_attribute("data-export-count", "0")
    with tab.expect_download() as started:
        menu.locator(f'[data-export="{kind}"]').click()
    file = Path(started.value.path())
    assert started.value.suggested_filename == f"{page.feed}.{kind}"
    text = file.read_bytes().decode()
    count = len(text.splitlines()) if kind == "jsonl" else len(lines_of(text)) - 1
    assert said.get_attribute("data-export-count") == str(count)
    return text
