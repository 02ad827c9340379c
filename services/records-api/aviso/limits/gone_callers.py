"""Reads whose caller has gone: the database is not kept busy for nobody."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from aviso.database.callers import reading_for

Answer = Callable[[HttpRequest], HttpResponseBase]


def end_with_callers(get_response: Answer) -> Answer:
    """End what a GET or HEAD reads, when the connection that it came by is closed.

    Only gunicorn says which connection that is.
    """

    def answer(request: HttpRequest) -> HttpResponseBase:
        is_read = request.method in {"GET", "HEAD"}
        with reading_for(request.META.get("gunicorn.socket") if is_read else None):
            return get_response(request)

    return answer
