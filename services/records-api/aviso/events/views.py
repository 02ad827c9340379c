"""Events over REST."""

from __future__ import annotations

import re

from django.http import HttpResponse, QueryDict
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from aviso.access.caller import Action
from aviso.access.caller_names import is_stranger
from aviso.access.permissions import rules
from aviso.database.limits import strangers_limit
from aviso.events.reading import find_oldest, list_events, list_record_events
from aviso.events.rendering import EventRow, render_event
from aviso.events.serializers import EventsSerializer
from aviso.feeds.permissions import opened_feed, to_feed
from aviso.feeds.rendering import FeedRow
from aviso.limits.large_answers import answer_rows
from aviso.problems import BadRequest, show
from aviso.rest.answers import answer_json
from aviso.rest.openapi import LIMIT, problems
from aviso.rest.paging import check_parameters, read_limit
from aviso.rest.views import RestView

_AFTER = OpenApiParameter(
    "after", int, description="The newest sequence that you have; 0 if left out."
)
_SUBJECT = OpenApiParameter(
    "subject",
    str,
    description="Of this record alone, the newest ones; not with `after`.",
)
_BEFORE = OpenApiParameter(
    "before",
    int,
    description="With `subject`: those below a sequence, the oldest that you have.",
)
# Above every sequence.
_NO_END = 10**18
_MAX_SUBJECT_CHARS = 1024


class EventsView(RestView):
    permission_classes = [rules(GET=to_feed(Action.READ))]

    @extend_schema(
        operation_id="list_events",
        summary="The events of a feed after a sequence, in order",
        description="A page ends early when it gets large: read on until the last"
        " event's `feedseq` is the head. What is below `oldest` was pruned: with an"
        " `after` below `oldest` - 1 the events do not follow on it. With `subject`"
        " they are the newest of one record.",
        parameters=[_AFTER, LIMIT, _SUBJECT, _BEFORE],
        responses={200: EventsSerializer, **problems()},
    )
    def get(self, request: Request, feed: str) -> HttpResponse:  # noqa: ARG002 (the address's)
        found = opened_feed(request)
        is_history = "subject" in request.GET
        check_parameters(
            request.GET,
            {"subject", "before", "limit"} if is_history else {"after", "limit"},
        )
        with strangers_limit(is_stranger=is_stranger(request)):
            rows = _history(request, found) if is_history else _run(request, found)
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


def _run(request: Request, feed: FeedRow) -> list[EventRow]:
    after = _read_sequence(request.GET, "after", 0)
    limit = read_limit(request.GET)
    return list_events(feed.slug, after=after, head=feed.head, limit=limit)


def _history(request: Request, feed: FeedRow) -> list[EventRow]:
    subject = request.GET["subject"]
    if "\x00" in subject or not 1 <= len(subject) <= _MAX_SUBJECT_CHARS:
        raise BadRequest(
            f"subject is {show(subject)}, expected a record's id: 1 to"
            f" {_MAX_SUBJECT_CHARS} characters",
            field="subject",
        )
    before = _read_sequence(request.GET, "before", _NO_END)
    limit = read_limit(request.GET)
    return list_record_events(
        feed.slug, subject, before=before, head=feed.head, limit=limit
    )


def _read_sequence(query: QueryDict, name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise BadRequest(
            f"{name} is {show(text)}, expected a sequence: an integer, 0 or more",
            field=name,
        )
    return int(text)
