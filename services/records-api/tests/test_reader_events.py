"""Whatever lets a reader in or puts one out, there is an event, in its place."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from aviso.events.models import Event
from aviso.feeds.models import Feed
from aviso.readers.models import Reader
from aviso.records.models import Record

pytestmark = pytest.mark.django_db
ADA = "ada@localhost"
GRANT = "INSERT INTO aviso.readers (feed, reader) VALUES ('secrets', %s)"
REVOKE = "UPDATE aviso.readers SET revoked_at = now() WHERE reader = %s"
RESTORE = "UPDATE aviso.readers SET revoked_at = NULL WHERE reader = %s"


@pytest.fixture(autouse=True)
def _feed(secrets: Feed) -> None:
    """Let there be a private feed."""


def run_sql(sql: str, *values: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else []


def read_events() -> list[tuple[str, str | None]]:
    return list(
        Event.objects.order_by("changeset", "place").values_list("type", "reader")
    )


def test_sql_needs_only_feed_and_reader() -> None:
    run_sql(GRANT, ADA)

    event = Event.objects.get()
    assert ("granted", ADA, "secrets") == (event.type, event.reader, event.feed_id)
    assert (None, "{}", None) == (event.subject, event.data, event.sequence)


def test_each_real_change_has_an_event_and_nothing_else_has() -> None:
    for change in [GRANT, RESTORE, REVOKE, REVOKE, RESTORE, RESTORE, REVOKE]:
        run_sql(change, ADA)

    assert [(kind, ADA) for kind in ["granted", "revoked"] * 2] == read_events()


def test_the_orm_writes_events_too() -> None:
    reader = Reader.objects.create(feed_id="secrets", reader=ADA)
    Reader.objects.bulk_create(
        Reader(feed_id="secrets", reader=f"b{n}@localhost") for n in range(3)
    )
    reader.revoked_at = timezone.now()
    reader.save()
    Reader.objects.filter(reader="b1@localhost").update(revoked_at=timezone.now())

    granted = [("granted", name) for name in [ADA, *(f"b{n}@localhost" for n in "012")]]
    assert [
        *granted,
        ("revoked", ADA),
        ("revoked", "b1@localhost"),
    ] == read_events()


def test_a_ticket_holder_is_put_out_without_ever_having_been_let_in() -> None:
    run_sql(
        "INSERT INTO aviso.readers (feed, reader, revoked_at)"
        " VALUES ('secrets', %s, now())",
        "u-17@ticket.localhost",
    )

    assert [("revoked", "u-17@ticket.localhost")] == read_events()


def test_events_of_readers_and_records_stand_in_their_order() -> None:
    Record.objects.create(feed_id="secrets", data={"n": 1})
    run_sql(GRANT, ADA)
    Record.objects.create(feed_id="secrets", data={"n": 2})
    run_sql(REVOKE, ADA)
    Record.objects.create(feed_id="secrets", data={"n": 3})

    assert ["created", "granted", "created", "revoked", "created"] == [
        kind for kind, _ in read_events()
    ]


def test_what_is_rolled_back_has_no_event() -> None:
    with transaction.atomic():
        run_sql(GRANT, ADA)
        transaction.set_rollback(True)

    assert [] == read_events()


def test_a_deleted_row_is_a_revoke_and_stays() -> None:
    run_sql(GRANT, ADA)

    for _ in range(2):
        run_sql("DELETE FROM aviso.readers")

    assert [("granted", ADA), ("revoked", ADA)] == read_events()
    assert Reader.objects.get().revoked_at is not None


def test_truncate_is_refused_because_it_would_leave_no_event() -> None:
    run_sql(GRANT, ADA)
    run_sql("SET CONSTRAINTS ALL IMMEDIATE")
    run_sql("ALTER TABLE aviso.readers ENABLE TRIGGER readers_truncating")

    with pytest.raises(DatabaseError, match="use DELETE"):
        run_sql("TRUNCATE aviso.readers")


def test_a_grant_that_is_over_already_is_a_revoke() -> None:
    run_sql(GRANT, ADA)

    Reader.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert [("granted", ADA), ("revoked", ADA)] == read_events()


def test_a_later_end_is_no_event() -> None:
    run_sql(GRANT, ADA)

    Reader.objects.update(expires_at=timezone.now() + timedelta(days=1))

    assert [("granted", ADA)] == read_events()


def test_who_is_let_in_again_is_so_from_then_on() -> None:
    run_sql(GRANT, ADA)
    first = Reader.objects.get().granted_at
    run_sql(REVOKE, ADA)
    run_sql(RESTORE, ADA)

    assert first < Reader.objects.get().granted_at


@pytest.mark.parametrize("change", ["feed = 'others'", "reader = 'eve@localhost'"])
def test_feed_and_reader_of_a_grant_cannot_change(change: str) -> None:
    Feed.objects.create(slug="others")
    run_sql(GRANT, ADA)

    with pytest.raises(DatabaseError, match="can not change"):
        run_sql(f"UPDATE aviso.readers SET {change}")


@pytest.mark.parametrize(
    "reader", ["", "ada", "@localhost", "ada@", "a b@x", "a@b@c", "a/b@x", "ada@x/home"]
)
def test_what_is_no_bare_jid_is_refused(reader: str) -> None:
    with pytest.raises(DatabaseError, match="readers_reader"):
        run_sql(GRANT, reader)


def test_an_event_of_a_reader_carries_the_trace_of_its_transaction() -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    run_sql("SELECT set_config('aviso.traceparent', %s, true)", trace)

    run_sql(GRANT, ADA)

    assert trace == Event.objects.get().traceparent


def test_a_role_that_may_only_write_readers_needs_no_right_on_events() -> None:
    run_sql("CREATE ROLE writer_of_readers")
    run_sql("GRANT USAGE ON SCHEMA aviso TO writer_of_readers")
    run_sql(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON aviso.readers TO writer_of_readers"
    )
    run_sql("SET LOCAL ROLE writer_of_readers")

    run_sql(GRANT, ADA)
    run_sql(REVOKE, ADA)
    run_sql("DELETE FROM aviso.readers")

    run_sql("RESET ROLE")
    assert [("granted", ADA), ("revoked", ADA)] == read_events()


def test_a_feed_has_room_for_ten_thousand_readers_and_no_more() -> None:
    run_sql(
        "INSERT INTO aviso.readers (feed, reader)"
        " SELECT 'secrets', 'r' || n || '@localhost' FROM generate_series(1, 10000) n"
    )

    with pytest.raises(DatabaseError, match="10000"), transaction.atomic():
        run_sql(GRANT, ADA)
    run_sql(REVOKE, "r7@localhost")
    run_sql(GRANT, ADA)

    assert ("granted", ADA) == read_events()[-1]


@pytest.mark.parametrize(
    "columns",
    [
        "'granted', 'r1', 'a@b'",
        "'granted', NULL, NULL",
        "'created', NULL, 'a@b'",
        "'created', NULL, NULL",
        "'reset', 'r1', NULL",
    ],
)
def test_an_event_is_about_a_record_or_about_a_reader(columns: str) -> None:
    with pytest.raises(DatabaseError, match="event is not about"):
        run_sql(f"SELECT aviso.tell('secrets', {columns}, '{{}}')")
