"""The admin site: what a person can see and do there, and the events of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from aviso.access.keys import find_key
from aviso.access.models import ApiKey
from aviso.events.models import Event
from aviso.feeds.models import Feed
from aviso.readers.models import Reader
from aviso.records.models import Record
from tests.admin_forms import read_seen
from tests.api import publish_events

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("admin"))
    return client


def show(client: Client, path: str) -> str:
    response = client.get(f"/admin/{path}")
    assert 200 == response.status_code, response
    return response.content.decode()


def send(client: Client, path: str, form: dict[str, Any]) -> str:
    """Send a form, of a page that was opened just now."""
    if path.endswith("/change/"):
        form = {**form, **read_seen(client, f"/admin/{path}")}
    response = client.post(f"/admin/{path}", form, follow=True)
    assert 200 == response.status_code
    return response.content.decode()


def event_types() -> list[str]:
    return list(
        Event.objects.order_by("changeset", "place").values_list("type", flat=True)
    )


def test_every_page_of_the_site_opens(admin: Client, orders: Feed) -> None:
    record = Record.objects.create(feed=orders, data={"a": "<b>é</b>"})
    event = Event.objects.get()
    reader = Reader.objects.create(feed=orders, reader="ada@localhost")
    ApiKey.objects.create(id="abc", name="x")

    for path in [
        "",
        "aviso/feed/",
        "aviso/feed/add/",
        "aviso/feed/orders/change/",
        "aviso/record/",
        "aviso/record/add/",
        f"aviso/record/{record.id}/change/",
        f"aviso/record/{record.id}/delete/",
        f"aviso/record/?q={record.id}",
        "aviso/record/?q=orders",
        "aviso/record/?feed__slug__exact=orders",
        "aviso/event/",
        f"aviso/event/{event.key}/change/",
        f"aviso/event/?q={event.id}",
        "aviso/event/?q=orders+1",
        "aviso/event/?q=%27",
        "aviso/outboxfeed/",
        "aviso/outboxfeed/orders/change/",
        "aviso/apikey/",
        "aviso/apikey/add/",
        "aviso/apikey/abc/change/",
        "aviso/reader/",
        "aviso/reader/?state=granted",
        "aviso/reader/?state=revoked",
        "aviso/reader/?q=ada",
        "aviso/reader/add/",
        f"aviso/reader/{reader.id}/change/",
        f"aviso/event/{Event.objects.latest('changeset').key}/change/",
        "auth/user/",
        "auth/group/",
    ]:
        page = show(admin, path)
        assert "<b>é</b>" not in page


def test_a_stranger_is_sent_to_the_login(client: Client, orders: Feed) -> None:
    response = client.get("/admin/aviso/record/")

    assert 302 == response.status_code


def test_a_record_added_there_has_its_event(admin: Client, orders: Feed) -> None:
    send(admin, "aviso/record/add/", {"feed": "orders", "text": '{"a": 1}'})

    assert {"a": 1} == Record.objects.get().data
    assert ["created"] == event_types()


def test_a_record_changed_there_has_its_event(admin: Client, orders: Feed) -> None:
    record = Record.objects.create(feed=orders, data={"a": 1})

    send(admin, f"aviso/record/{record.id}/change/", {"text": '{"a": 2}'})

    assert ["created", "updated"] == event_types()
    assert (2, {"a": 2}) == Record.objects.values_list("version", "data").get()


def test_a_record_saved_unchanged_has_no_event(admin: Client, orders: Feed) -> None:
    record = Record.objects.create(feed=orders, data={"a": 1, "é": "😀"})
    page = show(admin, f"aviso/record/{record.id}/change/")
    assert "&quot;é&quot;: &quot;😀&quot;" in page

    send(admin, f"aviso/record/{record.id}/change/", {"text": '{"é":"😀","a":1}'})

    assert ["created"] == event_types()


def test_records_deleted_there_have_their_events(admin: Client, orders: Feed) -> None:
    records = [Record.objects.create(feed=orders, data={}) for _ in range(3)]

    send(admin, f"aviso/record/{records[0].id}/delete/", {"post": "yes"})
    selected = [str(record.id) for record in records[1:]]
    send(
        admin,
        "aviso/record/",
        {"action": "delete_selected", "_selected_action": selected, "post": "yes"},
    )

    assert ["created"] * 3 + ["deleted"] * 3 == event_types()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "line 1"),
        ("[]", "JSON object"),
        ('{"a": NaN}', "NaN is no JSON"),
        ('{"a": "\\u0000"}', "U+0000"),
        ('{"a": "' + "x" * 65536 + '"}', "65536 bytes"),
        ('{"a": "text"}', "schema"),
    ],
)
def test_wrong_data_is_refused_there_with_its_reason(
    admin: Client, orders: Feed, text: str, reason: str
) -> None:
    Feed.objects.update(schema={"properties": {"a": {"type": "integer"}}})

    page = send(admin, "aviso/record/add/", {"feed": "orders", "text": text})

    assert reason in page
    assert [] == event_types()


def test_a_record_of_a_tables_feed_is_refused_there(admin: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE public.stock (id bigint PRIMARY KEY)")
        cursor.execute("SELECT aviso.track('public.stock', 'stock', '{id}')")

    page = send(admin, "aviso/record/add/", {"feed": "stock", "text": "{}"})

    assert "public.stock" in page
    assert [] == event_types()


def test_a_record_that_python_cannot_parse_can_be_looked_at(
    admin: Client, orders: Feed
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO aviso.records (feed, data) VALUES ('orders', %s)",
            ['{"n": ' + "9" * 5000 + "}"],
        )
    record = Record.objects.defer("data").get()

    show(admin, "aviso/record/")
    assert "9" * 5000 in show(admin, f"aviso/record/{record.pk}/change/")
    assert "9" * 5000 in show(
        admin,
        f"aviso/event/{Event.objects.get().key}/change/",
    )


def test_a_feed_is_made_and_changed_there(admin: Client) -> None:
    form = {"slug": "orders", "title": "Orders", "visibility": "public", "schema": ""}
    send(admin, "aviso/feed/add/", form)
    send(
        admin,
        "aviso/feed/orders/change/",
        {**form, "visibility": "private", "schema": '{"required": ["n"]}'},
    )

    feed = Feed.objects.get()
    assert ("private", {"required": ["n"]}) == (feed.visibility, feed.schema)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"slug": "Orders"}, "a-z, 0-9"),
        ({"schema": "{"}, "line 1"),
        ({"schema": '{"type": "objekt"}'}, "objekt"),
        ({"title": "x" * 201}, "at most 200"),
    ],
)
def test_a_wrong_feed_is_refused_there_with_its_reason(
    admin: Client, change: dict[str, str], reason: str
) -> None:
    form = {"slug": "orders", "title": "", "visibility": "public", "schema": ""}

    page = send(admin, "aviso/feed/add/", {**form, **change})

    assert reason in page
    assert not Feed.objects.exists()


def test_feeds_and_events_cannot_be_deleted_there(admin: Client, orders: Feed) -> None:
    Record.objects.create(feed=orders, data={})
    key = Event.objects.get().key

    for path in ["aviso/feed/orders/delete/", f"aviso/event/{key}/delete/"]:
        assert 403 == admin.post(f"/admin/{path}", {"post": "yes"}).status_code


def test_the_outbox_holds_the_feeds_that_wait(admin: Client, orders: Feed) -> None:
    stock = Feed.objects.create(slug="stock")
    for n in range(2):
        Record.objects.create(feed=orders, data={"n": n})
    Record.objects.create(feed=stock, data={})
    publish_events(stock=0)
    Record.objects.bulk_create(Record(feed=orders, data={}) for _ in range(7))

    page = show(admin, "aviso/outboxfeed/")

    assert "2 outbox" in page
    for name, value in {"published": 2, "sequence": 2, "unnumbered": 7}.items():
        assert f'<td class="field-{name}">{value}</td>' in page
    publish_events()
    assert "0 outbox" in show(admin, "aviso/outboxfeed/")


@pytest.mark.parametrize(
    ("words", "found"),
    [("stock", 1), ("orders", 3), ("orders 2", 1), ("orders 4", 0), ("nobody 1", 0)],
)
def test_events_are_found_by_their_place(
    admin: Client, orders: Feed, words: str, found: int
) -> None:
    stock = Feed.objects.create(slug="stock")
    Record.objects.bulk_create(Record(feed=orders, data={"n": n}) for n in range(3))
    Record.objects.create(feed=stock, data={})
    publish_events()

    page = show(admin, f"aviso/event/?q={words.replace(' ', '+')}")

    assert f"{found} event" in page
    if found == 1:
        key = re.findall(r"aviso/event/([0-9]+-[0-9]+)/change/", page)[0]
        assert "traceparent" in show(admin, f"aviso/event/{key}/change/").lower()


def test_a_new_key_is_shown_once_and_works(admin: Client, orders: Feed) -> None:
    form = {"name": "demo", "all_feeds": "on", "may_read": "on", "may_write": "on"}

    page = send(admin, "aviso/apikey/add/", form)

    found = re.search(r"aviso_[a-z0-9]+_[a-z0-9]+", page)
    assert found
    key = find_key(found[0])
    assert key is not None
    assert ("demo", True, False) == (key.name, key.may_write, key.may_manage)
    assert found[0] not in show(admin, "aviso/apikey/")
    assert found[0] not in show(admin, f"aviso/apikey/{key.id}/change/")


def test_a_key_is_revoked_there(admin: Client) -> None:
    ApiKey.objects.create(id="abc", name="x")

    send(admin, "aviso/apikey/", {"action": "revoke", "_selected_action": ["abc"]})

    assert ApiKey.objects.get().revoked_at is not None


def test_big_tables_are_counted_only_so_far(
    admin: Client, orders: Feed, django_assert_max_num_queries: Any
) -> None:
    Record.objects.create(feed=orders, data={})
    with connection.execute_wrapper(_refuse_unbounded_count):
        show(admin, "aviso/record/")
        show(admin, "aviso/event/?type__exact=created")


def _refuse_unbounded_count(
    execute: Any, sql: str, values: Any, many: bool, context: Any
) -> Any:
    assert "COUNT(" not in sql or "LIMIT" in sql, sql
    return execute(sql, values, many, context)


def test_a_reader_is_let_in_put_out_and_let_in_again(
    admin: Client, secrets: Feed
) -> None:
    form = {"feed": "secrets", "reader": " Ada@Localhost "}

    send(admin, "aviso/reader/add/", form)
    reader = Reader.objects.get()
    chosen = {"_selected_action": [str(reader.id)]}
    for action in ["revoke", "revoke", "let_in_again"]:
        send(admin, "aviso/reader/", {"action": action, **chosen})
    send(admin, "aviso/reader/", {"action": "revoke", **chosen})
    send(admin, "aviso/reader/add/", form)

    assert "ada@localhost" == reader.reader
    assert ["granted", "revoked"] * 2 + ["granted"] == event_types()


def test_a_reader_gets_another_end_on_his_page(admin: Client, secrets: Feed) -> None:
    reader = Reader.objects.create(feed=secrets, reader="ada@localhost")
    end = {"expires_at_0": "2999-01-02", "expires_at_1": "03:04"}

    send(admin, f"aviso/reader/{reader.id}/change/", end)

    reader.refresh_from_db()
    assert reader.expires_at is not None
    assert 2999 == reader.expires_at.year
    assert ["granted"] == event_types()


@pytest.mark.parametrize(
    "change",
    [
        {"reader": "ada"},
        {"reader": "ada@elsewhere.example"},
        {"expires_at_0": "2020-01-01", "expires_at_1": "00:00"},
    ],
)
def test_a_wrong_reader_is_refused_on_the_page(
    admin: Client, secrets: Feed, change: dict[str, str]
) -> None:
    form = {"feed": "secrets", "reader": "ada@localhost", **change}

    page = send(admin, "aviso/reader/add/", form)

    assert "Expected" in page
    assert [] == event_types()


def test_a_reader_can_not_be_deleted_there(admin: Client, secrets: Feed) -> None:
    reader = Reader.objects.create(feed=secrets, reader="ada@localhost")

    assert 403 == admin.post(f"/admin/aviso/reader/{reader.id}/delete/").status_code
