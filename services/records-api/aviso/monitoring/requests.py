"""What applies to every request: its trace, its log line and its numbers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from aviso.monitoring.metrics import REQUEST_SECONDS
from aviso.rest.trace import start_trace

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

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
        # Whoever asks may invent methods, and each label value is kept for ever.
        method = request.method if request.method in _METHODS else "other"
        REQUEST_SECONDS.labels(view, method, response.status_code).observe(seconds)
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


def _name_view(request: HttpRequest) -> str:
    """Name the route, not the address: one time series a view, not one a record."""
    match = request.resolver_match
    return f"/{match.route}" if match and match.route else "none"
