"""An event that cannot be relayed is parked with its cause; the feed goes on."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from . import broker
from .api import Api
from .archive import (
    archived_batches,
    batches_with,
    check_spans,
    events_of,
    sequences_of,
)
from .chat import Chat, Refused
from .conftest import OpenPage
from .database import Database
from .running import Stack
from .waiting import until, until_equal

DEEP_LEVELS = 2000
UNREADABLE = b'{"specversion": "1.0", "broken'


def foreign_batch(feed: str, epoch: str, sequence: int, **members: object) -> bytes:
    """A batch of one event as somebody else might publish it: it nearly fits."""
    record = str(uuid.uuid4())
    written = "2026-11-24T09:30:00.123456Z"
    data = {"id": record, "version": 1, "created_at": written, "updated_at": written}
    event = {"id": str(uuid.uuid4()), "subject": record, "data": data | {"data": {}}}
    batch = {
        "specversion": "1.0",
        "source": f"/feeds/{feed}",
        "feed": feed,
        "feedepoch": epoch,
        "feedseq": str(sequence),
        "type": "aviso.record.created.v1",
        "time": written,
        "events": [event | members],
    }
    return json.dumps(batch).encode()


def publish_foreign(
    cause: str, amqp_url: str, feed: str, epoch: str, sequence: int
) -> bytes:
    """Publish a message that has to be parked for this cause; return its body."""
    match cause:
        case "unreadable":
            body = UNREADABLE + feed.encode()
        case "invalid":
            body = foreign_batch(feed, epoch, sequence, data="no object")
        case _:
            body = foreign_batch(feed, epoch, sequence)
    kind = "aviso.batch.v9" if cause == "unknown-type" else broker.BATCH
    broker.publish(amqp_url, body, feed=feed, epoch=epoch, first=sequence, kind=kind)
    return body


@pytest.mark.parametrize("cause", ["unreadable", "unknown-type", "invalid"])
def test_a_foreign_message_is_parked_and_the_feed_goes_on(
    cause: str,
    stack: Stack,
    api: Api,
    database: Database,
    feed: str,
    open_page: OpenPage,
) -> None:
    page = open_page(feed)
    page.wait_for_record(api.write(feed, {"n": 1})["id"])
    epoch = api.get(f"feeds/{feed}/")["epoch"]

    # In the place of the record that comes next.
    body = publish_foreign(cause, stack.facts["amqp_url"], feed, epoch, 2)
    [parked] = until(lambda: parked_in(database, feed), "the message to be parked")
    after = api.write(feed, {"n": 2})["id"]

    assert (parked["cause"], parked["state"]) == (cause, "parked")
    assert parked["parked_by"] == "pusher"
    assert parked["detail"]
    assert bytes(parked["body"]) == body
    page.wait_for_record(after)
    assert page.position == 2


@pytest.mark.parametrize("cause", ["unknown-type", "invalid"])
def test_a_foreign_message_of_an_epoch_that_never_was_does_not_end_the_feeds_own(
    cause: str, stack: Stack, api: Api, database: Database, feed: str, observer: Chat
) -> None:
    first = api.write(feed, {"n": 1})["id"]
    room = api.get(f"feeds/{feed}/")["room"]
    until(lambda: first in archived_subjects(observer, room), "the first event")

    publish_foreign(cause, stack.facts["amqp_url"], feed, "neverwas", 1)
    until(lambda: parked_in(database, feed), "the message to be parked")
    after = api.write(feed, {"n": 2})["id"]

    until(lambda: after in archived_subjects(observer, room), "the feed to go on")


@pytest.mark.parametrize(("epoch", "sequence"), [("neverwas", 1), (None, 7)])
def test_a_foreign_batch_that_follows_nothing_is_dropped_and_the_feed_goes_on(
    epoch: str | None,
    sequence: int,
    stack: Stack,
    api: Api,
    database: Database,
    feed: str,
    observer: Chat,
) -> None:
    described = api.get(f"feeds/{feed}/")
    room, epoch = described["room"], epoch or described["epoch"]
    ids = [api.write(feed, {"n": 1})["id"]]
    until(lambda: archived_subjects(observer, room) == ids, "the first event")

    body = foreign_batch(feed, epoch, sequence)
    broker.publish(
        stack.facts["amqp_url"], body, feed=feed, epoch=epoch, first=sequence
    )
    ids += [api.write(feed, {"n": n})["id"] for n in (2, 3)]

    until_equal(ids, lambda: archived_subjects(observer, room), "the feed to go on")
    assert parked_in(database, feed) == []


def test_a_record_too_deep_keeps_its_place_and_the_feed_goes_on(
    stack: Stack,
    api: Api,
    database: Database,
    feed: str,
    observer: Chat,
    open_page: OpenPage,
) -> None:
    page = open_page(feed)
    deep = '{"a":' * DEEP_LEVELS + "1" + "}" * DEEP_LEVELS

    before = api.write(feed, {"n": 1})["id"]
    page.wait_for_record(before)
    database.execute("INSERT INTO records (feed, data) VALUES (%s, %s)", [feed, deep])
    after = api.write(feed, {"n": 3})["id"]

    page.wait_for_record(after)
    until_equal(
        [(3, "present"), (2, "unavailable"), (1, "present")],
        lambda: [(row.sequence, row.state) for row in page.rows()],
        "three rows, one of them a place that is kept",
    )
    [parked] = parked_in(database, feed)
    assert (parked["cause"], parked["sequence"]) == ("too-deep", 2)
    room = api.get(f"feeds/{feed}/")["room"]
    batches = batches_with(observer, room, [before, after])
    check_spans(batches)
    assert sequences_of(batches) == [1, 2, 3]
    place = events_of(batches)[1]
    assert place["type"] == "aviso.record.unavailable.v1"
    assert place["data"]["cause"] == "too-deep"
    assert place["data"]["event_id"] == str(parked["event_id"])

    # REST has the event itself, and a page that begins asks there first; one that is
    # loaded again may have kept by now what it was told.
    begun = open_page(feed)
    until_equal(
        [(3, "present"), (2, "present"), (1, "present")],
        lambda: [(row.sequence, row.state) for row in begun.rows()],
        "three rows, all of them records",
    )


def test_what_is_parked_is_listed_shown_and_dropped_by_command(
    stack: Stack, database: Database, feed: str
) -> None:
    broker.publish(stack.facts["amqp_url"], UNREADABLE + feed.encode(), feed=feed)
    [parked] = until(lambda: parked_in(database, feed), "the message to be parked")
    parked_id = str(parked["id"])

    assert parked_id in stack.manage("parked", "list")
    shown = stack.manage("parked", "show", parked_id)
    stack.manage("parked", "drop", parked_id)

    assert "unreadable" in shown
    until_equal("dropped", lambda: parked_in(database, feed)[0]["state"], "its state")


def archived_subjects(chat: Chat, room: str) -> list[str | None]:
    """The records that the room's archive tells of; none while there is no room."""
    try:
        events = events_of(archived_batches(chat, room))
    except Refused:
        return []
    return [event.get("subject") for event in events]


def parked_in(database: Database, feed: str) -> list[dict[str, Any]]:
    """The parked messages of a feed, oldest first, by the columns' names."""
    with database.transaction() as connection:
        cursor = connection.execute(
            "SELECT * FROM parked_events WHERE feed = %s ORDER BY parked_at", [feed]
        )
        names = [column.name for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
