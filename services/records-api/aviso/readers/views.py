"""Readers and tickets over REST."""

from __future__ import annotations

import json

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from aviso.access.audit import name_caller, note_change
from aviso.access.caller import Action, find_caller
from aviso.access.permissions import rules, with_key
from aviso.access.tokens import make_ticket
from aviso.exact_json.times import format_time
from aviso.feeds.permissions import check_feeds, to_feed
from aviso.names.readers import ReaderName, parse_reader
from aviso.problems import BadRequest, NotFound, show
from aviso.readers import serializers
from aviso.readers.bodies import read_grant, read_ticket
from aviso.readers.reading import CURSOR_PATTERN, find_reader_row, list_readers
from aviso.readers.rendering import render_reader
from aviso.readers.writing import grant_reader, revoke_reader
from aviso.rest.answers import answer_json
from aviso.rest.headers import refuse_idempotency_key
from aviso.rest.openapi import CURSOR, LIMIT, problems
from aviso.rest.page_answers import answer_page
from aviso.rest.paging import check_parameters, read_cursor, read_limit
from aviso.rest.trace import trace_of
from aviso.rest.views import RestView

_SAME_AGAIN = "the same again changes nothing"
_STATES = {"granted": True, "revoked": False}
_STATE = OpenApiParameter(
    "state", str, enum=sorted(_STATES), description="Only those who are so now."
)


class ReadersView(RestView):
    permission_classes = [rules(GET=to_feed(Action.GRANT), POST=to_feed(Action.GRANT))]

    @extend_schema(
        operation_id="list_readers",
        summary="Who was let into a feed, and who was put out",
        parameters=[LIMIT, CURSOR, _STATE],
        responses={200: serializers.ReaderPageSerializer, **problems(403)},
    )
    def get(self, request: Request, feed: str) -> HttpResponse:
        check_parameters(request.GET, {"limit", "cursor", "state"})
        page = list_readers(
            feed,
            _read_state(request.GET.get("state")),
            read_cursor(request.GET, CURSOR_PATTERN),
            read_limit(request.GET),
        )
        return answer_page(request, page, render=render_reader, key=lambda row: row.id)

    @extend_schema(
        operation_id="grant_reader",
        summary="Let an account into a feed, or a ticket's holder in again",
        description="201 if that changed something, 200 if he was in already; then it"
        " changes until when.",
        request=serializers.NewReaderSerializer,
        responses={
            200: serializers.ReaderSerializer,
            201: serializers.ReaderSerializer,
            **problems(409, body=True),
        },
    )
    def post(self, request: Request, feed: str) -> HttpResponse:
        refuse_idempotency_key(request, _SAME_AGAIN)
        name, expires_at = read_grant(request.data)
        row, is_new = grant_reader(feed, name, expires_at, trace=trace_of(request))
        note_change(
            "granted",
            by=name_caller(request),
            feed=feed,
            reader=name.jid,
            expires_at=expires_at,
        )
        return answer_json(render_reader(row), status=201 if is_new else 200)


class ReaderView(RestView):
    permission_classes = [
        rules(GET=to_feed(Action.GRANT), DELETE=to_feed(Action.GRANT))
    ]

    @extend_schema(
        operation_id="get_reader",
        summary="One reader of a feed",
        responses={200: serializers.ReaderSerializer, **problems(403)},
    )
    def get(self, request: Request, feed: str, reader: str) -> HttpResponse:
        check_parameters(request.GET, set())
        row = find_reader_row(feed, _read_name(reader).jid)
        if row is None:
            raise _not_there(reader)
        return answer_json(render_reader(row))

    @extend_schema(
        operation_id="revoke_reader",
        summary="Put a reader out of a feed",
        description="Of a ticket's holder it ends every ticket for the feed, also those"
        " made later, until he is let in again.",
        responses={204: None, **problems(403, 409)},
    )
    def delete(self, request: Request, feed: str, reader: str) -> HttpResponse:
        refuse_idempotency_key(request, _SAME_AGAIN)
        name = _read_name(reader)
        if revoke_reader(feed, name, trace=trace_of(request)):
            note_change("revoked", by=name_caller(request), feed=feed, reader=name.jid)
        elif find_reader_row(feed, name.jid) is None:
            raise _not_there(reader)
        return HttpResponse(status=204)


class TicketsView(RestView):
    # Of each feed that a ticket is for it asks itself.
    permission_classes = [rules(POST=with_key(Action.GRANT))]

    @extend_schema(
        operation_id="create_ticket",
        summary="Make a ticket, which lets one reader read some feeds for a while",
        request=serializers.NewTicketSerializer,
        responses={201: serializers.TicketSerializer, **problems(body=True)},
    )
    def post(self, request: Request) -> HttpResponse:
        caller = find_caller(request)
        refuse_idempotency_key(request, "a ticket may be made again")
        wish = read_ticket(request.data)
        check_feeds(wish.feeds, caller, Action.GRANT)
        ticket = make_ticket(wish.reader, wish.feeds, lasts_s=wish.lasts_s)
        note_change(
            "ticket made",
            by=name_caller(request),
            feeds=wish.feeds,
            reader=wish.reader,
            expires_at=ticket.expires_at,
            token_id=ticket.token_id,
        )
        answer = {
            "ticket": ticket.text,
            "reader": wish.reader,
            "feeds": wish.feeds,
            "expires_at": format_time(ticket.expires_at),
        }
        return answer_json(
            json.dumps(answer), status=201, headers={"Cache-Control": "no-store"}
        )


def _read_state(text: str | None) -> bool | None:
    if text is None:
        return None
    if text not in _STATES:
        raise BadRequest(
            f"state is {show(text)}, expected granted or revoked", field="state"
        )
    return _STATES[text]


def _read_name(text: str) -> ReaderName:
    name = parse_reader(text)
    if name is None:
        raise _not_there(text)
    return name


def _not_there(reader: str) -> NotFound:
    return NotFound(f"There is no reader {show(reader)} of this feed")
