"""What a person decides about a parked event, once and with a name under it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from aviso.events.models import Event
from aviso.feeds.models import Feed
from aviso.parked.deciding import drop, send_again
from aviso.parked.errors import AlreadyHandledError, RecordGoneError
from aviso.parked.models import ParkedEvent
from aviso.parked.rendering import show_body
from aviso.records.models import Record
from tests.api import number_events

pytestmark = pytest.mark.django_db


def make_record() -> Record:
    feed = Feed.objects.create(slug="orders")
    return Record.objects.create(feed=feed, data={"item": "tea"})


def park(event_id: UUID | None, body: bytes = b"{}") -> ParkedEvent:
    number_events()
    known = Event.objects.filter(id=event_id).first() if event_id else None
    return ParkedEvent.objects.create(
        feed="orders",
        event_id=event_id,
        sequence=None if known is None else known.sequence,
        cause="too-large",
        detail="it is too large",
        parked_by="pusher",
        body=body,
        headers={},
        routing_key="feed.orders.created",
        fingerprint=hashlib.sha256(body).hexdigest(),
    )


def events() -> list[tuple[UUID, str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, type, data FROM aviso.event_log ORDER BY changeset, place"
        )
        return list(cursor.fetchall())


def test_an_event_of_ours_becomes_a_new_one_with_the_record_as_it_is_now() -> None:
    record = make_record()
    created = events()[0][0]
    record.data = {"item": "coffee"}
    record.save()
    parked = park(created)

    sent = send_again(parked_id=parked.pk, by="ana")

    event_id, kind, text = events()[-1]
    data = json.loads(text)
    assert ("created", 2, {"item": "coffee"}) == (kind, data["version"], data["data"])
    assert event_id == sent.sent_as
    assert event_id != created
    assert ("sent", "ana") == (sent.state, sent.handled_by)


@pytest.mark.parametrize("again", [send_again, drop])
def test_what_was_sent_is_sent_once(again: Callable[..., ParkedEvent]) -> None:
    make_record()
    parked = park(events()[0][0])
    send_again(parked_id=parked.pk, by="ana")
    count = len(events())

    with pytest.raises(AlreadyHandledError, match="by ana"):
        again(parked_id=parked.pk, by="ben")

    assert count == len(events())
    parked.refresh_from_db()
    assert ("sent", "ana") == (parked.state, parked.handled_by)


def test_a_record_that_is_gone_can_not_be_told_as_created() -> None:
    record = make_record()
    parked = park(events()[0][0])
    record.delete()

    with pytest.raises(RecordGoneError, match="gone"):
        send_again(parked_id=parked.pk, by="ana")

    parked.refresh_from_db()
    assert ("parked", "") == (parked.state, parked.handled_by)


def test_a_deletion_is_told_again_as_it_was() -> None:
    make_record().delete()
    deleted = events()[-1]
    parked = park(deleted[0])

    send_again(parked_id=parked.pk, by="ana")

    assert deleted[1:] == events()[-1][1:]


def test_the_deletion_of_a_record_that_exists_again_is_not_told() -> None:
    record = make_record()
    record_id = record.pk
    record.delete()
    parked = park(events()[-1][0])
    Record.objects.create(id=record_id, feed_id="orders", data={})

    with pytest.raises(RecordGoneError, match="exists again"):
        send_again(parked_id=parked.pk, by="ana")


@pytest.mark.parametrize("event_id", [None, uuid4()])
def test_what_is_no_event_of_ours_is_left_to_the_relay(event_id: UUID | None) -> None:
    parked = park(event_id)

    sent = send_again(parked_id=parked.pk, by="ana")

    assert "sending" == sent.state
    assert [] == events()


def test_dropping_writes_down_who_did_it() -> None:
    parked = park(None)

    drop(parked_id=parked.pk, by="ana")

    parked.refresh_from_db()
    assert ("dropped", "ana") == (parked.state, parked.handled_by)
    assert parked.handled_at is not None


def test_the_admin_site_shows_a_body_escaped_and_sends_it_again() -> None:
    User.objects.create_superuser("root", password="x")  # noqa: S106 (a test's)
    client = Client()
    client.force_login(User.objects.get())
    make_record()
    parked = park(events()[0][0], b'{"a": "<script>alert(1)</script>"}')

    page = client.get(f"/admin/aviso/parkedevent/{parked.pk}/change/").content.decode()
    listing = client.get("/admin/aviso/parkedevent/").content.decode()
    client.post(
        "/admin/aviso/parkedevent/",
        {"action": "send_again", "_selected_action": [str(parked.pk)]},
    )

    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page
    assert "it is too large" in listing
    parked.refresh_from_db()
    assert ("sent", "root") == (parked.state, parked.handled_by)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"a":1}', '{\n  "a": 1\n}'),
        (b"\x1b[31mred\xff", "\\x1b[31mred\\xff"),
        (b'{"a":"\xe2\x82\xac"}', '{\n  "a": "\\u20ac"\n}'),
        (b"[" * 70_000, "[" * 65_536 + "\n… and 4464 bytes more"),
    ],
)
def test_a_body_is_shown_without_anything_that_could_do_harm(
    body: bytes, shown: str
) -> None:
    assert shown == show_body(body)
