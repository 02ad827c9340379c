"""What the admin site's login answers while it is shut (django-axes calls this)."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse


def answer_locked_out(
    request: HttpRequest,  # noqa: ARG001 (its signature)
    original_response: HttpResponse | None = None,  # noqa: ARG001 (its signature)
    credentials: dict[str, str] | None = None,  # noqa: ARG001 (its signature)
) -> HttpResponse:
    wait_s = int(settings.AXES_COOLOFF_TIME.total_seconds())
    return HttpResponse(
        "Too many wrong passwords came from your address:"
        f" try again in {wait_s // 60} minutes.",
        status=429,
        content_type="text/plain; charset=utf-8",
        headers={"Retry-After": str(wait_s)},
    )
