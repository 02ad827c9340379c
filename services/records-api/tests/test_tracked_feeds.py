"""A feed that shows a table of somebody's own, over REST."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from aviso.feeds.models import Feed
from aviso.feeds.naming import feed_name
from aviso.records import rows
from tests.api import Api, Reply, make_api

pytestmark = pytest.mark.django_db
PATH = "feeds/orders/records/"
KEYS = [
    "42",
    "a/b/../c?d=e&f#g %2F +",
    'it\'s "quoted" \\ <b>',
    " line\nbreak\t ",
    "\u202eright\u200f",
    "x" * 1024,
]


def run(statement: str, values: Sequence[Any] | None = None) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def track(
    columns: str = "{id,status,total}",
    feed: str = "orders",
    where: str | None = None,
    visibility: str = "public",
) -> None:
    run(
        "SELECT aviso.track('public.orders', feed => %s, columns => %s,"
        ' "where" => %s, visibility => %s)',
        [feed, columns, where, visibility],
    )


@pytest.fixture
def orders_table() -> None:
    run(
        "CREATE TABLE public.orders (id bigint PRIMARY KEY, status text, total numeric,"
        " secret text DEFAULT 'secret')"
    )


def insert(count: int, status: str = "paid") -> None:
    run(
        "INSERT INTO public.orders (id, status, total)"
        " SELECT n, %s, n + 0.50 FROM generate_series(1, %s) AS n",
        [status, count],
    )


def ids(reply: Reply) -> list[str]:
    return [item["id"] for item in reply.body["results"]]


def follow(api: Api, path: str) -> list[str]:
    """Read on as the pages say, to the end."""
    found: list[str] = []
    for _ in range(100):
        reply = api.get(path)
        found += ids(reply)
        if reply.body["next"] is None:
            return found
        path = "/api/v1" + reply.body["next"].partition("/api/v1")[2]
    raise AssertionError("the pages do not end")


def test_what_was_there_before_it_was_tracked_is_read(
    anonymous: Api, orders_table: None
) -> None:
    insert(3)
    track()

    reply = anonymous.get(PATH)

    assert (200, ["3", "2", "1"]) == (reply.status, ids(reply))
    assert b'{"id":"3","data":{"id": 3, "total": 3.50, "status": "paid"}}' in (
        reply.content
    )
    assert b"secret" not in reply.content


def test_the_feed_says_which_table_it_shows(
    anonymous: Api, orders: Feed, orders_table: None
) -> None:
    track(feed="shop")

    assert {
        "schema": "public",
        "name": "orders",
        "columns": ["id", "status", "total"],
        "key": ["id"],
    } == anonymous.get("feeds/shop/").body["table"]
    assert None is anonymous.get("feeds/orders/").body["table"]


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
def test_pages_lead_through_all_rows_once(
    anonymous: Api, orders_table: None, limit: int
) -> None:
    insert(20)
    track()

    expected = [str(n) for n in range(20, 0, -1)]
    assert expected == follow(anonymous, f"{PATH}?limit={limit}")


def test_a_page_leads_back(anonymous: Api, orders_table: None) -> None:
    insert(9)
    track()
    first = anonymous.get(f"{PATH}?limit=3").body

    second = anonymous.get("/api/v1" + first["next"].partition("/api/v1")[2]).body
    back = anonymous.get("/api/v1" + second["previous"].partition("/api/v1")[2]).body

    assert first["results"] == back["results"]


def test_rows_that_do_not_match_are_neither_listed_nor_found(
    anonymous: Api, orders_table: None
) -> None:
    insert(3)
    run("UPDATE public.orders SET status = 'draft' WHERE id = 2")
    track(where="status <> 'draft'")

    assert ["3", "1"] == ids(anonymous.get(PATH))
    anonymous.get(f"{PATH}2/").problem(404)
    assert "3" == anonymous.get(f"{PATH}3/").body["id"]


def test_a_feed_of_a_value_has_the_rows_of_that_value_alone(
    anonymous: Api, orders_table: None
) -> None:
    insert(3)
    run("INSERT INTO public.orders VALUES (4, 'new', 1), (5, NULL, 1)")
    track(feed="of-{status}")
    run("UPDATE public.orders SET total = total + 1")
    run("SELECT aviso.take_notes()")

    assert ["3", "2", "1"] == ids(anonymous.get("feeds/of-paid/records/"))
    assert ["4"] == ids(anonymous.get("feeds/of-new/records/"))
    assert ["5"] == ids(anonymous.get("feeds/of--n/records/"))
    anonymous.get("feeds/of-new/records/3/").problem(404)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("data.status=new", ["4"]),
        ("data.id=3", ["3"]),
        ("data.total=2.50", ["2"]),
        ("data.status=new&data.id=3", []),
        ("data.secret=secret", []),
        ("data.status=%27%20OR%20true--", []),
    ],
)
def test_rows_are_filtered_by_what_they_tell(
    anonymous: Api, orders_table: None, query: str, expected: list[str]
) -> None:
    insert(3)
    run("INSERT INTO public.orders VALUES (4, 'new', 1)")
    track()

    assert expected == ids(anonymous.get(f"{PATH}?{query}"))


def test_a_search_that_finds_nothing_ends_and_goes_on(
    anonymous: Api, orders_table: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "STRANGERS_SEARCH_ROWS", 5)
    insert(23)
    run("UPDATE public.orders SET status = 'rare' WHERE id IN (2, 3)")
    track(where="status = 'rare'")

    first = anonymous.get(PATH)

    assert ([], True) == (ids(first), first.body["next"] is not None)
    assert ["3", "2"] == follow(anonymous, PATH)
    assert ["2"] == follow(anonymous, f"{PATH}?data.id=2")


def test_a_search_of_a_table_that_is_all_in_the_feed_goes_on(
    anonymous: Api, orders_table: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "STRANGERS_SEARCH_ROWS", 5)
    insert(23)
    track()

    first = anonymous.get(f"{PATH}?data.id=2").body
    by_word = anonymous.get(f"{PATH}?q=22").body

    assert ([], 5) == (first["results"], first["looked_at"])
    assert ["2"] == follow(anonymous, f"{PATH}?data.id=2")
    assert (["22"], 5) == (
        [row["id"] for row in by_word["results"]],
        by_word["looked_at"],
    )
    assert "looked_at" not in anonymous.get(PATH).body


@pytest.mark.parametrize("query", ["", "?data.id=9"])
def test_a_table_of_as_many_rows_as_are_looked_at_has_no_next_page(
    anonymous: Api, orders_table: None, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(rows, "STRANGERS_SEARCH_ROWS", 5)
    insert(5)
    track(where="status = 'rare'")

    answer = anonymous.get(f"{PATH}{query}").body

    assert ([], None) == (answer["results"], answer["next"])
    run("INSERT INTO public.orders VALUES (6, 'paid', 1)")
    assert anonymous.get(f"{PATH}{query}").body["next"] is not None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("cursor=after-x", "cursor"),
        ("cursor=after-WyJ4Il0", "cursor"),
        ("cursor=after-e30", "cursor"),
        ("position=yes", "position"),
    ],
)
def test_a_wrong_parameter_is_refused_and_named(
    anonymous: Api, orders_table: None, query: str, field: str
) -> None:
    insert(1)
    track()

    assert field == anonymous.get(f"{PATH}?{query}").problem(400)["field"]


@pytest.mark.parametrize("key", KEYS)
def test_a_row_is_found_by_its_key_whatever_that_is(anonymous: Api, key: str) -> None:
    run("CREATE TABLE public.orders (id text PRIMARY KEY, n integer)")
    run("INSERT INTO public.orders VALUES (%s, 1)", [key])
    track("{id,n}")

    reply = anonymous.get(f"{PATH}{quote(key, safe='')}/")

    assert {"id": key, "data": {"id": key, "n": 1}} == reply.body
    assert [key] == ids(anonymous.get(PATH))


def test_a_key_of_several_columns_is_one(anonymous: Api) -> None:
    run("CREATE TABLE public.orders (a integer, b text, n integer, PRIMARY KEY (a, b))")
    run("INSERT INTO public.orders VALUES (1, 'x\"', 1), (1, 'y', 2), (2, 'a', 3)")
    track("{a,b,n}")
    expected = ['["2","a"]', '["1","y"]', '["1","x\\""]']

    assert expected == follow(anonymous, f"{PATH}?limit=1")
    for key in expected:
        reply = anonymous.get(f"{PATH}{quote(key, safe='')}/")
        assert (200, key) == (reply.status, reply.body["id"])
    anonymous.get(f"{PATH}{quote('[', safe='')}/").problem(404)


@pytest.mark.parametrize("key", ["042", "4 2", "x", "99999999999999999999"])
def test_what_is_no_key_of_the_table_is_not_found(
    anonymous: Api, orders_table: None, key: str
) -> None:
    insert(42)
    track()

    anonymous.get(f"{PATH}{quote(key, safe='')}/").problem(404)


def test_a_row_without_a_form_says_why(anonymous: Api, orders_table: None) -> None:
    run("INSERT INTO public.orders VALUES (1, repeat('x', 70000), 1)")
    track()

    assert [{"id": "1", "cause": "too-large"}] == anonymous.get(PATH).body["results"]
    assert {"id": "1", "cause": "too-large"} == anonymous.get(f"{PATH}1/").body


def test_large_rows_come_in_several_pages(api: Api, orders_table: None) -> None:
    run(
        "INSERT INTO public.orders SELECT n, repeat('x', 60000), n"
        " FROM generate_series(1, 100) AS n"
    )
    track()

    first = api.get(f"{PATH}?limit=1000")

    assert 5_000_000 > len(first.content)
    assert [str(n) for n in range(100, 0, -1)] == follow(api, f"{PATH}?limit=1000")


def test_writes_are_refused_and_the_table_is_named(
    api: Api, orders_table: None
) -> None:
    insert(1)
    track()
    body = {"data": {"status": "new"}}

    for _ in range(2):  # the second one on the short way
        problem = api.post(PATH, body).problem(409)
        assert "public.orders" in problem["detail"]
    for reply in (
        api.post(PATH, [body]),
        api.put(f"{PATH}1/", body),
        api.patch(f"{PATH}1/", body),
        api.delete(f"{PATH}1/"),
    ):
        assert "public.orders" in reply.problem(409)["detail"]
    assert [(1,)] == run("SELECT count(*) FROM public.orders")
    assert [(0,)] == run("SELECT count(*) FROM aviso.records")


def test_no_record_gets_into_the_feed_of_a_table_by_sql(orders_table: None) -> None:
    track()
    insert_record = "INSERT INTO aviso.records (feed, data) VALUES ('orders', '{}')"

    refused = pytest.raises(IntegrityError, match=r"rows of public\.orders")
    with refused, transaction.atomic():
        run(insert_record)

    run("SELECT aviso.untrack('public.orders')")
    run(insert_record)
    taken = pytest.raises(DatabaseError, match="feed 'orders' is taken")
    with taken, transaction.atomic():
        track()


def test_a_private_feed_of_a_table_is_hidden(
    anonymous: Api, orders_table: None
) -> None:
    insert(1)
    track(visibility="private")

    for path in (PATH, f"{PATH}1/", "feeds/orders/"):
        anonymous.get(path).problem(404)
    assert ["1"] == ids(make_api(all_feeds=True, read=True).get(PATH))


def test_after_it_is_not_tracked_any_more_the_feed_has_records(
    api: Api, orders_table: None
) -> None:
    insert(1)
    track()
    run("SELECT aviso.untrack('public.orders')")

    assert [] == ids(api.get(PATH))
    assert 201 == api.post(PATH, {"data": {}}).status


def test_no_stranger_reads_a_table_through_the_functions(orders_table: None) -> None:
    insert(1)
    track(visibility="private")
    # Roles are the whole server's.
    role = f"somebody_{uuid.uuid4().hex}"
    run(f"CREATE ROLE {role}; GRANT USAGE ON SCHEMA aviso, aviso_rows TO {role}")
    run(f"GRANT SELECT ON ALL TABLES IN SCHEMA aviso TO {role}")

    denied = json.loads(
        run(
            "SELECT json_agg(has_function_privilege(%s, oid, 'EXECUTE'))::text"
            " FROM pg_proc WHERE pronamespace = 'aviso_rows'::regnamespace",
            [role],
        )[0][0]
    )

    assert [False] * 4 == denied


# As docs/own-tables.md has them.
NAMES = {
    "7": "orders-7",
    "acme": "orders-acme",
    "north-1": "orders-north--1",
    "Ada": "orders--41da",
    "é": "orders--c3-a9",
    None: "orders--n",
}


def test_a_project_knows_the_feed_of_a_value(orders_table: None) -> None:
    track(feed="orders-{status}")
    for number, value in enumerate([*NAMES, "x" * 99]):
        run("INSERT INTO public.orders (id, status) VALUES (%s, %s)", [number, value])
    run("SELECT aviso.take_notes()")

    named = {value: feed_name("orders-{status}", value) for value in NAMES}

    assert named == NAMES
    assert {*NAMES.values(), feed_name("orders-{status}", "x" * 99)} == set(
        Feed.objects.values_list("slug", flat=True)
    )
    assert feed_name("of-{day}-x", 20) == "of-20-x"


@pytest.mark.parametrize("name", ["orders", "", "orders-{a}-{b}", "Orders-{a}"])
def test_a_name_that_is_made_of_no_value_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(name))):
        feed_name(name, 1)
