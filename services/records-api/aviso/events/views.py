"""Events over REST."""

from __future__ import annotations

import re

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from aviso.access.caller import Action
from aviso.access.caller_names import is_stranger
from aviso.access.permissions import rules
from aviso.database.limits import strangers_limit
from aviso.events.reading import find_oldest, list_events
from aviso.events.rendering import render_event
from aviso.events.serializers import EventsSerializer
from aviso.feeds.permissions import opened_feed, to_feed
from aviso.limits.large_answers import answer_rows
from aviso.problems import BadRequest, show
from aviso.rest.answers import answer_json
from aviso.rest.openapi import LIMIT, problems
from aviso.rest.paging import check_parameters, read_limit
from aviso.rest.views import RestView

_AFTER = OpenApiParameter(
    "after", int, description="The newest sequence that you have; 0 if left out."
)


class EventsView(RestView):
    permission_classes = [rules(GET=to_feed(Action.READ))]

    @extend_schema(
        operation_id="list_events",
        summary="The events of a feed after a sequence, in order",
        description="A page ends early when it gets large: read on until the last"
        " event's `feedseq` is the head. What is below `oldest` was pruned: with an"
        " `after` below `oldest` - 1 the events do not follow on it.",
        parameters=[_AFTER, LIMIT],
        responses={200: EventsSerializer, **problems()},
    )
    def get(self, request: Request, feed: str) -> HttpResponse:  # noqa: ARG002 (the address's)
        found = opened_feed(request)
        check_parameters(request.GET, {"after", "limit"})
        after = _read_after(request.GET.get("after", "0"))
        limit = read_limit(request.GET)
        with strangers_limit(is_stranger=is_stranger(request)):
            rows = list_events(found.slug, after=after, head=found.head, limit=limit)
        # The bytes that travel to the browsers, put together and never parsed.
        events = [render_event(row, found.epoch) for row in rows]
        # Looked up last: what is pruned in between was still sent, and not the reverse.
        oldest = find_oldest(found.slug)
        start = (
            f'{{"epoch":"{found.epoch}","head":{found.head},"oldest":{oldest},'
            '"events":['
        )
        return answer_rows(
            request,
            events,
            lambda sent: answer_json(start.encode() + b",".join(sent) + b"]}"),
        )


def _read_after(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise BadRequest(
            f"after is {show(text)}, expected a sequence: an integer, 0 or more",
            field="after",
        )
    return int(text)
