"""What applies to every request: its trace, its log line and its numbers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch

from aviso.monitoring.metrics import REQUEST_SECONDS
from aviso.rest.trace import start_trace

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

Answer = Callable[[HttpRequest], HttpResponseBase]
logger = logging.getLogger("aviso.requests")


def observe_requests(get_response: Answer) -> Answer:
    """Log and count each request when it is answered."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        start = time.perf_counter()
        trace = start_trace(request.META)
        response = get_response(request)
        note_answer(
            str(request.method),
            request.path,
            request.resolver_match,
            response.status_code,
            seconds=time.perf_counter() - start,
            trace=trace,
        )
        return response

    return answer


def note_answer(
    method: str,
    path: str,
    match: ResolverMatch | None,
    status: int,
    *,
    seconds: float,
    trace: str,
) -> None:
    """Log and count one answer."""
    view = _name_view(match)
    # Whoever asks may invent methods, and each label value is kept for ever.
    label = method if method in _METHODS else "other"
    REQUEST_SECONDS.labels(view, label, status).observe(seconds)
    logger.info(
        "request",
        extra={
            "method": method,
            "path": path,
            "view": view,
            "status": status,
            "duration_ms": round(seconds * 1000, 1),
            "traceparent": trace,
        },
    )


def _name_view(match: ResolverMatch | None) -> str:
    """Name the route, not the address: one time series a view, not one a record."""
    return f"/{match.route}" if match and match.route else "none"
