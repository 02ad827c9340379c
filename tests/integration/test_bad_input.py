"""Bad input gets a problem that a person understands, and writes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from . import curl
from .api import PROBLEM, Answer, Api
from .database import Database
from .running import Stack

STORED_MAX_BYTES = 65536
EMPTY_BYTES = len('{"a": ""}')  # as PostgreSQL writes it


def nested(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


BODIES: dict[str, tuple[int, bytes]] = {
    "malformed": (400, b'{"data": {"a": 1}'),
    "empty": (400, b""),
    "not utf-8": (400, b'{"data": {"a": "\xff"}}'),
    "NaN": (400, b'{"data": {"a": NaN}}'),
    "no data": (400, b"{}"),
    "data is a list": (400, b'{"data": [1, 2]}'),
    "data is a text": (400, b'{"data": "text"}'),
    "data is null": (400, b'{"data": null}'),
    "id is no uuid": (400, b'{"id": "one", "data": {}}'),
    "64 KiB and 1": (
        413,
        json.dumps(
            {"data": {"a": "x" * (STORED_MAX_BYTES + 1 - EMPTY_BYTES)}}
        ).encode(),
    ),
    "1001 records": (400, json.dumps([{"data": {}}] * 1001).encode()),
    "no records": (400, b"[]"),
    "NUL": (400, rb'{"data": {"a": "nul \u0000 here"}}'),
    "NUL in a name": (400, rb'{"data": {"nul \u0000 here": 1}}'),
    "lone surrogate": (400, rb'{"data": {"a": "lone \ud800 here"}}'),
    "deep": (400, b'{"data": ' + nested(10_000).encode() + b"}"),
    "65 levels": (400, b'{"data": ' + nested(65).encode() + b"}"),
    "one bad in a list": (400, b'[{"data": {"n": 1}}, {"data": 2}, {"data": {}}]'),
    "one too big in a list": (
        413,
        json.dumps([{"data": {}}, {"data": {"a": "x" * STORED_MAX_BYTES}}]).encode(),
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_bad_body_is_refused_and_nothing_is_written(
    name: str, api: Api, database: Database, feed: str
) -> None:
    status, body = BODIES[name]

    answer = api.call("POST", f"feeds/{feed}/records/", body)

    check_problem(answer, status)
    assert count_records(database, feed) == 0


def test_a_request_of_more_than_8_mib_is_refused(
    stack: Stack, database: Database, feed: str
) -> None:
    """Before it is read: curl waits for the answer as HTTP lets it (100-continue)."""
    url = f"{stack.url}/api/v1/feeds/{feed}/records/"
    body = b'{"data": {}}' + b" " * (8 * 2**20)

    status, kind, problem = curl.post(url, stack.facts["api_key"], body)

    assert (status, kind, problem["status"]) == (413, PROBLEM, 413)
    assert count_records(database, feed) == 0


def test_a_record_of_64_kib_is_taken(api: Api, database: Database, feed: str) -> None:
    api.write(feed, {"a": "x" * (STORED_MAX_BYTES - EMPTY_BYTES)})

    assert count_records(database, feed) == 1


def test_a_record_of_64_levels_is_taken(api: Api, feed: str) -> None:
    body = b'{"data": ' + nested(64).encode() + b"}"

    assert api.call("POST", f"feeds/{feed}/records/", body).status == 201


def test_an_unknown_feed_is_not_found(api: Api) -> None:
    answer = api.call("POST", "feeds/no-such-feed/records/", {"data": {}})

    check_problem(answer, 404)


def test_another_media_type_is_refused(api: Api, feed: str) -> None:
    answer = api.call(
        "POST",
        f"feeds/{feed}/records/",
        b"data=1",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )

    check_problem(answer, 415)


def test_a_record_against_the_schema_is_refused_and_named(
    api: Api, database: Database, feed: str
) -> None:
    schema = {
        "type": "object",
        "required": ["count"],
        "properties": {"count": {"type": "integer"}},
    }
    assert api.call("PATCH", f"feeds/{feed}/", {"schema": schema}).status == 200

    answer = api.call("POST", f"feeds/{feed}/records/", {"data": {"count": "many"}})
    in_a_list = api.call(
        "POST",
        f"feeds/{feed}/records/",
        [{"data": {"count": 1}}, {"data": {"count": "many"}}],
    )

    check_problem(answer, 422)
    assert "count" in json.dumps(answer.json)
    check_problem(in_a_list, 422)
    assert count_records(database, feed) == 0


@pytest.mark.parametrize("key", ["", "wrong", "aviso_0123456789ab_wrong"])
def test_without_a_valid_key_nothing_is_written(
    key: str, stack: Stack, database: Database, feed: str
) -> None:
    api = Api(stack.url, key)

    answer = api.call("POST", f"feeds/{feed}/records/", {"data": {}})
    api.close()

    check_problem(answer, 401)
    assert count_records(database, feed) == 0


def test_a_revoked_key_is_refused(stack: Stack, database: Database, feed: str) -> None:
    key = stack.manage("create_key", "to be revoked", f"--feeds={feed}", "--write")
    api = Api(stack.url, key)
    api.write(feed, {"n": 1})

    stack.manage("revoke_key", key_id(key))
    answer = api.call("POST", f"feeds/{feed}/records/", {"data": {"n": 2}})
    api.close()

    check_problem(answer, 401)
    assert count_records(database, feed) == 1


def test_a_key_for_another_feed_may_not_write(
    stack: Stack, api: Api, database: Database, feed: str
) -> None:
    other = f"{feed[:50]}-other"
    api.create_feed(other)
    key = stack.manage("create_key", "of another", f"--feeds={other}", "--write")
    theirs = Api(stack.url, key)

    answer = theirs.call("POST", f"feeds/{feed}/records/", {"data": {}})
    theirs.close()

    check_problem(answer, 403)
    assert count_records(database, feed) == 0


def key_id(key: str) -> str:
    """`aviso_<id>_<secret>`"""
    return key.split("_")[1]


def check_problem(answer: Answer, status: int) -> None:
    """Check status and form (RFC 9457): one sentence for a person, as problem+json."""
    assert (answer.status, answer.kind) == (status, PROBLEM), answer.body[:500]
    problem: dict[str, Any] = answer.json
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"].strip()


def count_records(database: Database, feed: str) -> int:
    count: int = database.value("SELECT count(*) FROM records WHERE feed = %s", [feed])
    return count
