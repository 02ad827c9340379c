"""GET feeds/{feed}/records/?at=: the records as they were, out of the log."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from aviso.events.models import Event
from aviso.exact_json.times import format_time
from aviso.feeds.models import Feed
from aviso.records import past
from aviso.records.models import Record
from tests.api import Api, make_api, number_events, publish_events

pytestmark = pytest.mark.django_db
PATH = "feeds/orders/records/"


@pytest.fixture(autouse=True)
def _orders(orders: Feed) -> None:
    """Have the feed for every test here."""


def write(*numbers: int) -> list[Record]:
    return [Record.objects.create(feed_id="orders", data={"n": n}) for n in numbers]


def change(record: Record, n: int) -> None:
    Record.objects.filter(pk=record.pk).update(data={"n": n})


def run(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def seen(body: Any) -> list[int]:
    return [record["data"]["n"] for record in body["results"]]


def follow(api: Api, url: str) -> Any:
    return api.get(url.removeprefix("http://localhost:8080")).body


def pages(api: Api, at: object, limit: int) -> list[list[int]]:
    """Follow `next` from the first page on."""
    body = api.get(f"{PATH}?at={at}&limit={limit}").body
    found = [seen(body)]
    while body["next"]:
        body = follow(api, body["next"])
        found.append(seen(body))
    return found


def test_each_record_is_as_its_newest_event_by_then_says(anonymous: Api) -> None:
    one, two = write(1, 2)
    change(one, 10)
    two.delete()
    write(3)
    change(one, 100)
    number_events()

    shown = [seen(anonymous.get(f"{PATH}?at={n}").body) for n in range(7)]

    assert [[], [1], [2, 1], [10, 2], [10], [3, 10], [100, 3]] == shown


def test_at_the_head_a_record_is_the_record(anonymous: Api) -> None:
    (record,) = write(1)
    change(record, 2)
    number_events()

    at_head = anonymous.get(f"{PATH}?at=2").body

    assert anonymous.get(PATH).body["results"] == at_head["results"]


def test_the_answer_says_which_moment_it_is(anonymous: Api) -> None:
    write(1, 2)
    number_events()
    time = format_time(Event.objects.get(sequence=1).time)

    moments = [anonymous.get(f"{PATH}?at={at}").body["at"] for at in (0, 1)]

    expected = [(0, None), (1, time)]
    assert [{"sequence": n, "time": t, "oldest": 1} for n, t in expected] == moments


def test_a_time_is_the_newest_event_by_then(anonymous: Api) -> None:
    write(*range(9))
    number_events()
    run(
        "UPDATE aviso.events SET time = '2026-01-01T00:00:00Z'::timestamptz"
        " + make_interval(mins => (SELECT count(*) FROM aviso.events AS before"
        " WHERE before.changeset <= events.changeset)::int)"
    )
    times = {
        "2026-01-01T00:00:59Z": 0,
        "2026-01-01T00:01:00Z": 1,
        "2026-01-01T00:04:59.999999Z": 4,
        "2026-01-01T02:05:00%2B02:00": 5,
        "2026-01-01T00:09:00Z": 9,
        "2099-01-01": 9,
    }

    found = {at: anonymous.get(f"{PATH}?at={at}").body for at in times}

    assert times == {at: body["at"]["sequence"] for at, body in found.items()}
    assert times == {at: len(body["results"]) for at, body in found.items()}


def test_pages_of_a_time_stay_with_the_event_that_it_named(anonymous: Api) -> None:
    write(1, 2, 3)
    number_events()
    first = anonymous.get(f"{PATH}?at=2099-01-01&limit=2").body
    write(4)
    number_events()

    second = follow(anonymous, first["next"])

    assert ([3, 2], [1], 3) == (seen(first), seen(second), second["at"]["sequence"])


def test_pages_lead_through_all_and_back(anonymous: Api) -> None:
    records = write(*range(7))
    change(records[0], 70)
    records[3].delete()
    number_events()
    assert [[70, 6, 5], [4, 2, 1]] == pages(anonymous, 9, 3)

    last = follow(anonymous, anonymous.get(f"{PATH}?at=9&limit=4").body["next"])
    back = follow(anonymous, last["previous"])

    assert ([2, 1], [70, 6, 5, 4]) == (seen(last), seen(back))
    assert back["previous"] is None


@pytest.mark.parametrize("at", range(0, 41, 8))
def test_pages_are_as_a_fold_of_the_events(anonymous: Api, at: int) -> None:
    records = write(*range(10))
    for n in range(24):
        change(records[n * 7 % 10], 100 + n)
    for record in records[::2]:
        record.delete()
    run("INSERT INTO aviso.records (feed, data) SELECT 'orders', '{\"n\": 7}'")
    number_events()
    folded: dict[str, int] = {}
    events = anonymous.get(f"feeds/orders/events/?limit={at or 1}").body["events"]
    for event in events if at else []:
        folded.pop(event["subject"], None)
        if "deleted" not in event["type"]:
            folded[event["subject"]] = event["data"]["data"]["n"]

    found = [n for page in pages(anonymous, at, 3) for n in page]

    assert list(folded.values())[::-1] == found


def test_a_page_ends_where_it_went_through_many_events(
    anonymous: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "STRANGERS_LOOK_EVENTS", 5)
    _, last = write(1, 2)
    for n in range(12):
        change(last, n)
    number_events()

    found = pages(anonymous, 14, 2)

    assert [[11], [], [1]] == found


def test_a_page_ends_early_when_it_gets_large(anonymous: Api) -> None:
    Record.objects.bulk_create(
        Record(feed_id="orders", data={"n": n, "x": "x" * 60_000}) for n in range(80)
    )
    number_events()

    found = pages(make_api(), 80, 1000)

    assert list(range(80))[::-1] == [n for page in found for n in page]
    assert len(found) == 2


def test_later_numbers_of_an_older_changeset_are_in_their_place(anonymous: Api) -> None:
    one, two = write(1, 2)
    number_events()
    change(one, 10)
    change(two, 20)
    # As if the second had been committed first.
    run(
        "INSERT INTO aviso.places (feed, first, last, changeset) SELECT feed,"
        " 2 + row_number() OVER (ORDER BY changeset DESC),"
        " 2 + row_number() OVER (ORDER BY changeset DESC), changeset FROM aviso.queue"
        " WHERE size > 0"
    )

    shown = [seen(anonymous.get(f"{PATH}?at={n}").body) for n in (2, 3, 4)]

    assert [[2, 1], [20, 1], [10, 20]] == shown


def test_a_record_that_was_told_anew_is_there_once(anonymous: Api) -> None:
    write(1)
    number_events()
    run(
        "SELECT aviso.tell('orders', 'created', subject, NULL,"
        " replace(data, '\"n\": 1', '\"n\": 2')) FROM aviso.events"
    )
    number_events()

    shown = [seen(anonymous.get(f"{PATH}?at={n}").body) for n in (1, 2)]

    assert [[1], [2]] == shown


def test_what_was_pruned_can_not_be_asked_for(anonymous: Api) -> None:
    write(*range(5))
    publish_events()
    run(
        "UPDATE aviso.events SET time = '2026-01-01T00:00:00Z' WHERE changeset IN"
        " (SELECT changeset FROM aviso.places WHERE first <= 3)"
    )
    call_command("prune_events", "--older-than", "30")
    oldest = anonymous.get("feeds/orders/events/").body["oldest"]

    kept = anonymous.get(f"{PATH}?at={oldest}").body
    problems = [
        anonymous.get(f"{PATH}?at={at}").problem(400) for at in (0, 3, "2026-01-15")
    ]

    assert (4, 4, [3]) == (oldest, kept["at"]["oldest"], seen(kept))
    for problem in problems:
        assert "at" == problem["field"]
        assert "before the event 4, of 20" in problem["detail"]


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("at=3", "at", "newest event is 2"),
        ("at=-1", "at", "expected a sequence"),
        ("at=yesterday", "at", "expected a sequence"),
        ("at=", "at", "expected a sequence"),
        ("at=2026-01-01T00:00:00+02:00", "at", "%2B"),
        ("at=1&data.n=1", "data.n", "not with at"),
        ("at=1&q=1", "q", "not with at"),
        ("at=1&position=true", "position", "not with at"),
        ("at=1&created_after=2026-01-01", "created_after", "not with at"),
        ("at=1&after=1", "after", "no parameter"),
        ("at=1&cursor=after-x", "cursor", "cursor is"),
        ("at=1&limit=0", "limit", "limit is"),
    ],
)
def test_what_can_not_be_asked_is_said(
    anonymous: Api, query: str, field: str, said: str
) -> None:
    write(1, 2)
    number_events()

    problem = anonymous.get(f"{PATH}?{query}").problem(400)

    assert field == problem["field"]
    assert said in problem["detail"]


def test_a_private_feed_is_like_none(anonymous: Api) -> None:
    write(1)
    number_events()
    Feed.objects.update(visibility="private")

    assert [1] == seen(make_api().get(f"{PATH}?at=1").body)
    anonymous.get(f"{PATH}?at=1").problem(404)
