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
import io
import logging
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
import psycopg
from django.core.handlers.wsgi import WSGIRequest
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.http import HttpResponse
from django.urls import ResolverMatch, resolve

from aviso.access.keys import KEY_FORMAT
from aviso.access.quotas import quotas
from aviso.conf import conf
from aviso.database.failures import Failure, classify
from aviso.records.bodies import MAX_DEPTH, MAX_RECORDS
from aviso.records.rendering import RECORD_COLUMNS, RecordRow, locate, render_record
from aviso.rest.answers import MEDIA_TYPE
from aviso.rest.errors import answer_exception, server_error
from aviso.rest.trace import start_trace

logger = logging.getLogger("aviso.records.hot_write")

Headers = list[tuple[str, str]]
StartResponse = Callable[..., Any]
# WSGI's, whose answer is an iterable of bytes.
Application = Callable[[dict[str, Any], StartResponse], Any]

# aviso.monitoring.requests.note_answer
Note = Callable[..., None]

_PATH = re.compile(r"/api/v1/feeds/([a-z0-9-]{1,64})/records/")
_KNOWN_FOR_S = 60.0
_MAX_KNOWN = 1_000
# Held in memory twice; Django itself holds no more than 2.5 MiB.
_MAX_BODY_BYTES = 1024 * 1024
_LEFT_NOTHING = {Failure.VALUE, Failure.CONSTRAINT}
# In WSGI's environment: what only the long way looks at.
_UNUSUAL = (
    "QUERY_STRING",
    "SCRIPT_NAME",
    "HTTP_IDEMPOTENCY_KEY",
    "HTTP_TRANSFER_ENCODING",
    "HTTP_ORIGIN",
)
# Headers of one answer alone.
_OWN = {"content-type", "content-length", "location", "etag", "set-cookie"}
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
    """Keys that the long way found valid a moment ago: id and hash of the secret.

    With each stands what the long way's answer said beside what is the record's own.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[tuple[str, str], tuple[float, Headers]] = {}

    def add(self, key: tuple[str, str], standing: Headers) -> None:
        if len(self._until) >= _MAX_KNOWN:
            self._until.clear()
        self._until[key] = self._clock() + _KNOWN_FOR_S, standing

    def find(self, key: tuple[str, str]) -> Headers | None:
        """Return the headers of the key's answers; None of one that is not known."""
        until, standing = self._until.get(key, (0.0, None))
        return standing if until > self._clock() else None


known_keys = KnownKeys()


def write_at_once(application: Application, note: Note) -> Application:
    """Answer a usual write in one statement; hand everything else on.

    `note` logs and counts what is answered here.
    """

    def answer(environ: dict[str, Any], start_response: StartResponse) -> Any:
        feed = _read_feed(environ)
        key = _read_key(environ) if feed is not None else None
        if feed is None or key is None:
            return application(environ, start_response)
        standing = known_keys.find(key)
        if standing is None:
            return application(environ, _remembering(key, start_response))
        start = time.perf_counter()
        trace = start_trace(environ)
        try:
            written = _write(environ, feed, key, trace)
        except OSError:
            raise  # of its socket: nobody is there to be answered
        except Exception:  # noqa: BLE001 (whatever it is, the caller is told)
            written = _fail(environ)
        finally:
            # As Django does at the end of a request; not in somebody's transaction.
            if not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()
        if written is None:
            return application(environ, start_response)
        status, headers, body = written
        seconds = time.perf_counter() - start
        path = environ["PATH_INFO"]
        note("POST", path, _route(path), status, seconds=seconds, trace=trace)
        headers.append(("Content-Length", str(len(body))))
        start_response(f"{status} {HTTPStatus(status).phrase}", headers + standing)
        return [body]

    return answer


def _remembering(key: tuple[str, str], start_response: StartResponse) -> StartResponse:
    def start(status: str, headers: Headers, *more: Any) -> object:
        if status.startswith("201 "):
            known_keys.add(key, [h for h in headers if h[0].lower() not in _OWN])
        return start_response(status, headers, *more)

    return start


def _write(
    environ: dict[str, Any], feed: str, key: tuple[str, str], trace: str
) -> tuple[int, Headers, bytes] | None:
    """Return the answer; None where the long way has to find it."""
    if quotas.take(f"key:{key[0]}", conf.throttle_key):
        return None
    given = _read_data(_read_body(environ))
    if given is None:
        return None
    data, is_list = given
    wish = _Wish(feed, *key, trace, data, is_list)
    try:
        body, headers = _insert(wish)
    except _NotOpen:
        return None
    except DatabaseError as exc:
        # Said by the server of this statement: nothing was written. Otherwise it may
        # have been, and must not be tried again.
        problem = None if classify(exc) in _LEFT_NOTHING else answer_exception(exc, {})
        return None if problem is None else _take_apart(problem)
    return (
        HTTPStatus.CREATED,
        [("Content-Type", MEDIA_TYPE), *headers.items()],
        body.encode(),
    )


def _fail(environ: dict[str, Any]) -> tuple[int, Headers, bytes]:
    """Answer what is just being handled as Django would."""
    answer = server_error(WSGIRequest(environ))
    if answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.exception("Internal Server Error: %s", environ["PATH_INFO"])
    return _take_apart(answer)


def _take_apart(answer: HttpResponse) -> tuple[int, Headers, bytes]:
    headers = [item for item in answer.items() if item[0] != "Content-Length"]
    return answer.status_code, headers, answer.content


def _read_feed(environ: dict[str, Any]) -> str | None:
    """Return the feed that is written to; None where the request is not a usual one."""
    if environ["REQUEST_METHOD"] != "POST" or any(map(environ.get, _UNUSUAL)):
        return None
    path = _PATH.fullmatch(environ.get("PATH_INFO", ""))
    accepts = environ.get("HTTP_ACCEPT", "*/*")
    length = environ.get("CONTENT_LENGTH") or "0"
    is_usual = (
        path is not None
        and environ.get("CONTENT_TYPE", "").partition(";")[0].strip() == MEDIA_TYPE
        and ("*/*" in accepts or MEDIA_TYPE in accepts)
        and length.isdecimal()
        and 0 < int(length) <= _MAX_BODY_BYTES
    )
    return path[1] if path is not None and is_usual else None


def _read_key(environ: dict[str, Any]) -> tuple[str, str] | None:
    scheme, _, text = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    found = KEY_FORMAT.fullmatch(text.strip()) if scheme.lower() == "bearer" else None
    if found is None:
        return None
    return found[1], hashlib.sha256(found[2].encode()).hexdigest()


def _read_body(environ: dict[str, Any]) -> bytes:
    """Read it, and put it back for the long way. Raises OSError if its sender went."""
    body: bytes = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


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
    with (
        connection.wrap_database_errors,
        _session() as session,
        psycopg.Cursor(session) as cursor,
    ):
        cursor.execute(statement, values, prepare=True)
        rows = cursor.fetchall() if cursor.description else []
        return rows, cursor.rowcount


@contextmanager
def _session() -> Iterator[psycopg.Connection[Any]]:
    """Give Django's connection of this thread, or else one of the pool's for a moment.

    Django would make one its own, with all that it keeps of it, for each request.
    """
    # Not yet in django-stubs.
    pool = connection.pool if connection.connection is None else None  # type: ignore[attr-defined]
    if pool is None:
        connection.ensure_connection()
        yield connection.connection
        return
    session = connection.get_new_connection({})
    try:
        yield session
    finally:
        pool.putconn(session)


_routes: dict[str, ResolverMatch] = {}


def _route(path: str) -> ResolverMatch:
    """Return the route of the long way: the request is counted under it."""
    if "route" not in _routes:
        _routes["route"] = resolve(path)
    return _routes["route"]
