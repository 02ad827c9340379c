"""Whatever writes a record, there is an event; what is rolled back has none."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from aviso.events.models import Event, QueuedChangeset
from aviso.exact_json.times import format_time
from aviso.feeds.models import Feed, FeedHead
from aviso.records.models import Record

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def orders() -> Feed:
    return Feed.objects.create(slug="orders")


def run_sql(sql: str, *values: str | uuid.UUID) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else []


def read_events() -> list[tuple[str, int | None, Any]]:
    rows = Event.objects.order_by("changeset", "place")
    told = [(event.type, json.loads(event.data)) for event in rows]
    return [(kind, data["version"], data["data"]) for kind, data in told]


def test_no_two_events_have_the_same_id_also_of_one_statement() -> None:
    for count in (9_000, 1, 1):
        run_sql(
            "INSERT INTO aviso.records (feed, data)"
            f" SELECT 'orders', '{{}}' FROM generate_series(1, {count})"
        )

    ids = list(Event.objects.values_list("id", flat=True))

    assert 9_002 == len(set(ids))
    assert {(8, uuid.RFC_4122)} == {(each.version, each.variant) for each in ids}


def test_a_feed_gets_its_head() -> None:
    assert FeedHead.objects.get(feed="orders").sequence == 0


def test_two_feeds_have_different_epochs_that_the_contract_allows() -> None:
    Feed.objects.create(slug="others")

    epochs = [row[0] for row in run_sql("SELECT epoch FROM aviso.feeds")]

    assert len(set(epochs)) == 2
    assert [[8, True], [8, True]] == [[len(e), e.isalnum()] for e in epochs]


@pytest.mark.parametrize("change", [{"epoch": "abcd"}, {"visibility": "private"}])
def test_a_new_epoch_or_visibility_is_to_be_announced_again(
    change: dict[str, str],
) -> None:
    run_sql("UPDATE aviso.feeds SET announced_at = now()")

    Feed.objects.update(**change)

    assert Feed.objects.get().announced_at is None


def test_a_new_title_is_not_announced() -> None:
    run_sql("UPDATE aviso.feeds SET announced_at = now()")

    Feed.objects.update(title="Orders")

    assert Feed.objects.get().announced_at is not None


def test_the_slug_of_a_feed_cannot_change() -> None:
    with pytest.raises(DatabaseError, match="can not change"):
        run_sql("UPDATE aviso.feeds SET slug = 'other'")


def test_sql_needs_only_feed_and_data() -> None:
    run_sql("INSERT INTO aviso.records (feed, data) VALUES ('orders', '{\"a\":1}')")

    record, event = Record.objects.get(), Event.objects.get()
    assert event.feed_id == "orders"
    assert event.type == "created"
    assert event.subject == str(record.id)
    assert json.loads(event.data) == {
        "id": str(record.id),
        "version": 1,
        "created_at": format_time(record.created_at),
        "updated_at": format_time(record.updated_at),
        "data": {"a": 1},
    }
    assert event.sequence is None
    assert event.traceparent is None


def test_the_orm_creates_and_learns_what_the_database_decided() -> None:
    record = Record.objects.create(feed_id="orders", data={"a": 1})

    assert [("created", 1, {"a": 1})] == read_events()
    assert record.created_at == Record.objects.get().created_at
    assert record.number == Record.objects.get().number


def test_bulk_create_writes_one_event_a_record_in_order() -> None:
    records = [Record(feed_id="orders", data={"n": n}) for n in range(50)]

    Record.objects.bulk_create(records)

    assert [("created", 1, {"n": n}) for n in range(50)] == read_events()


def test_an_update_raises_the_version() -> None:
    record = Record.objects.create(feed_id="orders", data={"a": 1})

    record.data = {"a": 2}
    record.save()

    after = Record.objects.get()
    assert after.version == 2
    assert after.created_at == record.created_at
    assert after.updated_at > record.updated_at
    assert ("updated", 2, {"a": 2}) == read_events()[-1]


def test_a_queryset_update_writes_an_event_for_each_row() -> None:
    for n in range(3):
        Record.objects.create(feed_id="orders", data={"n": n})

    Record.objects.update(data={"n": 9})

    assert [("updated", 2, {"n": 9})] * 3 == read_events()[3:]


def test_an_update_that_changes_nothing_makes_no_event() -> None:
    record = Record.objects.create(feed_id="orders", data={"a": 1, "b": 2})

    record.data = {"b": 2, "a": 1}
    record.save()

    after = Record.objects.get()
    assert (1, record.updated_at) == (after.version, after.updated_at)
    assert len(read_events()) == 1


def test_only_the_changed_rows_of_an_update_make_events() -> None:
    Record.objects.create(feed_id="orders", data={"n": 1})
    Record.objects.create(feed_id="orders", data={"n": 2})

    Record.objects.update(data={"n": 2})

    assert [("updated", 2, {"n": 2})] == read_events()[2:]


def test_a_writer_cannot_set_what_the_database_keeps() -> None:
    record = Record.objects.create(feed_id="orders", data={"a": 1})

    run_sql(
        "UPDATE aviso.records SET data = '{}', version = 9, number = 9,"
        " created_at = 'epoch'"
    )

    after = Record.objects.get()
    assert 2 == after.version
    assert record.number == after.number
    assert record.created_at == after.created_at


@pytest.mark.parametrize(
    "change",
    ["id = gen_random_uuid()", "feed = 'others'", "feed = 'others', data='{}'"],
)
def test_id_and_feed_of_a_record_cannot_change(change: str) -> None:
    Feed.objects.create(slug="others")
    Record.objects.create(feed_id="orders", data={"a": 1})

    with pytest.raises(DatabaseError, match="can not change"):
        run_sql(f"UPDATE aviso.records SET {change}")


def test_a_delete_leaves_the_last_state_with_the_next_version() -> None:
    record = Record.objects.create(feed_id="orders", data={"a": 1})

    Record.objects.all().delete()

    event = Event.objects.get(type="deleted")
    assert ("deleted", 2, {"a": 1}) == read_events()[-1]
    assert event.subject == str(record.id)
    assert json.loads(event.data)["updated_at"] == format_time(event.time)
    assert event.time > record.updated_at


def test_an_upsert_writes_the_event_of_what_it_did() -> None:
    key = uuid.uuid4()
    upsert = (
        "INSERT INTO aviso.records (id, feed, data) VALUES (%s, 'orders', %s)"
        " ON CONFLICT (id) DO UPDATE SET data = excluded.data"
    )

    run_sql(upsert, key, '{"a":1}')
    run_sql(upsert, key, '{"a":2}')
    run_sql(upsert, key, '{"a":2}')

    assert [("created", 1, {"a": 1}), ("updated", 2, {"a": 2})] == read_events()


def test_a_rolled_back_write_has_no_event() -> None:
    with transaction.atomic():
        Record.objects.create(feed_id="orders", data={})
        seen_before = len(read_events())
        transaction.set_rollback(True)

    assert (1, []) == (seen_before, read_events())


def test_events_of_one_record_stand_in_causal_order() -> None:
    record = Record.objects.create(feed_id="orders", data={"n": 1})
    for n in range(2, 6):
        Record.objects.filter(pk=record.pk).update(data={"n": n})
    record.delete()

    versions = [version for _, version, _ in read_events()]

    assert [1, 2, 3, 4, 5, 6] == versions


@pytest.mark.parametrize(
    "statements",
    [
        [
            "CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM aviso.records",
            "DELETE FROM aviso.records",
            "INSERT INTO aviso.records (id, feed, data)"
            " SELECT id, feed, data FROM kept",
        ],
        [
            "WITH gone AS (DELETE FROM aviso.records RETURNING *) "
            "INSERT INTO aviso.records (id, feed, data) SELECT id, feed, data FROM gone"
        ],
        [
            "WITH gone AS (DELETE FROM aviso.records RETURNING *), "
            "back AS (INSERT INTO aviso.records (id, feed, data) "
            "SELECT id, feed, data FROM gone RETURNING id) SELECT count(*) FROM back"
        ],
    ],
    ids=["one transaction", "one statement", "one statement that selects"],
)
def test_records_that_come_back_are_told_to_be_there_last(
    statements: list[str],
) -> None:
    Record.objects.bulk_create(
        Record(feed_id="orders", data={"n": n}) for n in range(1000)
    )

    for statement in statements:
        run_sql(statement)

    last = dict(
        Event.objects.order_by("changeset", "place").values_list("subject", "type")
    )
    assert (len(last), set(last.values())) == (1000, {"created"})


def test_truncate_is_refused_because_it_would_leave_no_event() -> None:
    Record.objects.create(feed_id="orders", data={})
    run_sql("ALTER TABLE aviso.records ENABLE TRIGGER records_truncating")

    with pytest.raises(DatabaseError, match="use DELETE"):
        run_sql("TRUNCATE aviso.records")


def test_an_event_carries_the_trace_of_its_transaction() -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    run_sql("SELECT set_config('aviso.traceparent', %s, true)", trace)

    Record.objects.create(feed_id="orders", data={})

    assert trace == Event.objects.get().traceparent


def test_what_is_no_trace_is_left_out() -> None:
    run_sql("SELECT set_config('aviso.traceparent', 'anything', true)")

    Record.objects.create(feed_id="orders", data={})

    assert Event.objects.get().traceparent is None


def test_a_role_that_may_only_write_records_needs_no_right_on_events() -> None:
    run_sql("CREATE ROLE writer_of_records")
    run_sql("GRANT USAGE ON SCHEMA aviso TO writer_of_records")
    run_sql("GRANT INSERT ON aviso.records TO writer_of_records")
    run_sql("SET LOCAL ROLE writer_of_records")

    run_sql("INSERT INTO aviso.records (feed, data) VALUES ('orders', '{}')")

    run_sql("RESET ROLE")
    assert [("created", 1, {})] == read_events()


@pytest.mark.parametrize("data", ["[]", '"text"', "1", "null"])
def test_data_that_is_no_object_is_refused(data: str) -> None:
    with pytest.raises(DatabaseError, match="records_data_object"):
        run_sql("INSERT INTO aviso.records (feed, data) VALUES ('orders', %s)", data)


def test_data_of_64_kib_as_stored_fits_and_one_byte_more_does_not() -> None:
    insert = "INSERT INTO aviso.records (feed, data) VALUES ('orders', %s)"
    frame = len('{"a": ""}')

    run_sql(insert, '{"a":"%s"}' % ("x" * (65536 - frame)))

    with pytest.raises(DatabaseError, match="records_data_size"):
        run_sql(insert, '{"a":"%s"}' % ("x" * (65537 - frame)))


@pytest.mark.parametrize(
    "time", ["infinity", "-infinity", "0044-03-15 BC", "10000-01-01"]
)
def test_a_time_that_no_event_can_carry_is_refused(time: str) -> None:
    with pytest.raises(DatabaseError, match="records_created_at"):
        run_sql(
            "INSERT INTO aviso.records (feed, data, created_at)"
            " VALUES ('orders', '{}', %s)",
            time,
        )


@pytest.mark.parametrize("slug", ["", "Orders", "a_b", "a" * 65, "a\n"])
def test_a_slug_out_of_the_alphabet_is_refused(slug: str) -> None:
    with pytest.raises(DatabaseError, match="feeds_slug"):
        run_sql("INSERT INTO aviso.feeds (slug) VALUES (%s)", slug)


def test_what_a_statement_did_to_one_feed_is_one_changeset() -> None:
    Feed.objects.create(slug="stock")
    run_sql("DELETE FROM aviso.queue")

    run_sql(
        "INSERT INTO aviso.records (feed, data) SELECT feed, '{}'"
        " FROM unnest(ARRAY['orders', 'stock', 'orders']) AS feed"
    )
    run_sql("UPDATE aviso.records SET data = '{\"a\":1}' WHERE feed = 'orders'")

    queued = [(q.feed, q.size) for q in QueuedChangeset.objects.order_by("changeset")]
    assert [("orders", 2), ("stock", 1)] == sorted(queued[:2])
    assert [("orders", 2)] == queued[2:]
    places = Event.objects.filter(feed="orders").order_by("changeset", "place")
    assert [1, 2, 1, 2] == [event.place for event in places]
