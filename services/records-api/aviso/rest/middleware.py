"""What applies to every request: its size, its trace, its log line and its numbers."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.middleware.common import CommonMiddleware

from aviso.metrics import REQUEST_SECONDS
from aviso.rest.problems import TooLarge, render_problem
from aviso.rest.trace import start_trace

MAX_REQUEST_BYTES = 8 * 1024 * 1024

Answer = Callable[[HttpRequest], HttpResponseBase]
logger = logging.getLogger("aviso.requests")


def observe_requests(get_response: Answer) -> Answer:
    """Log and count each request when it is answered."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        start = time.perf_counter()
        trace = start_trace(request)
        response = get_response(request)
        seconds = time.perf_counter() - start
        view = _name_view(request)
        REQUEST_SECONDS.labels(view, request.method, response.status_code).observe(
            seconds
        )
        logger.info(
            "request",
            extra={
                "method": request.method,
                "path": request.path,
                "view": view,
                "status": response.status_code,
                "duration_ms": round(seconds * 1000, 1),
                "traceparent": trace,
            },
        )
        return response

    return answer


def limit_requests(get_response: Answer) -> Answer:
    """Refuse a request over 8 MiB before reading more of it than that.

    A chunked one has no Content-Length, and Django would take its body for empty: it is
    read here, up to the limit.
    """

    def answer(request: HttpRequest) -> HttpResponseBase:
        if request.headers.get("Transfer-Encoding", "").lower() == "chunked":
            # META is the WSGI environment, and _stream what Django makes of it.
            body = request.META["wsgi.input"].read(MAX_REQUEST_BYTES + 1)
            request.META["CONTENT_LENGTH"] = str(len(body))
            request._stream = io.BytesIO(body)
        if _content_length(request) > MAX_REQUEST_BYTES:
            return _refuse()
        return get_response(request)

    return answer


class SlashMiddleware(CommonMiddleware):
    """Add the slash that an address lacks, by a redirect that keeps method and body."""

    class response_redirect_class(HttpResponsePermanentRedirect):  # noqa: N801 (Django's name)
        status_code = 308


def _content_length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _refuse() -> HttpResponse:
    return render_problem(
        TooLarge(
            f"The request is larger than {MAX_REQUEST_BYTES} bytes (8 MiB)",
            field="Content-Length",
        )
    )


def _name_view(request: HttpRequest) -> str:
    """Name the route, not the address: one time series a view, not one a record."""
    match = request.resolver_match
    return f"/{match.route}" if match and match.route else "none"
