"""Idempotency-Key: the same write again writes nothing and answers the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.db import connection

from aviso.events.models import Event
from aviso.feeds.models import Feed
from aviso.records.models import IdempotencyKey, Record
from aviso.records.writing import posting
from tests.api import Api, Reply, make_api
from tests.relay.drivers import PATIENCE_S, eventually

PATH = "feeds/orders/records/"


def post(api: Api, body: Any, key: str = "k1", path: str = PATH) -> Reply:
    return api.post(path, body, Idempotency_Key=key)


@pytest.mark.django_db
def test_the_same_write_again_answers_the_same(api: Api, orders: Feed) -> None:
    first = post(api, {"data": {"a": 1, "b": 2}})

    again = post(api, {"data": {"b": 2, "a": 1}})

    assert (201, first.body) == (again.status, again.body)
    assert first.headers["Location"] == again.headers["Location"]
    assert 1 == Event.objects.count()


@pytest.mark.django_db
def test_a_list_again_answers_the_same_ids(api: Api, orders: Feed) -> None:
    first = post(api, [{"data": {}}, {"data": {}}])

    assert first.body == post(api, [{"data": {}}, {"data": {}}]).body
    assert 2 == Event.objects.count()


@pytest.mark.django_db
def test_the_first_answer_stays_when_the_record_changes(api: Api, orders: Feed) -> None:
    first = post(api, {"data": {"a": 1}})
    Record.objects.update(data={"a": 2})

    assert first.body == post(api, {"data": {"a": 1}}).body


@pytest.mark.django_db
@pytest.mark.parametrize("other", [{"data": {"a": 2}}, [{"data": {"a": 1}}]])
def test_the_key_with_another_write_is_refused(
    api: Api, orders: Feed, other: Any
) -> None:
    post(api, {"data": {"a": 1}})

    problem = post(api, other).problem(422)

    assert "Idempotency-Key" == problem["field"]
    assert 1 == Record.objects.count()


@pytest.mark.django_db
def test_the_key_in_another_feed_is_another_write(api: Api, orders: Feed) -> None:
    Feed.objects.create(slug="others")
    post(api, {"data": {"a": 1}})

    post(api, {"data": {"a": 1}}, path="feeds/others/records/").problem(422)


@pytest.mark.django_db
def test_the_key_of_another_caller_is_another_key(orders: Feed) -> None:
    one, other = make_api(), make_api()

    first = post(one, {"data": {"a": 1}})

    assert first.body["id"] != post(other, {"data": {"a": 2}}).body["id"]


@pytest.mark.django_db
def test_a_refused_write_leaves_its_key_free(api: Api, orders: Feed) -> None:
    post(api, {"data": {"a": "x" * 70_000}}).problem(413)

    assert not IdempotencyKey.objects.exists()
    assert 201 == post(api, {"data": {"a": 1}}).status


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "a b", "ñ", "x" * 256])
def test_a_wrong_key_is_refused(api: Api, orders: Feed, key: str) -> None:
    problem = post(api, {"data": {}}, key=key).problem(400)

    assert "Idempotency-Key" == problem["field"]


def _post_at_once(api: Api, bodies: list[Any], **headers: str) -> list[Reply]:
    def post_one(body: Any) -> Reply:
        try:
            return api.post(PATH, body, **headers)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(bodies)) as threads:
        return list(threads.map(post_one, bodies))


@pytest.mark.django_db(transaction=True)
def test_20_equal_requests_at_once_make_one_record(orders: Feed) -> None:
    bodies = [{"data": {"a": 1}}] * 20

    replies = _post_at_once(make_api(), bodies, Idempotency_Key="k1")

    assert [201] * 20 == [reply.status for reply in replies]
    assert 1 == len({reply.content for reply in replies})
    assert (1, 1) == (Record.objects.count(), Event.objects.count())


@pytest.mark.django_db(transaction=True)
def test_20_equal_ids_at_once_make_one_record(orders: Feed) -> None:
    key = "7d3c1f5e-2b4a-4c6d-8e9f-0a1b2c3d4e5f"

    replies = _post_at_once(make_api(), [{"id": key, "data": {"a": 1}}] * 20)

    assert [201] * 20 == [reply.status for reply in replies]
    assert 1 == len({reply.content for reply in replies})
    assert (1, 1) == (Record.objects.count(), Event.objects.count())


@pytest.mark.django_db(transaction=True)
def test_a_write_that_postgresql_ends_for_a_deadlock_comes_again(
    orders: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another writer holds the last id and asks for the first; the list has both.

    PostgreSQL looks for a deadlock once, a while after a wait began: who closes it
    finds it. Held at its second id, the list asks for its last when the other waits.
    Ended, it leaves the other time to get on.
    """
    pauses: list[float] = []
    first, second, last = ids = [f"7d3c1f5e-2b4a-4c6d-8e9f-{n:012}" for n in (1, 2, 3)]
    insert = "INSERT INTO aviso.records (id, feed, data) VALUES (%s, 'orders', '{}')"
    body = [{"id": key, "data": {}} for key in ids]

    with (
        _connect() as holding,
        _connect() as other,
        ThreadPoolExecutor(2) as threads,
    ):
        # It looks when the list has found it long ago.
        other.execute("SET deadlock_timeout = '10min'")
        other.execute(insert, [last])
        holding.execute(insert, [second])
        reply = threads.submit(_post_at_once, make_api(), [body])
        listing = _wait_until_blocked(by=holding.info.backend_pid)
        inserted = threads.submit(other.execute, insert, [first])

        def let_other_on(longest_s: float) -> None:
            pauses.append(longest_s)
            inserted.result(PATIENCE_S)

        monkeypatch.setattr(posting, "_let_the_other_on", let_other_on)
        assert other.info.backend_pid == _wait_until_blocked(by=listing)
        holding.rollback()
        inserted.result(PATIENCE_S)
        other.commit()
        (answer,) = reply.result(PATIENCE_S)

    assert (201, {"ids": ids}) == (answer.status, answer.body)
    assert [posting._FIRST_PAUSE_S] == pauses
    assert 3 == Event.objects.count()


@pytest.mark.django_db(transaction=True)
def test_an_id_that_was_used_and_deleted_while_its_list_waited_is_not_used_again(
    orders: Feed,
) -> None:
    """The list began before its second id had a record; it waits for the first."""
    first, second = (f"7d3c1f5e-2b4a-4c6d-8e9f-{n:012}" for n in (1, 2))
    insert = "INSERT INTO aviso.records (id, feed, data) VALUES (%s, 'orders', '{}')"
    body = [{"id": key, "data": {}} for key in (first, second)]

    with _connect() as holding, _connect() as other, ThreadPoolExecutor(1) as threads:
        holding.execute(insert, [first])
        reply = threads.submit(_post_at_once, make_api(), [body])
        _wait_until_blocked(by=holding.info.backend_pid)
        other.execute(insert, [second])
        other.commit()
        other.execute("DELETE FROM aviso.records WHERE id = %s", [second])
        other.commit()
        holding.rollback()
        (answer,) = reply.result(PATIENCE_S)

    assert (201, {"ids": [first, second]}) == (answer.status, answer.body)
    created = Event.objects.filter(type="created").values_list("subject", flat=True)
    assert [first, second] == sorted(map(str, created))
    assert [first] == [str(key) for key in Record.objects.values_list("id", flat=True)]


def _connect() -> psycopg.Connection[Any]:
    made = connection.settings_dict
    return psycopg.connect(
        host=made["HOST"],
        port=made["PORT"],
        user=made["USER"],
        password=made["PASSWORD"],
        dbname=made["NAME"],
    )


def _wait_until_blocked(*, by: int) -> int:
    """Wait until a session waits for this one; return its process."""
    blocked = "SELECT pid FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
    with _connect() as looking:
        # Within a transaction the sessions stay those of its first look.
        looking.autocommit = True
        found = eventually(lambda: looking.execute(blocked, [by]).fetchall())
    return int(found[0][0])
