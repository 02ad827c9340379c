"""GET, PUT, PATCH and DELETE feeds/{feed}/records/{id}/."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from aviso.events.models import Event
from aviso.feeds.models import Feed
from aviso.records.models import Record
from tests.api import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def record(orders: Feed) -> Record:
    return Record.objects.create(
        feed=orders, data={"a": 1, "deep": {"b": 2, "c": 3}, "list": [1, 2]}
    )


@pytest.fixture
def path(record: Record) -> str:
    return f"feeds/orders/records/{record.id}/"


def event_types() -> list[str]:
    return list(
        Event.objects.order_by("changeset", "place").values_list("type", flat=True)
    )


def test_a_record_comes_with_its_etag(anonymous: Api, path: str) -> None:
    reply = anonymous.get(path)

    assert (200, '"1"') == (reply.status, reply.headers["ETag"])


def test_a_record_that_is_known_is_not_sent_again(anonymous: Api, path: str) -> None:
    reply = anonymous.get(path, If_None_Match='"1"')

    assert (304, b"") == (reply.status, reply.content)
    assert 200 == anonymous.get(path, If_None_Match='"2"').status


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_a_record_that_is_not_there_is_not_found(
    api: Api, orders: Feed, method: str
) -> None:
    path = f"feeds/orders/records/{uuid.uuid4()}/"

    api.call(method, path, {"data": {}}).problem(404)


def test_what_is_no_uuid_is_not_found(api: Api, orders: Feed) -> None:
    api.get("feeds/orders/records/5/").problem(404)


def test_an_id_in_capitals_is_the_same_id(anonymous: Api, record: Record) -> None:
    key = str(record.id).upper()

    assert 200 == anonymous.get(f"feeds/orders/records/{key}/").status


def test_put_replaces_the_data(api: Api, path: str) -> None:
    reply = api.put(path, {"data": {"new": True}})

    record = Record.objects.get()
    assert (200, '"2"') == (reply.status, reply.headers["ETag"])
    assert ({"new": True}, 2) == (reply.body["data"], reply.body["version"])
    assert {"new": True} == record.data
    assert reply.body == api.get(path).body
    assert ["created", "updated"] == event_types()


def test_put_of_equal_data_changes_nothing(api: Api, path: str, record: Record) -> None:
    reply = api.put(path, {"data": record.data})

    assert (200, 1) == (reply.status, reply.body["version"])
    assert ["created"] == event_types()


def test_the_trace_of_a_change_travels_with_its_event(api: Api, path: str) -> None:
    traces = [f"00-{n:032x}-b7ad6b7169203331-01" for n in (1, 2, 3)]

    api.put(path, {"data": {}}, traceparent=traces[0])
    api.patch(path, {"data": {"a": 5}}, traceparent=traces[1])
    api.delete(path, traceparent=traces[2])

    found = Event.objects.order_by("changeset", "place").values_list(
        "traceparent", flat=True
    )
    assert traces == list(found)[1:]


@pytest.mark.parametrize(
    ("patch", "merged"),
    [
        ({}, {"a": 1, "deep": {"b": 2, "c": 3}, "list": [1, 2]}),
        ({"a": 9}, {"a": 9, "deep": {"b": 2, "c": 3}, "list": [1, 2]}),
        ({"a": None}, {"deep": {"b": 2, "c": 3}, "list": [1, 2]}),
        ({"z": None}, {"a": 1, "deep": {"b": 2, "c": 3}, "list": [1, 2]}),
        ({"deep": {"b": None}}, {"a": 1, "deep": {"c": 3}, "list": [1, 2]}),
        ({"deep": {"d": {"e": None}}, "a": None, "list": []},
         {"deep": {"b": 2, "c": 3, "d": {}}, "list": []}),
        ({"a": {"x": 1}}, {"a": {"x": 1}, "deep": {"b": 2, "c": 3}, "list": [1, 2]}),
        ({"deep": [None]}, {"a": 1, "deep": [None], "list": [1, 2]}),
        ({"list": {"0": 9}}, {"a": 1, "deep": {"b": 2, "c": 3}, "list": {"0": 9}}),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "media_type", ["application/json", "application/merge-patch+json"]
)
def test_patch_merges_into_the_data(
    api: Api, path: str, patch: Any, merged: Any, media_type: str
) -> None:
    reply = api.patch(path, {"data": patch}, **{"Content-Type": media_type})

    assert (200, merged) == (reply.status, reply.body["data"])
    assert merged == Record.objects.get().data


def test_a_patch_that_changes_nothing_makes_no_event(api: Api, path: str) -> None:
    api.patch(path, {"data": {"a": 1, "z": None}})

    assert ["created"] == event_types()


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_rfc_7396_come_out_as_printed(
    api: Api, orders: Feed, target: Any, patch: Any, result: Any
) -> None:
    record = Record.objects.create(feed=orders, data=target)

    reply = api.patch(f"feeds/orders/records/{record.id}/", {"data": patch})

    assert result == reply.body["data"]


def test_delete_leaves_nothing_but_the_event(api: Api, path: str) -> None:
    reply = api.delete(path)

    assert (204, b"") == (reply.status, reply.content)
    assert not Record.objects.exists()
    assert ["created", "deleted"] == event_types()
    api.get(path).problem(404)
    api.delete(path).problem(404)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_if_match_lets_only_the_named_version_be_changed(
    api: Api, path: str, method: str
) -> None:
    body = {"data": {"a": 5}}

    refused = api.call(method, path, body, If_Match='"2"').problem(412)
    assert "If-Match" == refused["field"]
    assert ["created"] == event_types()

    assert api.call(method, path, body, If_Match='"1"').status in {200, 204}
    assert 2 == len(event_types())


@pytest.mark.parametrize("header", ['W/"1"', '"x"', "1", "", '"2", "3"'])
def test_a_tag_that_is_not_the_versions_matches_nothing(
    api: Api, path: str, header: str
) -> None:
    api.put(path, {"data": {}}, If_Match=header).problem(412)


@pytest.mark.parametrize("header", ["*", '"1"', '"9", "1"'])
def test_a_tag_that_is_the_versions_matches(api: Api, path: str, header: str) -> None:
    assert 200 == api.put(path, {"data": {}}, If_Match=header).status


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({}, 400, "/data"),
        ({"data": []}, 400, "/data"),
        ({"data": None}, 400, "/data"),
        ({"data": {}, "id": "x"}, 400, "/id"),
        ({"data": {}, "feed": "others"}, 400, "/feed"),
        ([{"data": {}}], 400, ""),
        ({"data": {"z": "x" * 65536}}, 413, "/data"),
        ({"data": {"a": "text"}}, 422, "/data/a"),
    ],
)
def test_a_wrong_change_is_refused_and_changes_nothing(
    api: Api, path: str, method: str, body: Any, status: int, pointer: str
) -> None:
    Feed.objects.update(schema={"properties": {"a": {"type": "integer"}}})

    problem = api.call(method, path, body).problem(status)

    assert pointer == problem["pointer"]
    assert ["created"] == event_types()
    assert 1 == Record.objects.get().version


def test_a_patch_is_checked_as_it_comes_out(api: Api, path: str) -> None:
    Feed.objects.update(schema={"required": ["deep"]})

    api.patch(path, {"data": {"deep": None}}).problem(422)

    assert ["created"] == event_types()


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_bad_json_is_refused(api: Api, path: str, method: str) -> None:
    api.call(method, path, b'{"data": {"a": "\\u0000"}}').problem(400)


def test_merge_patch_is_no_media_type_for_put(api: Api, path: str) -> None:
    media_type = {"Content-Type": "application/merge-patch+json"}

    api.put(path, {"data": {}}, **media_type).problem(415)


def test_a_feed_cannot_reach_the_record_of_another(api: Api, record: Record) -> None:
    Feed.objects.create(slug="others")
    path = f"feeds/others/records/{record.id}/"

    api.put(path, {"data": {}}).problem(404)
    api.patch(path, {"data": {}}).problem(404)
    api.delete(path).problem(404)
    assert ["created"] == event_types()
