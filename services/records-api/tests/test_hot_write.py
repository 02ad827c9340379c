"""The way of most writes: what it takes, what it leaves to the other, what it costs."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection

from aviso.access.keys import Rights, create_key, revoke_key
from aviso.feeds.models import Feed
from aviso.records import hot_write
from aviso.records.hot_write import KnownKeys
from aviso.records.models import Record
from tests.api import Api

pytestmark = pytest.mark.django_db
PATH = "feeds/orders/records/"
BODY = {"data": {"item": "tea", "price": 1.50}}


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch, orders: Feed) -> KnownKeys:
    keys = KnownKeys()
    monkeypatch.setattr(hot_write, "known_keys", keys)
    return keys


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the way of most writes asks of the database."""
    asked: list[str] = []
    execute = hot_write._execute

    def note(statement: str, values: Any) -> Any:
        asked.append(statement)
        return execute(statement, values)

    monkeypatch.setattr(hot_write, "_execute", note)
    return asked


def writer(**rights: Any) -> Api:
    _, text = create_key(name="writer", rights=Rights(**rights))
    return Api(text)


@pytest.mark.usefixtures("no_limits")
def test_the_first_write_of_a_key_goes_the_long_way_and_the_next_do_not(
    statements: list[str], django_assert_num_queries: Any
) -> None:
    api = writer(all_feeds=True, write=True)
    first = api.post(PATH, BODY)
    assert [] == statements

    with django_assert_num_queries(2):  # a savepoint, in place of none, and its end
        second = api.post(PATH, BODY)

    assert 1 == len(statements)
    assert (201, 201) == (first.status, second.status)
    assert first.body.keys() == second.body.keys()
    changing = {"Location"}
    assert {k: v for k, v in first.headers.items() if k not in changing}.items() >= {
        k: v for k, v in second.headers.items() if k not in changing
    }.items()


def test_a_key_that_was_revoked_meanwhile_is_refused(statements: list[str]) -> None:
    _, text = create_key(name="x", rights=Rights(all_feeds=True, write=True))
    api = Api(text)
    assert 201 == api.post(PATH, BODY).status
    assert revoke_key(text.split("_")[1])

    api.post(PATH, BODY).problem(401)

    assert 1 == len(statements)
    assert 1 == Record.objects.count()


def test_a_key_writes_only_into_its_feeds(statements: list[str]) -> None:
    Feed.objects.create(slug="stock")
    api = writer(feeds=["orders"], write=True)
    assert 201 == api.post(PATH, BODY).status

    api.post("feeds/stock/records/", BODY).problem(403)
    api.post("feeds/nowhere/records/", BODY).problem(404)

    assert 2 == len(statements)
    assert 1 == Record.objects.count()


def test_a_key_without_the_right_to_write_is_refused(known: KnownKeys) -> None:
    _, text = create_key(name="x", rights=Rights(all_feeds=True, read=True))
    hot_write.known_keys.add((text.split("_")[1], "0" * 64), [])

    Api(text).post(PATH, BODY).problem(403)


def test_a_secret_that_is_wrong_is_refused(known: KnownKeys) -> None:
    _, text = create_key(name="x", rights=Rights(all_feeds=True, write=True))
    assert 201 == Api(text).post(PATH, BODY).status
    wrong = text[:-1] + ("a" if text[-1] != "a" else "b")

    Api(wrong).post(PATH, BODY).problem(401)


def test_the_server_parses_its_statement_once() -> None:
    api = writer(all_feeds=True, write=True)
    for _ in range(3):
        assert 201 == api.post(PATH, BODY).status

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generic_plans + custom_plans FROM pg_prepared_statements"
            " WHERE statement LIKE '%INSERT INTO aviso.records%'"
        )
        executed = cursor.fetchall()

    assert [(2,)] == executed


def test_a_feed_with_a_schema_is_left_to_the_long_way(statements: list[str]) -> None:
    api = writer(all_feeds=True, write=True)
    assert 201 == api.post(PATH, BODY).status
    Feed.objects.filter(slug="orders").update(schema={"required": ["x"]})

    api.post(PATH, BODY).problem(422)


def test_a_write_whose_outcome_nobody_knows_is_not_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = writer(all_feeds=True, write=True)
    assert 201 == api.post(PATH, BODY).status

    def lose(*_: object) -> None:
        with connection.wrap_database_errors:
            raise psycopg.OperationalError("server closed the connection")

    monkeypatch.setattr(hot_write, "_execute", lose)
    reply = api.post(PATH, BODY)

    reply.problem(503)
    assert "Retry-After" in reply.headers
    assert 1 == Record.objects.count()


@pytest.mark.parametrize(
    ("error", "status"),
    [(OperationalError("no connection"), 503), (KeyError("x"), 500)],
)
def test_what_goes_wrong_here_is_answered_as_anywhere(
    monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    api = writer(all_feeds=True, write=True)
    assert 201 == api.post(PATH, BODY).status

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("aviso.records.hot_write.quotas.take", fail)

    api.post(PATH, BODY).problem(status)
    assert 1 == Record.objects.count()


def test_a_key_is_known_for_a_minute() -> None:
    now = [0.0]
    keys = KnownKeys(lambda: now[0])
    keys.add(("a", "b"), [("X-Frame-Options", "DENY")])
    assert [("X-Frame-Options", "DENY")] == keys.find(("a", "b"))

    now[0] = 60.0

    assert keys.find(("a", "b")) is None


def test_no_more_keys_are_known_than_a_thousand() -> None:
    keys = KnownKeys()
    for number in range(1001):
        keys.add((str(number), ""), [])

    assert keys.find(("0", "")) is None
    assert keys.find(("1000", "")) is not None
