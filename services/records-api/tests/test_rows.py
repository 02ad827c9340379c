"""Events of rows that are no records: any key, no version; feeds that are emptied."""

from __future__ import annotations

import json
import uuid

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client

from aviso.events.models import Event, FirstState
from aviso.feeds.models import Feed
from aviso.parked.deciding import send_again
from aviso.parked.errors import RecordGoneError
from aviso.parked.models import ParkedEvent
from tests.api import Api, number_events, publish_events
from tests.contracts import validate_event
from tests.parked_events import park

pytestmark = pytest.mark.django_db

KEYS = [
    "42",
    '["7","de"]',
    "a/b?c=d&e#f %2F",
    'it\'s "quoted" \\ <b>&amp;',
    " \n\t\u202eabc\u200f\u2028",
    "\U0001f511" * 1024,
    "字" * 1024,
    "7d3c1f5e-2b4a-4c6d-8e9f-0a1b2c3d4e5f",
]
LONGEST = "\U0001f511" * 1024


def row(key: str, **data: object) -> str:
    return json.dumps({"id": key, "data": data}, ensure_ascii=False)


def tell(kind: str, key: str | None, data: str, feed: str = "orders") -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT aviso.tell(%s, %s, %s, NULL, %s)", [feed, kind, key, data]
        )


def last_word(key: str, feed: str = "orders") -> tuple[str, str] | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT type, data FROM aviso.last_event(%s, %s)", [feed, key])
        found: tuple[str, str] | None = cursor.fetchone()
    return found


def park_newest(kind: str) -> ParkedEvent:
    number_events()
    return park(Event.objects.filter(type=kind).latest("changeset"))


@pytest.mark.parametrize("key", KEYS)
def test_a_key_of_any_kind_is_told_found_and_rendered(
    anonymous: Api, orders: Feed, key: str
) -> None:
    tell("created", key, row(key, n=1))
    tell("updated", key, row(key, n=2))
    number_events()

    events = anonymous.get("feeds/orders/events/").body["events"]

    for event in events:
        validate_event(event)
    assert [key, key] == [event["subject"] for event in events]
    assert {"id": key, "data": {"n": 2}} == events[-1]["data"]
    assert ("updated", row(key, n=2)) == last_word(key)


def test_keys_with_the_same_beginning_are_not_taken_for_each_other(
    orders: Feed,
) -> None:
    for end in "ab":
        tell("created", "x" * 1000 + end, row(end))

    assert ("created", row("a")) == last_word("x" * 1000 + "a")


@pytest.mark.parametrize("key", ["", "x" * 1025])
def test_a_key_that_no_reader_would_take_does_not_get_into_the_log(
    orders: Feed, key: str
) -> None:
    with pytest.raises(IntegrityError, match="events_subject"), transaction.atomic():
        tell("created", key, row(key))


def test_a_reset_has_a_place_and_a_cause(anonymous: Api, orders: Feed) -> None:
    tell("created", "42", row("42"))
    tell("reset", None, '{"cause":"truncated"}')
    number_events()

    reset = anonymous.get("feeds/orders/events/").body["events"][-1]

    validate_event(reset)
    assert ("2", "aviso.feed.reset.v1") == (reset["feedseq"], reset["type"])
    assert {"cause": "truncated"} == reset["data"]
    assert "subject" not in reset


def test_a_row_that_could_not_be_told_keeps_its_place(
    anonymous: Api, orders: Feed
) -> None:
    tell("unavailable", "42", '{"event_id":null,"type":null,"cause":"no-form"}')
    number_events()

    (event,) = anonymous.get("feeds/orders/events/").body["events"]

    validate_event(event)
    assert ("42", "no-form") == (event["subject"], event["data"]["cause"])


def test_a_rows_key_does_not_take_an_id_away_from_records(
    api: Api, orders: Feed
) -> None:
    key = str(uuid.uuid4())
    Feed.objects.create(slug="rows")
    tell("created", key, row(key), "rows")

    reply = api.post("feeds/orders/records/", {"id": key, "data": {}})

    assert (201, key) == (reply.status, reply.body["id"])


def test_rows_are_pruned_like_records_and_leave_nothing(orders: Feed) -> None:
    for key in [*KEYS, "last"]:
        tell("created", key, row(key))
    publish_events()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE aviso.events SET time = now() - interval '100 days'")

    call_command("prune_events", "--older-than", "30")

    assert ["last"] == [event.subject for event in Event.objects.all()]
    assert not FirstState.objects.exists()


@pytest.mark.parametrize("key", KEYS)
def test_a_parked_row_is_sent_again_as_the_log_has_it_now(
    orders: Feed, key: str
) -> None:
    tell("created", key, row(key, n=1))
    parked = park_newest("created")
    tell("updated", key, row(key, n=2))

    sent = send_again(parked_id=parked.pk, by="ana")

    newest = Event.objects.latest("changeset")
    assert (sent.sent_as, "updated", key, row(key, n=2)) == (
        newest.id,
        newest.type,
        newest.subject,
        newest.data,
    )


@pytest.mark.parametrize(
    ("kinds", "reason"),
    [
        (["created", "deleted"], "the record is gone"),
        (["deleted", "created"], "exists again"),
        (["reset"], "has gone on behind its reset"),
    ],
)
def test_what_is_not_so_any_more_is_not_told_again(
    orders: Feed, kinds: list[str], reason: str
) -> None:
    first, *later = kinds
    tell(first, None if first == "reset" else "42", row("42"))
    parked = park_newest(first)
    for kind in later:
        tell(kind, "42", row("42"))

    with pytest.raises(RecordGoneError, match=reason):
        send_again(parked_id=parked.pk, by="ana")


def test_the_admin_site_finds_a_row_by_its_key_and_shows_it_as_text(
    client: Client, orders: Feed
) -> None:
    client.force_login(User.objects.create_superuser("admin"))
    for key in ["42", "<b>bold</b> & more", LONGEST]:
        tell("created", key, row(key))
    tell("reset", None, '{"cause":"truncated"}')
    number_events()

    def find(words: str) -> str:
        return client.get("/admin/aviso/event/", {"q": words}).content.decode()

    everything = client.get("/admin/aviso/event/").content.decode()
    assert "<b>bold" not in everything
    assert LONGEST not in everything
    assert "1 event" in find("42")
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; more" in find("<b>bold</b> & more")
    assert "1 event" in find(LONGEST)
    assert "4 events" in find("orders")
    assert "1 event" in find("orders 4")
