"""GET feeds/{feed}/records/: newest first, in cursor pages, filtered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection

from aviso.exact_json.numbers import JsonNumber
from aviso.feeds.models import Feed
from aviso.records.models import Record
from tests.api import Api

pytestmark = pytest.mark.django_db
PATH = "feeds/orders/records/"


@pytest.fixture(autouse=True)
def _orders(orders: Feed) -> None:
    """Have the feed for every test here."""


def write(*all_data: dict[str, Any]) -> list[Record]:
    return Record.objects.bulk_create(
        Record(feed_id="orders", data=data) for data in all_data
    )


def numbers(body: Any) -> list[int]:
    return [record["data"]["n"] for record in body["results"]]


def follow(api: Api, url: str) -> Any:
    return api.get(url.removeprefix("http://localhost:8080")).body


def test_no_records_are_an_empty_list(anonymous: Api) -> None:
    expected: dict[str, object] = {"results": [], "next": None, "previous": None}

    assert expected == anonymous.get(PATH).body


def test_a_record_in_a_list_is_the_record(anonymous: Api) -> None:
    (record,) = write({"a": 1})

    alone = anonymous.get(f"{PATH}{record.id}/").body

    assert [alone] == anonymous.get(PATH).body["results"]


def test_pages_lead_through_all_records_and_back(anonymous: Api) -> None:
    write(*({"n": n} for n in range(7)))

    first = anonymous.get(f"{PATH}?limit=3").body
    second = follow(anonymous, first["next"])
    third = follow(anonymous, second["next"])

    assert [6, 5, 4] == numbers(first)
    assert [3, 2, 1] == numbers(second)
    assert [0] == numbers(third)
    assert (None, None) == (first["previous"], third["next"])
    assert [3, 2, 1] == numbers(follow(anonymous, third["previous"]))
    assert [6, 5, 4] == numbers(follow(anonymous, second["previous"]))


def test_a_page_stays_the_same_when_records_are_added(anonymous: Api) -> None:
    write(*({"n": n} for n in range(4)))
    first = anonymous.get(f"{PATH}?limit=2").body
    write({"n": 99})

    assert [1, 0] == numbers(follow(anonymous, first["next"]))


def test_the_records_of_another_feed_are_not_shown(anonymous: Api) -> None:
    Record.objects.create(feed=Feed.objects.create(slug="others"), data={})

    assert [] == anonymous.get(PATH).body["results"]


def test_a_page_has_100_records_when_nothing_is_said(anonymous: Api) -> None:
    write(*({"n": n} for n in range(101)))

    assert 100 == len(anonymous.get(PATH).body["results"])


def test_a_page_ends_early_when_it_gets_large(anonymous: Api) -> None:
    write(*({"n": n, "text": "x" * 65_000} for n in range(100)))

    first = anonymous.get(f"{PATH}?limit=1000")
    rest = follow(anonymous, first.body["next"])

    assert len(first.content) < 5_000_000
    assert list(range(99, -1, -1)) == numbers(first.body) + numbers(rest)
    assert rest["next"] is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("data.city=Madrid", [0]),
        ("data.city=madrid", []),
        ("data.count=5", [0, 1]),
        ("data.count=5.0", [0]),
        ("data.open=true", [2]),
        ("data.nothing=null", [3]),
        ("data.a.b=x", [4]),
        ("data.a.b.c=x", []),
        ("data.list.1=y", [5]),
        ("data.city=Madrid&data.count=5", [0]),
        ("data.city=Madrid&data.count=6", []),
        ("data.city=Madrid&data.city=Paris", []),
        (f"data.{quote('año')}={quote('é😀')}", [6]),
        ("data.city=%22Madrid%22", []),
        ("data.city=%5B1%5D", []),
        ("data.count=1e400", []),
        ("data.count=Infinity", []),
        ("data.city='%3B--", []),
    ],
)
def test_a_filter_finds_by_a_field_of_data(
    anonymous: Api, query: str, found: list[int]
) -> None:
    write(
        {"n": 0, "city": "Madrid", "count": 5},
        {"n": 1, "count": "5"},
        {"n": 2, "open": True},
        {"n": 3, "nothing": None},
        {"n": 4, "a": {"b": "x"}},
        {"n": 5, "list": ["x", "y"]},
        {"n": 6, "año": "é😀"},
    )

    assert found == sorted(numbers(anonymous.get(f"{PATH}?{query}").body))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=madrid", [0, 1]),
        ("q=MADRID+0.5", [1]),
        ("q=adri", [0, 1]),
        ("q=madrid&data.n=1", [1]),
        # A number by its digits as they were written, and by its value.
        ("q=12.5", [0, 6, 7]),
        ("q=12.50", [0, 7]),
        ("q=12.500", [0, 7]),
        ("q=1.25e1", [0, 7]),
        ("q=2.50", [0]),
        ("q=-12.50", [6]),
        ("q=1000", [2]),
        ("q=1e3", [2]),
        ("q=1E3", [2]),
        ("q=1000.0", [2]),
        ("q=1e4", []),
        ("q=-0", [0]),
        ("q=0.0", [0, 2]),
        ("q=1e99999", []),
        ("q=1e-99999", []),
        ("q=1e9999999999", []),
        ("q=012.5", []),
        # Names and words of JSON are no text.
        ("q=city", []),
        ("q=true", []),
        ("q=null", []),
        ("q=%22", [3]),
        ("q=%5C", [3]),
        ("q=a%0Ab", [3]),
        ("q=%C3%A9%F0%9F%98%80", [4]),
        # Of other letters each stands for itself, on every database.
        ("q=%C3%89", []),
        ("q=%25", [5]),
        ("q=%27;--", []),
    ],
)
def test_words_are_found_in_texts_and_numbers_anywhere(
    anonymous: Api, query: str, found: list[int]
) -> None:
    write(
        {"n": 0, "city": "Madrid", "total": JsonNumber("12.50")},
        {"n": 1, "a": [{"b": ["in MADRID"]}], "c": 0.5},
        {"n": 2, "big": 1e3, "open": True, "nothing": None},
        {"n": 3, "odd": 'a"b\\c'},
        {"n": 4, "é": "é😀"},
        {"n": 5, "share": "5%"},
        {"n": 6, "low": -12.5},
        {"n": 7, "total": 12.5},
    )

    assert found == sorted(numbers(anonymous.get(f"{PATH}?{query}").body))


def test_a_search_says_how_many_records_it_went_through(
    anonymous: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aviso.records.views.STRANGERS_SEARCH_ROWS", 20)
    write(*({"n": n, "word": "x" if n % 10 == 0 else "y"} for n in range(50)))

    first = anonymous.get(f"{PATH}?q=x").body
    second = follow(anonymous, first["next"])
    third = follow(anonymous, second["next"])
    cut = anonymous.get(f"{PATH}?q=x&limit=1").body

    assert [20, 20, 10] == [page["looked_at"] for page in (first, second, third)]
    assert [[40, 30], [20, 10], [0]] == [
        numbers(each) for each in (first, second, third)
    ]
    assert (10, [40]) == (cut["looked_at"], numbers(cut))
    assert "looked_at" not in anonymous.get(PATH).body


def test_a_filter_goes_with_the_links(anonymous: Api) -> None:
    write(*({"n": n, "even": n % 2 == 0} for n in range(8)))

    first = anonymous.get(f"{PATH}?data.even=true&limit=3").body

    assert [6, 4, 2] == numbers(first)
    assert [0] == numbers(follow(anonymous, first["next"]))


def test_a_filter_finds_by_time(anonymous: Api) -> None:
    for n in range(3):
        time = datetime(2026, 11, 24, 9, n, tzinfo=UTC)
        Record.objects.create(feed_id="orders", data={"n": n}, created_at=time)

    def found(query: str) -> list[int]:
        return sorted(numbers(anonymous.get(f"{PATH}?{query}").body))

    assert [2] == found("created_after=2026-11-24T09:01:00Z")
    # An offset that PostgreSQL itself would refuse.
    assert [0] == found("created_before=2026-11-23T11:00:00-22:01")
    assert [0] == found("created_before=2026-11-24T09:01:00Z")
    assert [1] == found(
        "created_after=2026-11-24T09:00:00Z&created_before=2026-11-24T09:02:00Z"
    )
    assert [2] == found("created_after=2026-11-24T10:01:00%2B01:00")
    assert [0, 1, 2] == found("created_after=2026-11-24")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("created_after=yesterday", "created_after"),
        ("created_before=", "created_before"),
        ("created_after=2026-11-24T10:01:00+01:00", "created_after"),
        ("created_since=2026-11-24", "created_since"),
        ("data.=x", "data."),
        ("data.a..b=x", "data.a..b"),
        ("data=x", "data"),
        ("data.a=%00", "data.a"),
        ("q=", "q"),
        ("q=+", "q"),
        ("q=%00", "q"),
        (f"q={'x' * 201}", "q"),
        ("q=1+2+3+4+5+6+7+8+9", "q"),
        ("limit=-1", "limit"),
        ("limit=", "limit"),
        ("cursor=after-x", "cursor"),
        ("cursor=after-99999999999999999999", "cursor"),
    ],
)
def test_a_wrong_parameter_is_refused_and_named(
    anonymous: Api, query: str, field: str
) -> None:
    assert field == anonymous.get(f"{PATH}?{query}").problem(400)["field"]


def test_what_only_sql_can_write_is_shown_as_it_is(anonymous: Api) -> None:
    data = '{"deep": ' + "[" * 900 + "]" * 900 + ', "long": ' + "9" * 6000 + "}"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO aviso.records (feed, data) VALUES ('orders', %s)", [data]
        )

    reply = anonymous.get(PATH)

    assert 200 == reply.status
    assert data.encode() in reply.content


@pytest.mark.parametrize("limit", [1, 2, 100])
@pytest.mark.parametrize("search_rows", [1, 3, 7, 100])
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("data.nope=1", []),
        ("data.third=true", [0, 3, 6, 9]),
        ("created_after=2026-11-24T09:05:30Z", [6, 7, 8, 9]),
        ("created_before=2026-11-24T09:02:00Z", [0, 1]),
        ("created_after=2026-11-24T09:02:30Z&data.third=true", [3, 6, 9]),
    ],
)
def test_a_search_that_stops_early_says_where_and_goes_on_from_there(
    anonymous: Api,
    monkeypatch: pytest.MonkeyPatch,
    query: str,
    found: list[int],
    search_rows: int,
    limit: int,
) -> None:
    monkeypatch.setattr("aviso.records.views.STRANGERS_SEARCH_ROWS", search_rows)
    for n in range(10):
        time = datetime(2026, 11, 24, 9, n, tzinfo=UTC)
        Record.objects.create(
            feed_id="orders", data={"n": n, "third": n % 3 == 0}, created_at=time
        )

    def walk(link: str, start: str) -> list[int]:
        reply = anonymous.get(f"{PATH}?{query}&limit={limit}{start}").body
        walked: list[int] = []
        while True:
            walked += sorted(numbers(reply), reverse=link == "next")
            if reply[link] is None:
                return walked
            reply = anonymous.get(
                reply[link].removeprefix("http://localhost:8080")
            ).body

    assert found[::-1] == walk("next", "")
    assert found == walk("previous", "&cursor=before-0")


def test_a_search_looks_at_a_part_of_the_feed(
    anonymous: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However large the feed: it reads no more rows than these."""
    monkeypatch.setattr("aviso.records.views.STRANGERS_SEARCH_ROWS", 20)
    write(*({"n": n} for n in range(500)))
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(number) FROM aviso.records")
        newest = cursor.fetchone()[0]

    reply = anonymous.get(f"{PATH}?data.nope=1").body

    assert [] == reply["results"]
    assert f"cursor=after-{newest - 19}" in reply["next"]
