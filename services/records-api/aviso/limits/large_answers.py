"""Answers that a slow reader could hold a thread with.

What the gateway takes at once (deploy/gateway/haproxy.cfg) costs its reader's own
time. What is longer is sent by a thread of ours, at the reader's pace; so few of
those are under way at a time. A list without a place is cut to what needs none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from aviso.access.caller_names import is_stranger, name_caller
from aviso.limits.places import SENDING, SENDING_TO_STRANGERS
from aviso.problems import Unavailable, render_problem

BUFFERED_BYTES = 128 * 1024
# Leaves room for what stands around a list's rows, and for headers.
_UNPLACED_BYTES = 100 * 1024
_PLACED = "_aviso_has_place"

Answer = Callable[[HttpRequest], HttpResponseBase]


def bound_large_answers(get_response: Answer) -> Answer:
    """Refuse a large answer that finds no place; those of lists have one already."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if _size(response) <= BUFFERED_BYTES or getattr(response, _PLACED, False):
            return response
        give_back = take_place(request)
        if give_back is not None:
            return hold_place(response, give_back)
        response.close()
        return render_problem(
            Unavailable(
                "Too many large answers are on their way to you at this moment:"
                " try again in 1 s",
                headers={"Retry-After": "1"},
            )
        )

    return answer


def take_place(request: HttpRequest | Request) -> Callable[[], None] | None:
    """Return what gives the place back; None if none is left for this caller."""
    places = SENDING_TO_STRANGERS if is_stranger(request) else SENDING
    return places.take(name_caller(request))


def hold_place(
    response: HttpResponseBase, give_back: Callable[[], None]
) -> HttpResponseBase:
    """Keep the place until the answer was sent, or its reader has gone."""
    close = response.close

    def close_and_give_back() -> None:
        try:
            close()
        finally:
            give_back()

    response.close = close_and_give_back  # type: ignore[method-assign]
    setattr(response, _PLACED, True)
    return response


def answer_rows(
    request: Request,
    rows: Sequence[bytes],
    make_answer: Callable[[Sequence[bytes]], HttpResponse],
) -> HttpResponse:
    """Answer as many of the rows as may be sent to this caller now, at least one."""
    fitting = _count_fitting(rows)
    if fitting == len(rows):
        return make_answer(rows)
    give_back = take_place(request)
    if give_back is None:
        return make_answer(rows[:fitting])
    response = make_answer(rows)
    hold_place(response, give_back)
    return response


def _count_fitting(rows: Sequence[bytes]) -> int:
    left = _UNPLACED_BYTES
    for number, row in enumerate(rows):
        left -= len(row) + 1
        if left < 0:
            return max(1, number)
    return len(rows)


def _size(response: HttpResponseBase) -> int:
    if isinstance(response, HttpResponse):
        return len(response.content)
    return int(response.headers.get("Content-Length", BUFFERED_BYTES + 1))
