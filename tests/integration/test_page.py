"""What a person does on the page, in a real browser."""

from __future__ import annotations

import re
import urllib.request
import uuid

import pytest

from .api import Api
from .conftest import OpenPage
from .database import Database
from .page import FeedPage
from .running import Stack
from .waiting import ALIVE_S, until, until_equal

PASSWORD = "a-password-of-one-test"


def test_a_guest_reads_without_an_account(
    api: Api, feed: str, open_page: OpenPage
) -> None:
    record_id = api.write(feed, {"greeting": "hello"})["id"]

    page = open_page(feed)

    page.wait_for_record(record_id)
    assert account_kind(page) == "guest"


def test_an_account_made_on_the_page_reads_and_signs_in_again(
    api: Api, feed: str, open_page: OpenPage
) -> None:
    name = f"ana-{uuid.uuid4().hex[:8]}"
    page = open_page(feed)

    open_sign_in(page)
    page.tab.get_by_role("button", name="I need an account").click()
    fill_account(page, name, PASSWORD)
    page.tab.get_by_role("dialog").get_by_role("button", name="Create account").click()
    until(lambda: account_kind(page) == "account", "the new account to be signed in")
    page.wait_for_state("live")
    record_id = api.write(feed, {"for": name})["id"]
    page.wait_for_record(record_id)

    other = open_page(feed)
    sign_in(other, name, PASSWORD)
    until(lambda: account_kind(other) == "account", "the account to be signed in")
    other.wait_for_state("live")
    record_id = api.write(feed, {"for": name})["id"]
    other.wait_for_record(record_id)


def test_a_wrong_password_is_refused_and_reading_goes_on(
    api: Api, feed: str, open_page: OpenPage
) -> None:
    page = open_page(feed)

    sign_in(page, "nobody-by-this-name", PASSWORD)

    page.tab.get_by_text("The name or the password is not right.").wait_for()
    assert account_kind(page) == "guest"
    page.wait_for_record(api.write(feed, {"n": 1})["id"])


def test_a_reloaded_page_is_complete_and_takes_nothing_of_it_for_arriving(
    api: Api, feed: str, open_page: OpenPage
) -> None:
    page = open_page(feed)
    ids = api.write_all(feed, [{"n": n} for n in range(20)])
    page.wait_for_rows(ids[::-1])
    until(lambda: arrived(page) > 0, "the pulse of what arrived")
    until(lambda: re.match(r"lag (under|about) ", pulse(page, "lag")), "its lag")

    page.reload()

    page.wait_for_rows(ids[::-1])
    until(lambda: re.match("last event .", pulse(page, "last")), "when the last was")
    assert arrived(page) == 0


def test_older_records_than_the_page_begins_with_are_fetched(
    api: Api, feed: str, open_page: OpenPage
) -> None:
    ids = api.write_all(feed, [{"n": n} for n in range(350)])
    page = open_page(feed)
    page.wait_for_position(350)

    def scroll_to_the_end() -> bool:
        page.tab.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        return page.count == 350

    until(scroll_to_the_end, "all 350 records on the page")
    page.wait_for_rows(ids[::-1])


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert('from a record')</script>",
        "<img src=x onerror=\"alert('from a record')\">",
        "</textarea><svg onload=alert(1)>",
    ],
)
def test_markup_in_a_record_stays_text(
    api: Api, feed: str, open_page: OpenPage, text: str
) -> None:
    page = open_page(feed)

    record_id = api.write(feed, {"note": text, text: "as a name"})["id"]

    page.wait_for_record(record_id)
    row = page.row(record_id)
    until(lambda: row.inner_text().count(text) == 2, "the text, as it is, twice")
    assert row.locator("script, img, svg[onload]").count() == 0
    assert page.faults == []  # no dialog, no error, no violation of the policy


def test_the_page_forbids_scripts_of_others(stack: Stack) -> None:
    with urllib.request.urlopen(stack.url, timeout=ALIVE_S) as answer:
        policy = answer.headers["Content-Security-Policy"]

    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self'"
    assert "unsafe" not in policy


def test_the_form_writes_a_record_with_a_key(
    stack: Stack, feed: str, open_page: OpenPage
) -> None:
    page = open_page(feed)

    page.write_json('{"from": "the form"}', stack.facts["api_key"])

    page.tab.locator('[data-write-outcome="written"]').wait_for()
    [row] = until(page.rows, "the record on the page")
    shown = page.row(row.record_id)
    until(lambda: "the form" in shown.inner_text(), "what the form wrote")


def test_the_form_shows_why_a_record_was_refused(
    stack: Stack, api: Api, feed: str, open_page: OpenPage
) -> None:
    schema = {"type": "object", "properties": {"count": {"type": "integer"}}}
    assert api.call("PATCH", f"feeds/{feed}/", {"schema": schema}).status == 200
    body = {"data": {"count": "many"}}
    detail = api.call("POST", f"feeds/{feed}/records/", body).json["detail"]
    page = open_page(feed)

    page.write_json('{"count": "many"}', stack.facts["api_key"])

    outcome = page.tab.locator('[data-write-outcome="failed"]')
    outcome.wait_for()
    assert detail in outcome.inner_text()
    assert api.head(feed) == 0


ODD = """{"order": 94103, "big": 1e20, "id": 1234567890123456789, "due": "2026-02-30",
    "huge": 1e400}"""
ODD_SHOWN = [
    "94103",
    "1" + "0" * 20,
    "1234567890123456789",
    "2026-02-30",
    "1" + "0" * 400,
]


def test_values_are_shown_as_they_were_written(
    database: Database, feed: str, open_page: OpenPage
) -> None:
    page = open_page(feed)

    database.execute("INSERT INTO records (feed, data) VALUES (%s, %s)", [feed, ODD])

    def shown() -> list[str]:
        fields = page.list.locator("[data-record-id] dd").all_inner_texts()
        return sorted(fields)

    until_equal(sorted(ODD_SHOWN), shown, "the record's values")
    page.reload()
    until_equal(sorted(ODD_SHOWN), shown, "the record's values, over REST")


def test_the_form_writes_every_digit_of_a_number(
    stack: Stack, database: Database, feed: str, open_page: OpenPage
) -> None:
    page = open_page(feed)

    page.write_json('{"id": 1234567890123456789}', stack.facts["api_key"])

    page.tab.locator('[data-write-outcome="written"]').wait_for()
    query = "SELECT data->>'id' FROM records WHERE feed = %s"
    assert database.value(query, [feed]) == "1234567890123456789"


def test_the_form_says_that_a_key_is_wrong(feed: str, open_page: OpenPage) -> None:
    page = open_page(feed)

    page.write_json('{"from": "the form"}', "not-a-key")

    page.tab.get_by_text("The server did not accept this API key.").first.wait_for()


def test_the_page_speaks_spanish_and_english(
    api: Api, feed: str, open_page: OpenPage
) -> None:
    page = open_page(feed)
    language = page.tab.locator("html")
    assert language.get_attribute("lang") == "en"

    page.tab.click('[data-locale="es"]')
    page.tab.get_by_text("Nuevo registro").first.wait_for()
    assert language.get_attribute("lang") == "es"
    page.reload()
    assert language.get_attribute("lang") == "es"

    page.tab.click('[data-locale="en"]')
    page.tab.get_by_text("New record").first.wait_for()
    assert language.get_attribute("lang") == "en"


def test_the_keyboard_alone_reaches_a_record_and_opens_it(
    api: Api, feed: str, open_page: OpenPage
) -> None:
    newest = api.write_all(feed, [{"n": n} for n in range(3)])[-1]
    page = open_page(feed)
    page.wait_for_record(newest)

    keyboard = page.tab.keyboard
    keyboard.press("Tab")  # the skip link comes first
    assert focus(page, "e => e.className") == "skip-link"
    keyboard.press("Enter")
    keyboard.press("j")
    assert focus(page, "e => e.dataset.recordId") == newest
    keyboard.press("j")
    keyboard.press("k")
    assert focus(page, "e => e.dataset.recordId") == newest
    keyboard.press("Enter")

    until(
        lambda: re.search(r'"n":\s*2', page.row(newest).inner_text()),
        "the record's JSON",
    )


def arrived(page: FeedPage) -> int:
    return int(page.tab.locator(".pulse").get_attribute("data-arrived") or 0)


def pulse(page: FeedPage, part: str) -> str:
    return page.tab.locator(f'[data-pulse="{part}"]').inner_text()


def account_kind(page: FeedPage) -> str | None:
    return page.tab.locator("[data-account]").get_attribute("data-account")


def open_sign_in(page: FeedPage) -> None:
    page.tab.click('[data-action="sign-in"]')
    page.tab.get_by_role("dialog").wait_for()


def fill_account(page: FeedPage, name: str, password: str) -> None:
    page.tab.fill('[name="username"]', name)
    page.tab.fill('[name="password"]', password)


def sign_in(page: FeedPage, name: str, password: str) -> None:
    open_sign_in(page)
    fill_account(page, name, password)
    page.tab.get_by_role("dialog").locator('[type="submit"]').click()


def focus(page: FeedPage, question: str) -> object:
    """Ask something of the element that has the focus."""
    return page.tab.evaluate(f"() => ({question})(document.activeElement)")
