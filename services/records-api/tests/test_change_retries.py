"""A change that is sent again with its Idempotency-Key; and where no key is kept."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from aviso.events.models import Event
from aviso.feeds.models import Feed
from aviso.records.models import IdempotencyKey, Record
from tests.api import Api, make_api

pytestmark = pytest.mark.django_db
METHODS = ["PUT", "PATCH", "DELETE"]
BODY = {"data": {"a": 5}}


@pytest.fixture
def path(orders: Feed) -> str:
    record = Record.objects.create(feed=orders, data={"a": 1, "b": 2})
    return f"feeds/orders/records/{record.id}/"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("headers", [{}, {"If_Match": '"1"'}])
def test_the_same_change_again_answers_the_same_and_changes_nothing(
    api: Api, path: str, method: str, headers: dict[str, str]
) -> None:
    first = api.call(method, path, BODY, Idempotency_Key="k", **headers)
    assert first.status in {200, 204}, first.content
    if method != "DELETE":
        api.put(path, {"data": {"a": 6}})
    events = Event.objects.count()

    again = api.call(method, path, BODY, Idempotency_Key="k", **headers)

    assert (first.status, first.content) == (again.status, again.content)
    assert first.headers.get("ETag") == again.headers.get("ETag")
    assert events == Event.objects.count()


@pytest.mark.parametrize(
    ("method", "body", "headers"),
    [
        ("PATCH", {"data": {"a": 6}}, {"If_Match": '"1"'}),
        ("PUT", BODY, {"If_Match": '"1"'}),
        ("DELETE", BODY, {"If_Match": '"1"'}),
        ("PATCH", BODY, {"If_Match": '"2"'}),
        ("PATCH", BODY, {}),
    ],
)
def test_the_key_with_another_change_is_refused(
    api: Api, path: str, method: str, body: Any, headers: dict[str, str]
) -> None:
    api.patch(path, BODY, Idempotency_Key="k", If_Match='"1"')

    problem = api.call(method, path, body, Idempotency_Key="k", **headers).problem(422)

    assert "Idempotency-Key" == problem["field"]
    assert 2 == Record.objects.get().version


def test_a_change_does_not_get_the_answer_of_a_post(api: Api, path: str) -> None:
    api.post("feeds/orders/records/", BODY, Idempotency_Key="k")

    api.put(path, BODY, Idempotency_Key="k").problem(422)


@pytest.mark.parametrize("method", METHODS)
def test_a_refused_change_leaves_its_key_free(api: Api, path: str, method: str) -> None:
    api.call(method, path, BODY, Idempotency_Key="k", If_Match='"9"').problem(412)

    assert not IdempotencyKey.objects.exists()
    again = api.call(method, path, BODY, Idempotency_Key="k", If_Match='"1"')
    assert again.status in {200, 204}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "feeds/", {"slug": "made"}),
        ("PATCH", "feeds/orders/", {"title": "made"}),
        ("POST", "feeds/orders/readers/", {"reader": "ada@localhost"}),
        ("DELETE", "feeds/orders/readers/ada@localhost/", b""),
        ("POST", "tickets/", {"reader": "u-17", "feeds": ["orders"]}),
    ],
)
def test_where_no_key_is_kept_one_is_refused(
    api: Api, orders: Feed, method: str, path: str, body: Any
) -> None:
    problem = api.call(method, path, body, Idempotency_Key="k").problem(400)

    assert "Idempotency-Key" == problem["field"]
    assert not Feed.objects.exclude(slug="orders", title="").exists()
    assert not Event.objects.exists()


def test_every_call_that_changes_something_keeps_a_key_or_refuses_it(
    api: Api, orders: Feed
) -> None:
    document = yaml.safe_load(api.get("/api/schema/", Accept="*/*").content)
    keeping, refusing = set(), set()
    for path, item in document["paths"].items():
        place = path.format(feed="orders", reader="ada@localhost", record_id="r")
        for method in {"post", "put", "patch", "delete"} & set(item):
            named = {each["name"] for each in item[method].get("parameters", [])}
            if "Idempotency-Key" in named:
                keeping.add((method, path))
                continue
            reply = api.call(method.upper(), place, {}, Idempotency_Key="k")
            assert "Idempotency-Key" == reply.problem(400)["field"], (method, path)
            refusing.add((method, path))

    records = "/api/v1/feeds/{feed}/records/"
    kept = {
        (method, f"{records}{{record_id}}/") for method in ("put", "patch", "delete")
    }
    assert {("post", records), *kept} == keeping
    assert len(refusing) >= 5


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_who_may_only_write_learns_nothing_of_the_data(
    secrets: Feed, method: str
) -> None:
    writer = make_api(feeds=["secrets"], write=True)
    record = Record.objects.create(feed=secrets, data={"hidden": "in-no-answer"})
    path = f"feeds/secrets/records/{record.id}/"

    for body in [{"data": {}}, {"data": {"a": 1}}]:
        reply = writer.call(method, path, body)

        assert (200, f'"{reply.body["version"]}"') == (
            reply.status, reply.headers["ETag"],
        )  # fmt: skip
        names = {"id", "feed", "version", "created_at", "updated_at"}
        assert names == set(reply.body)


def test_who_may_only_write_learns_nothing_from_the_schema_either(
    secrets: Feed,
) -> None:
    writer = make_api(feeds=["secrets"], write=True)
    record = Record.objects.create(feed=secrets, data={"hidden": "in-no-answer"})
    Feed.objects.update(schema={"properties": {"hidden": {"type": "integer"}}})

    reply = writer.patch(f"feeds/secrets/records/{record.id}/", {"data": {}})

    assert "/data" == reply.problem(422)["pointer"]
    assert b"in-no-answer" not in reply.content
    assert b"hidden" not in reply.content


def test_who_writes_and_reads_gets_the_data(secrets: Feed, orders: Feed) -> None:
    both = make_api(feeds=["secrets"], read=True, write=True)
    writer = make_api(feeds=["orders"], write=True)
    for caller, feed in [(both, secrets), (writer, orders)]:
        record = Record.objects.create(feed=feed, data={"a": 1})

        reply = caller.patch(f"feeds/{feed.slug}/records/{record.id}/", {"data": {}})

        assert {"a": 1} == reply.body["data"]
