"""Headers that a call does not keep, and so refuses: ignored, they would deceive."""

from __future__ import annotations

from django.http import HttpRequest

from aviso.problems import BadRequest


def refuse_idempotency_key(request: HttpRequest, instead: str) -> None:
    """Raise BadRequest if there is a key; `instead` says what a retry is to do."""
    if "Idempotency-Key" in request.headers:
        raise BadRequest(
            f"Idempotency-Key is kept for writes of records only; {instead}",
            field="Idempotency-Key",
        )
