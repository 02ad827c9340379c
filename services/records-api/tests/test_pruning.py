"""What may be pruned, what stays, and what still holds when it is gone."""

from __future__ import annotations

import uuid

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from aviso.events.models import Event
from aviso.feeds.models import Feed
from aviso.outbox.pruning import BATCH
from aviso.parked.deciding import send_again
from aviso.parked.errors import RecordGoneError
from aviso.records.models import Record
from tests.api import Api, publish_events
from tests.parked_events import park

pytestmark = pytest.mark.django_db
RECORDS = "feeds/orders/records/"
EVENTS = "feeds/orders/events/"


def write(count: int, feed: str = "orders") -> None:
    """Write records whose events are 100 days old and published."""
    Record.objects.bulk_create(
        Record(feed_id=feed, data={"n": n}) for n in range(count)
    )
    publish()


def publish(**published: int) -> None:
    publish_events(**published)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE aviso.events SET time = now() - interval '100 days'")


def prune(days: int = 30, *options: str) -> None:
    call_command("prune_events", "--older-than", str(days), *options)


def kept(feed: str = "orders") -> list[int | None]:
    found = Event.objects.filter(feed_id=feed).order_by("changeset", "place")
    return list(found.values_list("sequence", flat=True))


def test_all_but_the_newest_go(orders: Feed) -> None:
    write(2 * BATCH + 3)

    prune()

    assert [2 * BATCH + 3] == kept()


def test_what_is_younger_stays(orders: Feed) -> None:
    write(3)

    prune(101)

    assert [1, 2, 3] == kept()


def test_a_part_of_a_changeset_goes_and_the_rest_keeps_its_places(
    anonymous: Api, orders: Feed
) -> None:
    write(2 * BATCH + 3)
    young = Event.objects.get(sequence=BATCH + 8)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE aviso.events SET time = now() WHERE changeset = %s AND place = %s",
            [young.changeset, young.place],
        )

    prune()

    assert list(range(BATCH + 8, 2 * BATCH + 4)) == kept()
    body = anonymous.get(f"{EVENTS}?after=0&limit=2").body
    assert (BATCH + 8, str(BATCH + 8)) == (body["oldest"], body["events"][0]["feedseq"])


def test_an_unpublished_event_stays_with_all_that_follow_it(orders: Feed) -> None:
    write(5)
    publish(orders=2)

    prune()

    assert [3, 4, 5] == kept()


def test_an_unnumbered_event_stays_however_old_it_is(orders: Feed) -> None:
    write(2)
    Record.objects.create(feed=orders, data={})
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE aviso.events SET time = '2001-01-01Z' WHERE time > '2026-01-01Z'"
        )

    prune()

    assert [2, None] == kept()


@pytest.mark.parametrize(
    ("state", "expected"),
    [("parked", [2, 3, 4]), ("sending", [2, 3, 4]), ("sent", [4]), ("dropped", [4])],
)
def test_a_parked_event_stays_until_somebody_has_decided(
    orders: Feed, state: str, expected: list[int]
) -> None:
    write(4)
    park(Event.objects.get(sequence=2), state)

    prune()

    assert expected == kept()


def test_each_feed_has_its_own_beginning(orders: Feed) -> None:
    Feed.objects.create(slug="other")
    write(3)
    write(2, "other")
    publish(other=0)

    prune()

    assert ([3], [1, 2]) == (kept(), kept("other"))


def test_a_dry_run_counts_the_same_and_changes_nothing(
    orders: Feed, capsys: pytest.CaptureFixture[str]
) -> None:
    write(9)
    park(Event.objects.get(sequence=7))

    prune(30, "--dry-run")

    assert "orders 6\n6 events would be pruned\n" == capsys.readouterr().out
    assert 9 == len(kept())
    prune()
    assert "orders 6\n6 events pruned\n" == capsys.readouterr().out


@pytest.mark.parametrize("days", ["0", "-1", "99999"])
def test_less_than_a_day_is_refused(orders: Feed, days: str) -> None:
    with pytest.raises(CommandError, match="expected 1 to"):
        call_command("prune_events", f"--older-than={days}")


def test_reading_from_before_says_where_the_feed_begins(
    anonymous: Api, orders: Feed
) -> None:
    write(4)
    publish(orders=2)
    prune()

    body = anonymous.get(f"{EVENTS}?after=0").body

    assert 3 == body["oldest"]
    assert ["3", "4"] == [event["feedseq"] for event in body["events"]]


def test_a_client_made_id_is_remembered_when_its_events_are_gone(
    api: Api, orders: Feed
) -> None:
    mine = str(uuid.uuid4())
    first = api.post(RECORDS, {"id": mine, "data": {"b": 1.50, "a": "é"}})
    api.delete(f"{RECORDS}{mine}/")
    write(1)
    prune()
    assert not Event.objects.filter(subject=mine).exists()

    again = api.post(RECORDS, {"id": mine, "data": {"a": "é", "b": 1.50}})
    other = api.post(RECORDS, {"id": mine, "data": {"a": "e"}})

    assert (201, first.body) == (again.status, again.body)
    assert "was used before" in other.problem(409)["detail"]
    assert not Record.objects.filter(id=mine).exists()


def test_a_record_written_again_answers_its_first_state_when_that_is_pruned(
    api: Api, orders: Feed
) -> None:
    mine = str(uuid.uuid4())
    first = api.post(RECORDS, {"id": mine, "data": {"n": 1}})
    api.put(f"{RECORDS}{mine}/", {"data": {"n": 2}})
    publish()
    prune()
    assert ["updated"] == [event.type for event in Event.objects.all()]

    again = api.post(RECORDS, {"id": mine, "data": {"n": 1}})

    assert (201, first.body) == (again.status, again.body)


def test_an_event_parked_after_it_was_pruned_is_not_sent_as_it_came(
    orders: Feed,
) -> None:
    write(2)
    event = Event.objects.get(sequence=1)
    prune()
    parked = park(event)

    with pytest.raises(RecordGoneError, match="pruned"):
        send_again(parked_id=parked.pk, by="ana")

    parked.refresh_from_db()
    assert "parked" == parked.state
