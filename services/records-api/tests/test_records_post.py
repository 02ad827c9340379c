"""POST feeds/{feed}/records/: one record, or a list of them, all or none."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from aviso.events.models import Event
from aviso.exact_json.numbers import write_json
from aviso.feeds.models import Feed
from aviso.records import hot_write
from aviso.records.models import Record
from tests.api import Api, nothing_written

pytestmark = pytest.mark.django_db
PATH = "feeds/orders/records/"
KEY = "7d3c1f5e-2b4a-4c6d-8e9f-0a1b2c3d4e5f"


@pytest.fixture(autouse=True)
def _orders(orders: Feed) -> None:
    """Have the feed for every test here."""


class _Known:
    def __init__(self, *, is_known: bool) -> None:
        self._is_known = is_known

    def find(self, key: object) -> list[tuple[str, str]] | None:  # noqa: ARG002
        return [("X-Content-Type-Options", "nosniff")] if self._is_known else None

    def add(self, key: object, standing: object) -> None:
        """Learn nothing."""


@pytest.fixture(autouse=True, params=["the long way", "at once"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do every test by both ways, which answer alike."""
    known = _Known(is_known=request.param == "at once")
    monkeypatch.setattr(hot_write, "known_keys", known)


only_the_long_way = pytest.mark.parametrize("_way", ["the long way"], indirect=True)


def test_one_record_is_answered_with_the_record(api: Api) -> None:
    reply = api.post(PATH, {"data": {"item": "tea", "count": 4}})

    record = Record.objects.get()
    assert 201 == reply.status
    assert {
        "id": str(record.id),
        "feed": "orders",
        "version": 1,
        "created_at": record.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "updated_at": record.updated_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "data": {"item": "tea", "count": 4},
    } == reply.body
    assert '"1"' == reply.headers["ETag"]
    location = f"http://localhost:8080/api/v1/feeds/orders/records/{record.id}/"
    assert location == reply.headers["Location"]


def test_a_list_is_answered_with_the_ids_in_its_order(api: Api) -> None:
    reply = api.post(PATH, [{"data": {"n": n}} for n in range(1000)])

    rows = Record.objects.order_by("number").values_list("id", "data")
    assert 201 == reply.status
    assert reply.body == {"ids": [str(key) for key, _ in rows]}
    assert [{"n": n} for n in range(1000)] == [data for _, data in rows]
    events = Event.objects.order_by("changeset", "place")
    assert [{"n": n} for n in range(1000)] == [
        json.loads(event.data)["data"] for event in events
    ]


def test_a_list_of_one_is_a_list(api: Api) -> None:
    assert {"ids": [KEY]} == api.post(PATH, [{"id": KEY, "data": {}}]).body


@only_the_long_way
@pytest.mark.usefixtures("no_limits")
def test_a_list_costs_one_statement(api: Api, django_assert_num_queries: Any) -> None:
    api.get("feeds/")

    # The key, the feed, a savepoint in place of BEGIN and COMMIT, and the INSERT.
    with django_assert_num_queries(5):
        api.post(PATH, [{"data": {"n": n}} for n in range(500)])


def test_the_client_may_make_the_id(api: Api) -> None:
    reply = api.post(PATH, {"id": KEY.upper(), "data": {}})

    assert KEY == reply.body["id"]


def test_the_trace_of_the_request_travels_with_the_event(api: Api) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    api.post(PATH, {"data": {}}, traceparent=trace)

    assert trace == Event.objects.get().traceparent


@pytest.mark.parametrize(
    "trace", ["", "nonsense", f"00-{'0' * 32}-b7ad6b7169203331-01"]
)
def test_a_request_without_a_trace_gets_one(api: Api, trace: str) -> None:
    api.post(PATH, {"data": {}}, traceparent=trace)

    given = Event.objects.get().traceparent
    assert given is not None
    assert (55, "00-") == (len(given), given[:3])
    assert trace != given


def test_every_character_and_number_comes_back_as_it_was(api: Api) -> None:
    data = {
        "café": '😀 \u2028 \x7f \x01\x08\n \ufffe "q" \\ </script> 日本語',
        "big": 10**300,
        "float": 0.1,
        "tiny": 5e-324,
        "nothing": None,
        "yes": True,
        "": {"": [[], {}]},
    }

    reply = api.post(PATH, {"data": data})

    assert data == reply.body["data"]
    assert data == json.loads(write_json(Record.objects.get().data))


def test_the_last_of_two_equal_names_counts(api: Api) -> None:
    reply = api.post(PATH, b'{"data": {"a": 1, "a": 2}}')

    assert {"a": 2} == reply.body["data"]


def test_64_levels_fit_and_65_do_not(api: Api) -> None:
    def nest(levels: int) -> Any:
        data: Any = {}
        for _ in range(levels - 1):
            data = {"a": data}
        return data

    assert 201 == api.post(PATH, {"data": nest(64)}).status
    assert 201 == api.post(PATH, [{"data": nest(64)}]).status
    problem = api.post(PATH, {"data": nest(65)}).problem(400)
    assert "64 levels" in problem["detail"]


def test_64_kib_as_stored_fit_and_one_byte_more_does_not(api: Api) -> None:
    frame = len('{"a": ""}')

    assert 201 == api.post(PATH, {"data": {"a": "x" * (65536 - frame)}}).status
    problem = api.post(PATH, {"data": {"a": "x" * (65537 - frame)}}).problem(413)

    assert "/data" == problem["pointer"]
    assert 1 == Record.objects.count()


def test_the_too_large_one_of_a_list_is_named_and_none_is_written(api: Api) -> None:
    records: list[Any] = [{"data": {"n": n}} for n in range(5)]
    records[3] = {"data": {"a": "x" * 70_000}}

    problem = api.post(PATH, records).problem(413)

    assert (3, "/3/data") == (problem["index"], problem["pointer"])
    assert nothing_written()


@pytest.mark.parametrize("count", [0, 1001])
def test_a_list_holds_1_to_1000_records(api: Api, count: int) -> None:
    problem = api.post(PATH, [{"data": {}}] * count).problem(400)

    assert str(count) in problem["detail"]
    assert nothing_written()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"data": []}, "/data"),
        ({"data": "x"}, "/data"),
        ({"data": None}, "/data"),
        ({}, "/data"),
        ({"item": "tea"}, "/item"),
        ({"data": {}, "version": 7}, "/version"),
        ({"data": {}, "a/b~c": 7}, "/a~1b~0c"),
        ({"data": {}, "id": "1"}, "/id"),
        ({"data": {}, "id": 1}, "/id"),
        ({"data": {}, "id": f"{{{KEY}}}"}, "/id"),
        ("text", ""),
        (None, ""),
        (5, ""),
    ],
)
def test_what_is_no_record_is_refused_and_named(
    api: Api, body: Any, pointer: str
) -> None:
    problem = api.post(PATH, body).problem(400)

    assert pointer == problem["pointer"]
    assert nothing_written()


@pytest.mark.parametrize("wrong", [{"data": []}, {}, 5, [], {"data": {}, "id": ""}])
def test_the_wrong_one_of_a_list_is_named_and_none_is_written(
    api: Api, wrong: Any
) -> None:
    problem = api.post(PATH, [{"data": {}}, {"data": {}}, wrong]).problem(400)

    assert 2 == problem["index"]
    assert problem["pointer"].startswith("/2")
    assert nothing_written()


def test_an_id_stands_in_a_list_only_once(api: Api) -> None:
    problem = api.post(PATH, [{"id": KEY, "data": {}}] * 2).problem(400)

    assert 1 == problem["index"]
    assert nothing_written()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"data": {"a": NaN}}',
        b'{"data": {"a": Infinity}}',
        b'{"data": {"a": -Infinity}}',
        b'{"data": {"a": 1e131072}}',
        b'{"data": {"a": 1' + b"0" * 131_072 + b"}}",
        b'{"data": {"a": "\\u0000"}}',
        b'{"data": {"a\\u0000": 1}}',
        b'{"data": {"a": "\x00"}}',
        b'{"data": {"a": "\\ud800"}}',
        b'{"data": {"\\udfff": 1}}',
        b'{"data": {"a": ["\\ud800 \\ud800\\udc00"]}}',
        b'{"data": {"a": "\xff"}}',
        b'{"data": {"a": "\xed\xa0\x80"}}',
        b'{"data": {"a": 1}} trailing',
        b'\xef\xbb\xbf{"data": {}}',
        b'{"data": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
        b'{"data": {"a":' + b"[" * 66 + b"]" * 66 + b"}}",
    ],
)
def test_bad_json_is_refused_and_nothing_is_written(api: Api, body: bytes) -> None:
    problem = api.post(PATH, body).problem(400)

    assert len(problem["detail"]) < 300
    assert nothing_written()


def test_a_pair_of_surrogates_is_one_character(api: Api) -> None:
    reply = api.post(PATH, b'{"data": {"a": "\\ud83d\\ude00"}}')

    assert {"a": "😀"} == reply.body["data"]


def test_what_is_wrong_in_a_string_is_pointed_at(api: Api) -> None:
    problem = api.post(PATH, b'{"data": {"a": [1, "\\u0000"]}}').problem(400)

    assert "/data/a/1" == problem["pointer"]


@pytest.mark.parametrize("media_type", ["text/plain", "multipart/form-data", ""])
def test_another_media_type_is_refused(api: Api, media_type: str) -> None:
    api.post(PATH, {"data": {}}, **{"Content-Type": media_type}).problem(415)

    assert nothing_written()


def test_a_charset_in_the_media_type_does_no_harm(api: Api) -> None:
    media_type = "application/json; charset=utf-8"

    reply = api.post(PATH, {"data": {}}, **{"Content-Type": media_type})

    assert 201 == reply.status


def test_an_unknown_feed_is_not_found(api: Api) -> None:
    problem = api.post("feeds/nothing/records/", {"data": {}}).problem(404)

    assert "nothing" in problem["detail"]
    assert nothing_written()


def test_data_against_the_schema_is_refused_and_pointed_at(api: Api) -> None:
    Feed.objects.update(schema={"properties": {"n": {"type": "integer"}}})

    problem = api.post(PATH, {"data": {"n": "x"}}).problem(422)

    assert "/data/n" == problem["pointer"]
    assert "schema" in problem["detail"]
    assert nothing_written()


def test_the_one_of_a_list_that_is_against_the_schema_is_named(api: Api) -> None:
    Feed.objects.update(schema={"required": ["n"]})

    problem = api.post(PATH, [{"data": {"n": 1}}, {"data": {}}]).problem(422)

    assert (1, "/1/data") == (problem["index"], problem["pointer"])
    assert nothing_written()


def test_data_that_meets_the_schema_is_written(api: Api) -> None:
    Feed.objects.update(schema={"required": ["n"]})

    assert 201 == api.post(PATH, {"data": {"n": 1}}).status


def test_the_same_id_and_data_again_answer_with_the_first_record(api: Api) -> None:
    body = {"id": KEY, "data": {"a": 1, "b": [2.0]}}
    first = api.post(PATH, body)

    again = api.post(PATH, {"id": KEY, "data": {"b": [2], "a": 1}})

    assert (201, first.body) == (again.status, again.body)
    assert (1, 1) == (Record.objects.count(), Event.objects.count())


def test_the_first_answer_comes_even_after_the_record_changed(api: Api) -> None:
    body = {"id": KEY, "data": {"a": 1}}
    first = api.post(PATH, body)
    api.put(f"{PATH}{KEY}/", {"data": {"a": 2}})

    assert first.body == api.post(PATH, body).body
    assert {"a": 2} == Record.objects.get().data


def test_a_late_copy_of_a_write_does_not_bring_a_deleted_record_back(
    api: Api,
) -> None:
    body = {"id": KEY, "data": {"a": 1}}
    first = api.post(PATH, body)
    api.delete(f"{PATH}{KEY}/")

    assert first.body == api.post(PATH, body).body
    assert not Record.objects.exists()


def test_the_same_id_with_other_data_conflicts(api: Api) -> None:
    api.post(PATH, {"id": KEY, "data": {"a": 1}})

    problem = api.post(PATH, {"id": KEY, "data": {"a": 2}}).problem(409)

    assert ("/id", True) == (problem["pointer"], KEY in problem["detail"])
    assert 1 == Event.objects.count()


def test_an_id_of_another_feed_conflicts(api: Api) -> None:
    Feed.objects.create(slug="others")
    api.post("feeds/others/records/", {"id": KEY, "data": {"a": 1}})

    api.post(PATH, {"id": KEY, "data": {"a": 1}}).problem(409)


def test_a_list_with_a_taken_id_is_refused_whole_and_names_it(api: Api) -> None:
    api.post(PATH, {"id": KEY, "data": {"a": 1}})

    problem = api.post(PATH, [{"data": {}}, {"id": KEY, "data": {}}]).problem(409)

    assert (1, "/1/id") == (problem["index"], problem["pointer"])
    assert 1 == Record.objects.count()


def test_a_list_again_in_other_pieces_writes_what_is_missing(api: Api) -> None:
    keys = [str(uuid.UUID(int=n)) for n in range(6)]
    records = [{"id": key, "data": {"key": key}} for key in keys]
    api.post(PATH, records[:4])

    reply = api.post(PATH, records)

    assert {"ids": keys} == reply.body
    assert 6 == Event.objects.count()


def test_an_expected_size_of_one_request_is_8_mib(api: Api) -> None:
    padding = b" " * (8 * 1024 * 1024 - 12)

    assert 201 == api.post(PATH, b'{"data": {}}' + padding).status
    api.post(PATH, b'{"data": {}} ' + padding).problem(413)
    assert 1 == Record.objects.count()


def test_json_of_a_thousand_records_of_8_kib_is_written(api: Api) -> None:
    records = [{"data": {"n": n, "text": "x" * 8000}} for n in range(1000)]
    assert len(json.dumps(records)) < 8 * 1024 * 1024

    assert 1000 == len(api.post(PATH, records).body["ids"])


@only_the_long_way
@pytest.mark.usefixtures("no_limits")
@pytest.mark.django_db(transaction=True)
def test_one_record_takes_three_ways_to_the_database(api: Api) -> None:
    api.post(PATH, {"data": {}})  # notes the key's use

    with CaptureQueriesContext(connection) as asked:
        api.post(PATH, {"data": {}})

    first_words = [query["sql"].split(None, 1)[0] for query in asked.captured_queries]
    assert ["SELECT", "SELECT", "INSERT"] == first_words


@pytest.mark.django_db(transaction=True)
def test_a_list_that_is_refused_in_its_middle_leaves_nothing(api: Api) -> None:
    api.post(PATH, {"id": KEY, "data": {}})

    api.post(PATH, [{"data": {}}, {"id": KEY, "data": {"n": 1}}]).problem(409)

    assert (1, 1) == (Record.objects.count(), Event.objects.count())
