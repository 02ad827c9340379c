"""GET feeds/{feed}/events/: in order, up to the head, in the contract's bytes."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from aviso.events.log import EVENT_COLUMNS, RUNS
from aviso.events.models import Event
from aviso.events.rendering import EventRow, render_event
from aviso.feeds.models import Feed
from aviso.records.models import Record
from tests.api import Api, number_events
from tests.contracts import validate_event

pytestmark = pytest.mark.django_db
PATH = "feeds/orders/events/"


def write(count: int, **data: Any) -> None:
    for n in range(count):
        Record.objects.create(feed_id="orders", data={"n": n, **data})


def sequences(body: Any) -> list[str]:
    return [event["feedseq"] for event in body["events"]]


def test_a_feed_without_events_has_the_head_0(anonymous: Api, orders: Feed) -> None:
    expected = {"epoch": orders.epoch, "head": 0, "oldest": 1, "events": []}

    assert expected == anonymous.get(PATH).body


def test_every_event_meets_the_contract(anonymous: Api, orders: Feed) -> None:
    record = Record.objects.create(feed=orders, data={"é": "😀\x01"})
    Record.objects.update(data={"n": 2})
    record.delete()
    number_events()

    reply = anonymous.get(PATH)

    events = reply.body["events"]
    for event in events:
        validate_event(event)
    assert ["created", "updated", "deleted"] == [
        event["type"].split(".")[2] for event in events
    ]
    assert {"é": "😀\x01"} == events[0]["data"]["data"]
    assert reply.content.isascii()


def test_the_bytes_are_those_that_the_relay_publishes(
    anonymous: Api, orders: Feed
) -> None:
    write(3)
    number_events()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {EVENT_COLUMNS} FROM (VALUES ('orders', 0, 9))"
            f" AS wanted (feed, after, amount) {RUNS} ORDER BY run.sequence"
        )
        rows = [EventRow(*row) for row in cursor.fetchall()]

    content = anonymous.get(PATH).content

    assert b",".join(render_event(row, orders.epoch) for row in rows) in content


def test_after_is_exclusive_and_limit_counts(anonymous: Api, orders: Feed) -> None:
    write(10)
    number_events()

    body = anonymous.get(f"{PATH}?after=3&limit=4").body

    assert (10, ["4", "5", "6", "7"]) == (body["head"], sequences(body))


def test_after_the_head_there_is_nothing(anonymous: Api, orders: Feed) -> None:
    write(2)
    number_events()

    for after in ["2", "3", "999999999999999999"]:
        assert [] == anonymous.get(f"{PATH}?after={after}").body["events"]


def test_an_event_without_its_sequence_is_not_shown(
    anonymous: Api, orders: Feed
) -> None:
    write(2)
    number_events()
    write(1)

    body = anonymous.get(PATH).body

    assert (2, ["1", "2"]) == (body["head"], sequences(body))


def test_100_events_come_when_nothing_is_said(anonymous: Api, orders: Feed) -> None:
    write(101)
    number_events()

    assert 100 == len(anonymous.get(PATH).body["events"])


def test_the_events_of_another_feed_are_not_shown(anonymous: Api, orders: Feed) -> None:
    Record.objects.create(feed=Feed.objects.create(slug="others"), data={})
    number_events()

    assert [] == anonymous.get(PATH).body["events"]


def test_after_a_new_epoch_every_event_belongs_to_it(
    anonymous: Api, orders: Feed
) -> None:
    write(1)
    number_events()
    Feed.objects.update(epoch="newepoch")

    body = anonymous.get(PATH).body

    assert ("newepoch", "newepoch") == (body["epoch"], body["events"][0]["feedepoch"])


def test_large_events_come_in_several_answers_without_a_hole(
    anonymous: Api, orders: Feed
) -> None:
    write(100, text="x" * 65_000)
    number_events()
    found: list[str] = []
    answers = 0

    while len(found) < 100 and answers < 10:
        after = found[-1] if found else "0"
        found += sequences(anonymous.get(f"{PATH}?after={after}&limit=1000").body)
        answers += 1

    assert [str(n) for n in range(1, 101)] == found
    assert 2 == answers


def test_the_history_of_a_record_is_its_newest_events_and_those_before(
    anonymous: Api, orders: Feed
) -> None:
    record = Record.objects.create(feed=orders, data={"n": 0})
    for n in range(1, 5):
        write(1)
        record.data = {"n": n}
        record.save()
    path = f"{PATH}?subject={record.id}"
    record.delete()
    number_events()

    newest = anonymous.get(f"{path}&limit=3").body
    before = anonymous.get(f"{path}&limit=3&before={sequences(newest)[0]}").body
    nothing = anonymous.get(f"{path}&before={sequences(before)[0]}").body

    assert (10, ["7", "9", "10"]) == (newest["head"], sequences(newest))
    assert ["1", "3", "5"] == sequences(before)
    assert [] == sequences(nothing)
    assert "deleted" in newest["events"][-1]["type"]
    for event in newest["events"] + before["events"]:
        validate_event(event)
    assert [] == sequences(anonymous.get(f"{PATH}?subject=none").body)


def test_changes_that_have_no_sequence_yet_take_no_place_in_a_history(
    anonymous: Api, orders: Feed
) -> None:
    record = Record.objects.create(feed=orders, data={"n": 0})
    number_events()
    for n in range(1, 4):
        record.data = {"n": n}
        record.save()

    body = anonymous.get(f"{PATH}?subject={record.id}&limit=2").body

    assert ["1"] == sequences(body)


def test_a_history_ends_below_any_sequence(anonymous: Api, orders: Feed) -> None:
    record = Record.objects.create(feed=orders, data={"n": 0})
    write(3)
    record.data = {"n": 1}
    record.save()
    number_events()

    # Not one of its own.
    body = anonymous.get(f"{PATH}?subject={record.id}&before=4").body

    assert {"1"} >= set(sequences(body))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("subject=", "subject"),
        ("subject=%00", "subject"),
        ("subject=x&before=y", "before"),
        ("subject=x&after=1", "after"),
        ("before=1", "before"),
        ("after=-1", "after"),
        ("after=x", "after"),
        ("after=1.5", "after"),
        ("after=", "after"),
        ("after=9999999999999999999", "after"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("since=1", "since"),
    ],
)
def test_a_wrong_parameter_is_refused_and_named(
    anonymous: Api, orders: Feed, query: str, field: str
) -> None:
    assert field == anonymous.get(f"{PATH}?{query}").problem(400)["field"]


def test_an_event_that_python_could_not_parse_comes_through(
    anonymous: Api, orders: Feed
) -> None:
    data = '{"deep": ' + "[" * 5000 + "]" * 5000 + ', "long": ' + "9" * 6000 + "}"
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL max_stack_depth = '6MB'")
        cursor.execute(
            "INSERT INTO aviso.records (feed, data) VALUES ('orders', %s)", [data]
        )
    number_events()

    reply = anonymous.get(PATH)

    assert (200, 1) == (reply.status, Event.objects.count())
    assert data.encode() in reply.content
