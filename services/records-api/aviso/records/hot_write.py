"""The way that most writes take: records for a feed, under a key that was here before.

One statement finds the key, the feed and the right to write, and inserts; nothing of
the framework runs that such a write does not use. Whatever is unusual, or goes wrong,
goes the long way (views.py), which has not seen any of it: nothing is refused here, and
what both ways take they answer alike.

- The body is read only where the long way let the same key in within the last minute.
  Whether it still may is asked anew by each statement; the minute only says that it is
  no stranger who sends it, and has the use of the key written down once a minute.
- A record's data goes to PostgreSQL as it came: its own parser has the last word.
"""

from __future__ import annotations

import hashlib
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
import psycopg
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch, resolve

from aviso.access.keys import KEY_FORMAT
from aviso.access.quotas import quotas
from aviso.conf import conf
from aviso.database.failures import Failure, classify
from aviso.records.bodies import MAX_DEPTH, MAX_RECORDS
from aviso.records.rendering import RECORD_COLUMNS, RecordRow, locate, render_record
from aviso.rest.answers import MEDIA_TYPE, answer_json
from aviso.rest.errors import answer_exception
from aviso.rest.trace import trace_of

Answer = Callable[[HttpRequest], HttpResponseBase]

_PATH = re.compile(r"/api/v1/feeds/([a-z0-9-]{1,64})/records/")
_KNOWN_FOR_S = 60.0
_MAX_KNOWN = 1_000
# Held in memory twice; Django itself holds no more than 2.5 MiB.
_MAX_BODY_BYTES = 1024 * 1024
_LEFT_NOTHING = {Failure.VALUE, Failure.CONSTRAINT}
# What may stand for a character that PostgreSQL can not store.
_ESCAPE = b"\\u"
_OPENED = """
    WITH opened AS MATERIALIZED (
        SELECT f.slug FROM aviso.feeds f, aviso.api_keys k
        WHERE f.slug = %(feed)s AND f.schema IS NULL
            AND k.id = %(key)s AND k.secret_sha256 = %(secret)s
            AND k.revoked_at IS NULL
            AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())
            AND k.may_write AND (k.all_feeds OR f.slug = ANY (k.feeds))
            AND NOT EXISTS (SELECT FROM aviso.tracked_feeds t
                WHERE t.feed = f.slug AND t.tracked IS NOT NULL)
    )
"""
_INSERT_ONE = f"""
    {_OPENED}
    INSERT INTO aviso.records (id, feed, data)
    SELECT %(id)s::uuid, opened.slug, %(data)s::text::jsonb
    FROM opened, set_config('aviso.traceparent', %(trace)s, true)
    RETURNING {RECORD_COLUMNS}
"""
_INSERT_MANY = f"""
    {_OPENED}
    INSERT INTO aviso.records (id, feed, data)
    SELECT given.id, opened.slug, given.data::jsonb
    FROM opened, set_config('aviso.traceparent', %(trace)s, true),
         unnest(%(ids)s::uuid[], %(data)s::text[])
             WITH ORDINALITY AS given (id, data, position)
    ORDER BY given.position
"""


class _Given(msgspec.Struct, forbid_unknown_fields=True):
    """A record to be, without an id of the client's."""

    data: msgspec.Raw


@dataclass(frozen=True, slots=True)
class _Wish:
    feed: str
    key: str
    secret_sha256: str
    trace: str
    data: list[str]
    is_list: bool


_ONE = msgspec.json.Decoder(_Given)
_MANY = msgspec.json.Decoder(list[_Given])


class KnownKeys:
    """Keys that the long way found valid a moment ago: id and hash of the secret."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[tuple[str, str], float] = {}

    def add(self, key: tuple[str, str]) -> None:
        if len(self._until) >= _MAX_KNOWN:
            self._until.clear()
        self._until[key] = self._clock() + _KNOWN_FOR_S

    def __contains__(self, key: tuple[str, str]) -> bool:
        return self._until.get(key, 0.0) > self._clock()


known_keys = KnownKeys()


def write_at_once(get_response: Answer) -> Answer:
    """Answer a usual write in one statement; hand everything else on."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        if request.method != "POST" or request.META.get("QUERY_STRING"):
            return get_response(request)
        path = _PATH.fullmatch(request.path)
        key = _read_key(request)
        if path is None or key is None:
            return get_response(request)
        if key not in known_keys:
            return _remember(get_response(request), key)
        return _write(request, path[1], key) or get_response(request)

    return answer


def _remember(response: HttpResponseBase, key: tuple[str, str]) -> HttpResponseBase:
    if response.status_code == HTTPStatus.CREATED:
        known_keys.add(key)
    return response


def _write(
    request: HttpRequest, feed: str, key: tuple[str, str]
) -> HttpResponseBase | None:
    """Return the answer; None where the long way has to find it."""
    if not _is_usual(request) or quotas.take(f"key:{key[0]}", conf.throttle_key):
        return None
    given = _read_data(request.body)
    if given is None:
        return None
    data, is_list = given
    wish = _Wish(feed, *key, trace_of(request), data, is_list)
    try:
        body, headers = _insert(wish)
    except _NotOpen:
        return None
    except DatabaseError as exc:
        # Said by the server of this statement: nothing was written. Otherwise it may
        # have been, and must not be tried again.
        if classify(exc) in _LEFT_NOTHING:
            return None
        return answer_exception(exc, {})
    request.resolver_match = _route(request.path)
    response = answer_json(body, status=HTTPStatus.CREATED, headers=headers)
    response["X-Frame-Options"] = "DENY"
    return response


def _read_key(request: HttpRequest) -> tuple[str, str] | None:
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    found = KEY_FORMAT.fullmatch(text.strip()) if scheme.lower() == "bearer" else None
    if found is None:
        return None
    return found[1], hashlib.sha256(found[2].encode()).hexdigest()


def _is_usual(request: HttpRequest) -> bool:
    headers = request.headers
    if any(name in headers for name in ("Idempotency-Key", "Transfer-Encoding")):
        return False
    accepts = headers.get("Accept", "*/*")
    return (
        request.content_type == MEDIA_TYPE
        and ("*/*" in accepts or MEDIA_TYPE in accepts)
        and 0 < int(request.META.get("CONTENT_LENGTH") or 0) <= _MAX_BODY_BYTES
    )


def _read_data(body: bytes) -> tuple[list[str], bool] | None:
    """Return the texts of the records' data, and whether the body is a list of them."""
    if _ESCAPE in body:
        return None
    try:
        is_list = body.lstrip()[:1] == b"["
        given = _MANY.decode(body) if is_list else [_ONE.decode(body)]
        texts = [bytes(each.data).decode() for each in given]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not 1 <= len(texts) <= MAX_RECORDS or not all(map(_is_plain, texts)):
        return None
    return texts, is_list


def _is_plain(text: str) -> bool:
    """Tell whether it is an object, not too deep though brackets in strings count."""
    return text.startswith("{") and text.count("{") + text.count("[") <= MAX_DEPTH


class _NotOpen(Exception):
    """No such key, no such feed, no right, or a schema to be met."""


def _insert(wish: _Wish) -> tuple[str, dict[str, str]]:
    """Insert all or nothing, and return the answer's body and headers.

    Raises _NotOpen or DatabaseError.
    """
    values: dict[str, Any] = {
        "feed": wish.feed,
        "key": wish.key,
        "secret": wish.secret_sha256,
        "trace": wish.trace,
    }
    ids = [uuid.uuid4() for _ in wish.data]
    if wish.is_list:
        if _execute(_INSERT_MANY, values | {"ids": ids, "data": wish.data})[1] == 0:
            raise _NotOpen
        return f'{{"ids":[{",".join(f"{_quote(each)}" for each in ids)}]}}', {}
    rows, _ = _execute(_INSERT_ONE, values | {"id": ids[0], "data": wish.data[0]})
    if not rows:
        raise _NotOpen
    record = RecordRow(*rows[0])
    headers = {"Location": locate(record), "ETag": record.etag}
    return render_record(record), headers


def _quote(each: uuid.UUID) -> str:
    return f'"{each}"'


def _execute(statement: str, values: dict[str, Any]) -> tuple[list[Any], int]:
    """Execute, prepared by the server at its first use; return rows and count.

    Django's own cursors put the values into the text, which is planned each time.
    """
    if connection.in_atomic_block:
        # Somebody's transaction has to outlive a refusal.
        with transaction.atomic():
            return _execute_prepared(statement, values)
    return _execute_prepared(statement, values)


def _execute_prepared(statement: str, values: dict[str, Any]) -> tuple[list[Any], int]:
    connection.ensure_connection()
    with (
        connection.wrap_database_errors,
        psycopg.Cursor(connection.connection) as cursor,
    ):
        cursor.execute(statement, values, prepare=True)
        rows = cursor.fetchall() if cursor.description else []
        return rows, cursor.rowcount


_routes: dict[str, ResolverMatch] = {}


def _route(path: str) -> ResolverMatch:
    """Return the route of the long way: the request is counted under it."""
    if "route" not in _routes:
        _routes["route"] = resolve(path)
    return _routes["route"]
