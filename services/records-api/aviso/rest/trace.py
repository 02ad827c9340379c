"""The W3C trace context of a request, which its events carry on.

https://www.w3.org/TR/trace-context/#traceparent-header
"""

from __future__ import annotations

import re
import secrets
from typing import Any

from django.http import HttpRequest

_FORMAT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
_KEPT_AS = "aviso.traceparent"


def start_trace(meta: dict[str, Any]) -> str:
    """Take the caller's trace, or start one; a malformed one counts as none.

    `meta` is WSGI's environment, which a request has as META.
    """
    given = meta.get("HTTP_TRACEPARENT", "")
    trace = given if _FORMAT.fullmatch(given) else _new_trace()
    meta[_KEPT_AS] = trace
    return trace


def trace_of(request: HttpRequest) -> str:
    return str(request.META.get(_KEPT_AS, ""))


def _new_trace() -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
