"""A page as an answer, with links to those beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from django.http import HttpResponse
from rest_framework.request import Request

from aviso.conf import conf
from aviso.limits.large_answers import answer_rows
from aviso.rest.answers import answer_json
from aviso.rest.paging import Page, Row


def answer_page(
    request: Request,
    page: Page[Row],
    *,
    render: Callable[[Row], str],
    key: Callable[[Row], object],
    more: str = "",
    asked: Mapping[str, str] | None = None,
) -> HttpResponse:
    """Answer {"results": […], "next": …, "previous": …}, and `more` members.

    The links ask as the request did, but for what is in `asked`.

    Of a search also `looked_at`, which is null where the answer had to be cut short.
    """
    rows = [render(row).encode() for row in page.rows]

    def make_answer(sent: Sequence[bytes]) -> HttpResponse:
        next_key: object = page.searched_down_to
        previous_key: object = page.searched_up_to
        is_cut = len(sent) < len(rows)
        if page.rows:
            if is_cut or (page.has_next and next_key is None):
                next_key = key(page.rows[len(sent) - 1])
            if page.has_previous and previous_key is None:
                previous_key = key(page.rows[0])
        next_url = _link(request, asked or {}, "after", next_key)
        previous_url = _link(request, asked or {}, "before", previous_key)
        looked_at = ""
        if page.looked_at is not None:
            looked_at = f',"looked_at":{"null" if is_cut else page.looked_at}'
        return answer_json(
            b'{"results":[%b],"next":%b,"previous":%b%b%b}'
            % (
                b",".join(sent),
                next_url,
                previous_url,
                looked_at.encode(),
                more.encode(),
            )
        )

    return answer_rows(request, rows, make_answer)


def _link(request: Request, asked: Mapping[str, str], side: str, key: object) -> bytes:
    if key is None:
        return b"null"
    query = request.GET.copy()
    for name, value in asked.items():
        query[name] = value
    query["cursor"] = f"{side}-{key}"
    url = f"{conf.public_url}{request.path}?{query.urlencode()}"
    return json.dumps(url).encode()
