"""JSON answers from parts that are JSON already.

Records and events are rendered from PostgreSQL's own text; putting the parts together
as text passes any number and any depth that the database holds.
"""

from __future__ import annotations

from django.http import HttpResponse

MEDIA_TYPE = "application/json"


def answer_json(
    body: bytes | str, *, status: int = 200, headers: dict[str, str] | None = None
) -> HttpResponse:
    return HttpResponse(
        body, status=status, content_type=MEDIA_TYPE, headers=headers or {}
    )
