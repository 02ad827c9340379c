"""Whatever writes a record, the open page shows it a moment later."""

from __future__ import annotations

import uuid

from playwright.sync_api import expect

from . import curl
from .api import Api
from .conftest import OpenPage
from .database import Database
from .page import Row
from .running import Stack
from .test_embedding import embed
from .waiting import until, until_equal

# Each record of the first element on the page: its part, and its values.
_ROWS = """() => [
    ...document.querySelector('record-feed').shadowRoot.querySelectorAll('li')
].map(row => [row.part.value, ...[...row.querySelectorAll('dd')].map(
    value => value.textContent)].join(' '))"""


def test_a_record_written_by_curl_appears(
    stack: Stack, feed: str, open_page: OpenPage
) -> None:
    page = open_page(feed)
    url = f"{stack.url}/api/v1/feeds/{feed}/records/"
    body = b'{"data": {"greeting": "hola desde curl"}}'

    status, _, record = curl.post(url, stack.facts["api_key"], body)

    assert status == 201
    record_id = record["id"]
    assert page.wait_for_record(record_id) == Row(record_id, 1, 1, "present")
    expect(page.row(record_id)).to_contain_text("hola desde curl")


def test_a_record_written_by_psql_appears(
    stack: Stack, feed: str, database: Database, open_page: OpenPage
) -> None:
    page = open_page(feed)

    database.psql(
        f"INSERT INTO records (feed, data) VALUES ('{feed}', '{{\"from\": \"psql\"}}')"
    )

    record_id = database.value("SELECT id::text FROM records WHERE feed = %s", [feed])
    page.wait_for_record(record_id)
    expect(page.row(record_id)).to_contain_text("psql")


def test_records_written_by_bulk_create_appear(
    stack: Stack, feed: str, open_page: OpenPage
) -> None:
    page = open_page(feed)

    stack.manage(
        "shell",
        "-c",
        "from aviso.records.models import Record\n"
        "Record.objects.bulk_create("
        f"[Record(feed_id={feed!r}, data={{'n': n}}) for n in range(7)])",
    )

    until_equal(
        [7, 6, 5, 4, 3, 2, 1],
        lambda: [row.sequence for row in page.rows()],
        "seven rows",
    )


def test_a_record_written_on_the_admin_site_appears(
    stack: Stack, feed: str, open_page: OpenPage
) -> None:
    page = open_page(feed)
    name = f"admin-{uuid.uuid4().hex[:8]}"
    stack.manage(
        "createsuperuser",
        "--noinput",
        f"--username={name}",
        "--email=admin@localhost.invalid",
        DJANGO_SUPERUSER_PASSWORD="a-long-password-of-one-test",
    )
    tab = page.tab.context.new_page()

    tab.goto(f"{stack.url}/admin/")
    tab.fill("[name=username]", name)
    tab.fill("[name=password]", "a-long-password-of-one-test")
    tab.click("[type=submit]")
    tab.goto(f"{stack.url}/admin/aviso/record/add/")
    choose_feed(tab.locator("[name=feed]"), feed)
    tab.get_by_label("Data").fill('{"from": "the admin site"}')
    tab.click("[name=_save]")

    [row] = until(page.rows, "the record on the page")
    expect(page.row(row.record_id)).to_contain_text("the admin site")


def test_an_update_and_a_delete_show(api: Api, feed: str, open_page: OpenPage) -> None:
    page = open_page(feed)
    record_id = api.write(feed, {"state": "new"})["id"]
    page.wait_for_record(record_id)
    path = f"feeds/{feed}/records/{record_id}/"

    assert api.call("PATCH", path, {"data": {"state": "paid"}}).status == 200
    until_equal([Row(record_id, 2, 2, "present")], page.rows, "the update on the page")
    expect(page.row(record_id)).to_contain_text("paid")

    assert api.call("DELETE", path).status == 204
    until(
        lambda: all(row.state == "deleted" for row in page.rows()),
        "the deleted record to be marked or gone",
    )
    page.wait_for_position(3)


def test_a_record_that_comes_back_under_its_id_is_shown_as_it_is(
    feed: str, database: Database, open_page: OpenPage
) -> None:
    page = open_page(feed)
    record_id = str(uuid.uuid4())

    def insert(state: str) -> None:
        data = f'{{"state": "{state}"}}'
        columns = f"'{record_id}', '{feed}', '{data}'"
        database.psql(f"INSERT INTO records (id, feed, data) VALUES ({columns})")

    def shown() -> list[tuple[str, str]]:
        rows = page.rows()
        return [
            (row.state, page.row(row.record_id).locator("dd").first.inner_text())
            for row in rows
        ]

    insert("old")
    until_equal([("present", "old")], shown, "the record")
    database.psql(f"DELETE FROM records WHERE id = '{record_id}'")
    until_equal([("deleted", "old")], shown, "its deletion")
    insert("new")

    until_equal([("present", "new")], shown, "the record that came back")
    tab = embed(page, {"feed": feed})
    until_equal(["record present new"], lambda: tab.evaluate(_ROWS), "the element")
    page.reload()
    until_equal([("present", "new")], shown, "the record, after a reload")


def test_a_thousand_records_of_one_request_appear_in_order_once(
    api: Api, feed: str, open_page: OpenPage
) -> None:
    page = open_page(feed)

    ids = api.write_all(feed, [{"n": n} for n in range(1000)])

    page.wait_for_position(1000)
    page.wait_for_rows(ids[::-1])
    assert [row.sequence for row in page.rows()] == list(range(1000, 0, -1))


def choose_feed(field: object, feed: str) -> None:
    """Fill in the admin form's feed, whether it is a list or a raw key."""
    from playwright.sync_api import Locator

    assert isinstance(field, Locator)
    if field.evaluate("each => each.tagName") == "SELECT":
        field.select_option(value=feed, force=True)
    else:
        field.fill(feed)
