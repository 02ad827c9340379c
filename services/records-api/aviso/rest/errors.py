"""Where errors become answers: of views, and of requests that reach no view."""

from __future__ import annotations

import logging
import sys
from typing import Any

from django.core.exceptions import (
    DisallowedHost,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import Error as DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.views import defaults
from rest_framework.exceptions import APIException, MethodNotAllowed, NotAcceptable
from rest_framework.exceptions import UnsupportedMediaType as DrfUnsupportedMediaType

from aviso.conf import conf
from aviso.database.callers import has_caller_gone
from aviso.database.failures import (
    Failure,
    classify,
    describe_failure,
    refuses_writes,
)
from aviso.problems import (
    BadRequest,
    Conflict,
    Problem,
    TooSlow,
    Unavailable,
    problem_response,
    render_problem,
    show,
)

logger = logging.getLogger(__name__)
_RETRY_AFTER_S = 5
_QUERY_CANCELED = "57014"
# No status of HTTP; as nginx has it.
_CALLER_GONE = 499


def answer_exception(exc: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Answer what a view raised; None leaves it to Django, which answers 500."""
    if isinstance(exc, Problem):
        return render_problem(exc)
    if isinstance(exc, APIException):
        return _answer_framework(exc, context["request"])
    if isinstance(exc, Http404):
        return problem_response(404, "Not found", kind="not-found")
    if isinstance(exc, PermissionDenied):
        return problem_response(403, "Not allowed", kind="forbidden")
    if isinstance(exc, DatabaseError) and _is_canceled(exc):
        # Nobody reads it; the log and the metrics tell it from what took too long.
        if has_caller_gone():
            return HttpResponse(status=_CALLER_GONE)
        return _answer_too_slow()
    if isinstance(exc, DatabaseError):
        return _answer_database(exc)
    return None


def _answer_framework(exc: APIException, request: HttpRequest) -> HttpResponse:
    """Word the errors that Django REST framework raises itself."""
    headers: dict[str, str] = {}
    match exc:
        case MethodNotAllowed():
            detail = f"{request.path} has no method {request.method}, see Allow"
        case NotAcceptable():
            accept = request.headers.get("Accept", "")
            detail = f"Accept is {show(accept)}, expected one with application/json"
        case DrfUnsupportedMediaType():
            sent = request.headers.get("Content-Type", "")
            detail = f"Content-Type is {show(sent)}, expected application/json"
        case _:
            detail = str(exc.detail)
    return problem_response(
        exc.status_code,
        detail,
        kind=exc.default_code.replace("_", "-"),
        headers=headers,
    )


def _is_canceled(exc: DatabaseError) -> bool:
    return getattr(exc.__cause__, "sqlstate", None) == _QUERY_CANCELED


def _answer_too_slow() -> HttpResponse:
    return render_problem(
        TooSlow(
            "The database was stopped, because this takes it too long: ask for less at"
            " a time (limit, created_after, created_before), or try again",
            headers={"Retry-After": str(_RETRY_AFTER_S)},
        )
    )


def _answer_database(exc: DatabaseError) -> HttpResponse | None:
    """Answer what the database refused; None for a fault of the service."""
    match classify(exc):
        case Failure.NOT_NOW:
            return _answer_not_now(exc)
        case Failure.VALUE:
            return render_problem(
                BadRequest(f"The database can not hold this: {describe_failure(exc)}")
            )
        case Failure.CONSTRAINT:
            return render_problem(
                Conflict(f"The database refuses this: {describe_failure(exc)}")
            )
        case _:
            return None


def _answer_not_now(exc: DatabaseError) -> HttpResponse:
    logger.error("database failed", extra={"error": describe_failure(exc)})
    return render_problem(
        Unavailable(
            "The database takes no writes at the moment: try again"
            if refuses_writes(exc)
            else "The database can not be reached at the moment: try again",
            headers={"Retry-After": str(_RETRY_AFTER_S)},
        )
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, DisallowedHost):
        return _answer_other_address(request)
    if _is_page(request):
        return defaults.bad_request(request, exception)
    if isinstance(exception, RequestDataTooBig):
        return problem_response(413, "The request is too large", kind="too-large")
    shown = isinstance(exception, SuspiciousOperation)
    detail = str(exception) if shown else "The request can not be understood"
    return problem_response(400, detail, kind="bad-request")


def _answer_other_address(request: HttpRequest) -> HttpResponse:
    """Refuse a name that is not the server's: pages of another could be behind it."""
    address = conf.public_url
    detail = f"This server is not to be had at this address: use {address}"
    if _is_page(request):
        return HttpResponse(detail, status=421, content_type="text/plain")
    about: dict[str, str | int | None] = {"address": address}
    return problem_response(421, detail, kind="other-address", about=about)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_page(request):
        return defaults.permission_denied(request, exception)
    return problem_response(403, "Not allowed", kind="forbidden")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_page(request):
        return defaults.page_not_found(request, exception)
    return problem_response(404, f"There is no {request.path}", kind="not-found")


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what no view did: Django calls this while it handles the exception."""
    exc = sys.exception()
    if isinstance(exc, DatabaseError) and classify(exc) is Failure.NOT_NOW:
        answer = _answer_not_now(exc)
        return _show_not_now(answer) if _is_page(request) else answer
    if _is_page(request):
        return defaults.server_error(request)
    return problem_response(
        500, "An error in the service; it is in its log", kind="internal-error"
    )


def _show_not_now(answer: HttpResponse) -> HttpResponse:
    return HttpResponse(
        "<!doctype html><title>Not now</title><h1>Not now</h1><p>The database can not"
        " do this at the moment. Nothing was changed: try again.</p>",
        status=answer.status_code,
        headers={"Retry-After": answer["Retry-After"]},
    )


def _is_page(request: HttpRequest) -> bool:
    """Return whether a person looks at the answer: the admin site speaks HTML."""
    return request.path.startswith("/admin/")
