"""A committed change has an event, whatever made it; a rolled-back one has none."""

from __future__ import annotations

import uuid

import psycopg
import pytest

from .api import Api
from .database import Database
from .running import Stack
from .waiting import until_equal


def kinds(api: Api, feed: str) -> list[str]:
    return [event["type"].split(".")[2] for event in api.all_events(feed)]


def test_update_of_many_by_the_orm_is_captured(
    stack: Stack, api: Api, feed: str
) -> None:
    ids = api.write_all(feed, [{"n": 1}, {"n": 2}])

    stack.manage(
        "shell",
        "-c",
        "from aviso.records.models import Record\n"
        f"Record.objects.filter(feed={feed!r}).update(data={{'n': 0}})",
    )

    until_equal(4, lambda: len(kinds(api, feed)), "four events")
    updates = api.all_events(feed)[2:]
    assert {event["subject"] for event in updates} == set(ids)
    assert [event["data"]["version"] for event in updates] == [2, 2]
    assert [event["data"]["data"] for event in updates] == [{"n": 0}, {"n": 0}]


def test_update_and_delete_by_sql_are_captured(
    api: Api, database: Database, feed: str
) -> None:
    record_id = api.write(feed, {"n": 1})["id"]

    database.execute(
        "UPDATE records SET data = data || '{\"n\": 2}' WHERE id = %s", [record_id]
    )
    database.execute("DELETE FROM records WHERE id = %s", [record_id])

    until_equal(["created", "updated", "deleted"], lambda: kinds(api, feed), "events")
    versions = [event["data"]["version"] for event in api.all_events(feed)]
    assert versions == [1, 2, 3]


def test_an_update_that_changes_nothing_makes_no_event(
    api: Api, database: Database, feed: str
) -> None:
    record_id = api.write(feed, {"n": 1})["id"]

    database.execute("UPDATE records SET data = data WHERE id = %s", [record_id])
    api.write(feed, {"n": 2})

    until_equal(["created", "created"], lambda: kinds(api, feed), "two events")


def test_a_rolled_back_transaction_makes_no_event(
    api: Api, database: Database, feed: str
) -> None:
    insert = "INSERT INTO records (feed, data) VALUES (%s, '{\"n\": 1}')"

    with pytest.raises(psycopg.errors.RaiseException), database.transaction() as tx:
        tx.execute(insert, [feed])
        tx.execute("DO $$ BEGIN RAISE EXCEPTION 'no'; END $$")
    kept = api.write(feed, {"n": 2})["id"]

    until_equal(
        [kept],
        lambda: [event["subject"] for event in api.all_events(feed)],
        "one event",
    )
    assert api.all_events(feed)[0]["feedseq"] == "1"


def test_a_retry_with_the_same_idempotency_key_makes_one_event(
    api: Api, feed: str
) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    path = f"feeds/{feed}/records/"

    first = api.call("POST", path, {"data": {"n": 1}}, headers=headers)
    again = api.call("POST", path, {"data": {"n": 1}}, headers=headers)
    other = api.call("POST", path, {"data": {"n": 2}}, headers=headers)

    assert (first.status, again.status, other.status) == (201, 201, 422)
    assert again.json == first.json
    api.write(feed, {"n": 3})
    until_equal(["created", "created"], lambda: kinds(api, feed), "two events")


def test_a_retry_with_the_same_id_makes_one_event(api: Api, feed: str) -> None:
    body = {"id": str(uuid.uuid4()), "data": {"n": 1}}
    path = f"feeds/{feed}/records/"

    first = api.call("POST", path, body)
    again = api.call("POST", path, body)
    other = api.call("POST", path, body | {"data": {"n": 2}})

    assert (first.status, again.status, other.status) == (201, 201, 409)
    assert again.json == first.json
    api.write(feed, {"n": 3})
    until_equal(["created", "created"], lambda: kinds(api, feed), "two events")
