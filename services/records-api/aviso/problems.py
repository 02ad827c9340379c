"""Errors as answers: RFC 9457 `application/problem+json`, for all of them.

Problem (carries status, kind, detail, and what it is about)
├── BadRequest                400 the request can't be understood; don't repeat it
├── Unauthorized              401 a valid key is needed
├── Forbidden                 403 the key has not this right
├── NotFound                  404 not there, or not for this caller
├── Conflict                  409 an id is taken by other content
├── PreconditionFailed        412 If-Match names another version: read, then try again
├── TooLarge                  413
├── SchemaViolation           422 understood, but the feed's schema refuses it
├── KeyReused                 422 the Idempotency-Key came with another write before
├── TooManyRequests           429 over the limit of this key or address: Retry-After
├── Unavailable               503 the database can't do it now, or too much goes on:
│                                 try again later
└── TooSlow                   503 stopped for taking too long: ask for less

`detail` is for a person: it names the thing, its value and what was expected.
"""

from __future__ import annotations

import json
from http import HTTPStatus

from django.http import HttpResponse

from aviso.exact_json.numbers import write_json

MEDIA_TYPE = "application/problem+json"
_SHOWN_CHARS = 80


class Problem(Exception):
    status_code = 500
    kind = "internal-error"

    def __init__(
        self,
        detail: str,
        *,
        field: str | None = None,
        pointer: str | None = None,
        index: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """`field`: a header or parameter; `pointer`: into the body (RFC 6901)."""
        super().__init__(detail)
        self.text = detail
        self.about = {"field": field, "pointer": pointer, "index": index}
        self.headers = headers or {}


class BadRequest(Problem):
    status_code = 400
    kind = "bad-request"


class Unauthorized(Problem):
    status_code = 401
    kind = "unauthorized"


class Forbidden(Problem):
    status_code = 403
    kind = "forbidden"


class NotFound(Problem):
    status_code = 404
    kind = "not-found"


class Conflict(Problem):
    status_code = 409
    kind = "conflict"


class PreconditionFailed(Problem):
    status_code = 412
    kind = "precondition-failed"


class TooLarge(Problem):
    status_code = 413
    kind = "too-large"


class SchemaViolation(Problem):
    status_code = 422
    kind = "schema-violation"


class KeyReused(Problem):
    status_code = 422
    kind = "idempotency-key-reused"


class TooManyRequests(Problem):
    status_code = 429
    kind = "too-many-requests"


class Unavailable(Problem):
    status_code = 503
    kind = "unavailable"


class TooSlow(Problem):
    status_code = 503
    kind = "too-slow"


def render_problem(problem: Problem) -> HttpResponse:
    return problem_response(
        problem.status_code,
        problem.text,
        kind=problem.kind,
        about=problem.about,
        headers=problem.headers,
    )


def problem_response(
    status: int,
    detail: str,
    *,
    kind: str | None = None,
    about: dict[str, str | int | None] | None = None,
    headers: dict[str, str] | None = None,
) -> HttpResponse:
    title = HTTPStatus(status).phrase
    members: dict[str, str | int] = {
        "type": f"urn:aviso:problem:{kind}" if kind else "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
    }
    members |= {name: at for name, at in (about or {}).items() if at is not None}
    response = HttpResponse(json.dumps(members), status=status, content_type=MEDIA_TYPE)
    for name, value in (headers or {}).items():
        response[name] = value
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Bearer realm="aviso"'
    return response


def show(value: object) -> str:
    """Write a value for a `detail`: as JSON, cut where it gets long."""
    try:
        text = write_json(value)
    except (TypeError, ValueError, RecursionError):
        text = repr(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
