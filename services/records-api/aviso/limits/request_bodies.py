"""Bodies of requests: none is read before it is known whose it is.

A thread that reads a body waits for its sender. The gateway has read the
beginning (BUFFERED_BYTES), so that a short one is there at once; a longer one is read
by the view that wants it, which asks first who sends it.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from aviso.limits.large_answers import BUFFERED_BYTES
from aviso.limits.places import login_place
from aviso.problems import Problem, TooLarge, problem_response, render_problem

MAX_REQUEST_BYTES = 8 * 1024 * 1024

Answer = Callable[[HttpRequest], HttpResponseBase]


class ChunkedBody:
    """The body of a chunked request, read when the first byte is wanted.

    It has no Content-Length, and Django would take it for empty. Raises TooLarge.
    """

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._body = b""
        self._at = 0
        self._is_read = False
        # Not empty; the length is known when it was read.
        request.META["CONTENT_LENGTH"] = "1"

    def read(self, size: int = -1) -> bytes:
        if not self._is_read:
            self._read_all()
        end = len(self._body) if size is None or size < 0 else self._at + size
        piece = self._body[self._at : end]
        self._at += len(piece)
        return piece

    def _read_all(self) -> None:
        self._is_read = True
        # META is the WSGI environment.
        source: Any = self._request.META["wsgi.input"]
        body = source.read(MAX_REQUEST_BYTES + 1)
        if len(body) > MAX_REQUEST_BYTES:
            raise _too_large(MAX_REQUEST_BYTES)
        self._body = body
        self._request.META["CONTENT_LENGTH"] = str(len(body))


def limit_bodies(get_response: Answer) -> Answer:
    """Refuse a request over 8 MiB unread; leave a chunked one for its view to read."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        if _is_chunked(request):
            # _stream is what Django reads a body from, by `read` alone.
            request._stream = ChunkedBody(request)  # type: ignore[assignment]
        elif _content_length(request) > MAX_REQUEST_BYTES:
            return render_problem(_too_large(MAX_REQUEST_BYTES))
        return get_response(request)

    return answer


def guard_forms(get_response: Answer) -> Answer:
    """Of strangers take short forms only, and few passwords at a time.

    The API's views ask for a key before they read; a form is read before anyone asks.
    """

    def answer(request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith("/api/") or request.method in {"GET", "HEAD"}:
            return get_response(request)
        if _is_chunked(request):
            return problem_response(
                HTTPStatus.LENGTH_REQUIRED,
                "A form has to come with its Content-Length",
                kind="length-required",
            )
        if request.user.is_authenticated:
            return get_response(request)
        if _content_length(request) > BUFFERED_BYTES:
            return render_problem(_too_large(BUFFERED_BYTES))
        return _try_password(request, get_response)

    return answer


def _try_password(request: HttpRequest, get_response: Answer) -> HttpResponseBase:
    try:
        with login_place(request):
            return get_response(request)
    except Problem as problem:
        return render_problem(problem)


def _is_chunked(request: HttpRequest) -> bool:
    return "Transfer-Encoding" in request.headers


def _content_length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _too_large(limit: int) -> TooLarge:
    mib, kib = divmod(limit, 1024 * 1024)
    shown = f"{mib} MiB" if mib else f"{kib // 1024} KiB"
    return TooLarge(
        f"The request is larger than {limit} bytes ({shown})", field="Content-Length"
    )
