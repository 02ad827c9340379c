"""Records over REST."""

from __future__ import annotations

import uuid
from contextlib import nullcontext

from django.http import HttpResponse, HttpResponseNotModified
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework.request import Request
from rest_framework.views import APIView

from aviso.access.caller import Action, find_caller
from aviso.access.caller_names import is_stranger
from aviso.database.limits import strangers_limit
from aviso.feeds.permissions import open_feed
from aviso.feeds.rendering import FeedRow
from aviso.limits.places import search_place
from aviso.problems import NotFound, show
from aviso.records import filters, serializers
from aviso.records.bodies import read_data, read_drafts
from aviso.records.reading import CURSOR_PATTERN, find_record, list_records
from aviso.records.rendering import RecordRow, locate, render_record
from aviso.records.searching import SEARCH_ROWS, STRANGERS_SEARCH_ROWS
from aviso.records.writing import changes
from aviso.records.writing.idempotency import Answer, read_write_key
from aviso.records.writing.posting import post_records
from aviso.rest.answers import answer_json
from aviso.rest.openapi import CURSOR, LIMIT, problems
from aviso.rest.page_answers import answer_page
from aviso.rest.paging import (
    Cursor,
    Page,
    check_parameters,
    read_cursor,
    read_limit,
)
from aviso.rest.trace import trace_of
from aviso.rest.views import PatchingView

_IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag of the version to change; another one answers 412.",
)
_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="The same write again with it gets the first one's answer.",
)
_CHANGED = PolymorphicProxySerializer(
    component_name="ChangedRecord",
    serializers=[serializers.RecordSerializer, serializers.RecordHeadSerializer],
    resource_type_field_name=None,
    many=False,
)
_FILTERS = [
    OpenApiParameter("created_after", OpenApiTypes.DATETIME, description="Later than."),
    OpenApiParameter("created_before", OpenApiTypes.DATETIME, description="Before."),
    OpenApiParameter(
        "data",
        {"type": "object", "additionalProperties": {"type": "string"}},
        style="form",
        explode=True,
        description="By a field: `data.city=Madrid`, `data.address.city=Madrid`. Finds"
        " the text, and the number, boolean or null that it may stand for.",
    ),
]


class RecordsView(APIView):
    @extend_schema(
        operation_id="list_records",
        summary="The records of a feed, newest first",
        description="A page ends early when it gets large, and with filters when it"
        " has looked at many records, even if it found none: read on while there is a"
        " `next`.",
        parameters=[LIMIT, CURSOR, *_FILTERS],
        responses={200: serializers.RecordPageSerializer, **problems()},
    )
    def get(self, request: Request, feed: str) -> HttpResponse:
        found = open_feed(feed, find_caller(request), Action.READ)
        check_parameters(
            request.GET,
            {"limit", "cursor", *filters.PARAMETERS},
            prefix=filters.DATA_PREFIX,
        )
        page = _search(
            request,
            found.slug,
            filters.read_filters(request.GET),
            read_cursor(request.GET, CURSOR_PATTERN),
            read_limit(request.GET),
        )
        return answer_page(
            request, page, render=render_record, key=lambda record: record.number
        )

    @extend_schema(
        operation_id="create_records",
        summary="Create one record, or up to 1,000 of them, all or none",
        description="With an `Idempotency-Key`, or ids of your own, the same write"
        " again answers with the first one's result and writes nothing.",
        parameters=[_KEY],
        request=PolymorphicProxySerializer(
            component_name="NewRecords",
            serializers=[
                serializers.NewRecordSerializer,
                serializers.NewRecordSerializer(many=True),
            ],
            resource_type_field_name=None,
            many=False,
        ),
        responses={
            201: PolymorphicProxySerializer(
                component_name="CreatedRecords",
                serializers=[serializers.RecordSerializer, serializers.IdsSerializer],
                resource_type_field_name=None,
            ),
            **problems(409, 422, body=True),
        },
    )
    def post(self, request: Request, feed: str) -> HttpResponse:
        caller = find_caller(request)
        found = open_feed(feed, caller, Action.WRITE)
        drafts = read_drafts(request.data)
        answer = post_records(
            found,
            drafts,
            key=read_write_key(request, scope=caller.scope, write=[feed, request.data]),
            trace=trace_of(request),
            locate=locate,
        )
        return _answer(answer, 201)


class RecordView(PatchingView):
    @extend_schema(
        operation_id="get_record",
        summary="One record",
        responses={200: serializers.RecordSerializer, **problems()},
    )
    def get(self, request: Request, feed: str, record_id: uuid.UUID) -> HttpResponse:
        open_feed(feed, find_caller(request), Action.READ)
        check_parameters(request.GET, set())
        record = find_record(feed, record_id)
        if record is None:
            raise NotFound(f"There is no record {show(str(record_id))} in this feed")
        if request.headers.get("If-None-Match") == record.etag:
            return HttpResponseNotModified(headers={"ETag": record.etag})
        return _answer_record(record)

    @extend_schema(
        operation_id="replace_record",
        summary="Replace the data of a record",
        description="Who may not read the feed gets no `data` in the answer.",
        parameters=[_IF_MATCH, _KEY],
        request=serializers.DataSerializer,
        responses={
            200: _CHANGED,
            **problems(409, 412, 422, body=True),
        },
    )
    def put(self, request: Request, feed: str, record_id: uuid.UUID) -> HttpResponse:
        found, change = _open(request, feed, record_id, request.data)
        data = read_data(request.data)
        return _answer(changes.replace_record(found, data, change))

    @extend_schema(
        operation_id="patch_record",
        summary="Merge into the data of a record (JSON Merge Patch, RFC 7396)",
        description="Who may not read the feed gets no `data` in the answer.",
        parameters=[_IF_MATCH, _KEY],
        request=serializers.DataSerializer,
        responses={
            200: _CHANGED,
            **problems(409, 412, 422, body=True),
        },
    )
    def patch(self, request: Request, feed: str, record_id: uuid.UUID) -> HttpResponse:
        found, change = _open(request, feed, record_id, request.data)
        data = read_data(request.data)
        return _answer(changes.patch_record(found, data, change))

    @extend_schema(
        operation_id="delete_record",
        summary="Delete a record",
        parameters=[_IF_MATCH, _KEY],
        responses={204: None, **problems(403, 409, 412, 422)},
    )
    def delete(self, request: Request, feed: str, record_id: uuid.UUID) -> HttpResponse:
        found, change = _open(request, feed, record_id)
        changes.delete_record(found, change)
        return HttpResponse(status=204)


def _search(
    request: Request, feed: str, wanted: filters.Filters, cursor: Cursor, limit: int
) -> Page[RecordRow]:
    """Read a page; few at a time of those that a stranger wants searched."""
    unknown = is_stranger(request)
    rows = STRANGERS_SEARCH_ROWS if unknown else SEARCH_ROWS
    place = search_place(request) if wanted else nullcontext()
    with place, strangers_limit(is_stranger=unknown):
        return list_records(feed, wanted, cursor, limit, search_rows=rows)


def _answer_record(record: RecordRow) -> HttpResponse:
    return answer_json(render_record(record), headers={"ETag": record.etag})


def _open(
    request: Request, slug: str, record_id: uuid.UUID, body: object = None
) -> tuple[FeedRow, changes.Change]:
    """Open the feed for a change of one record, and read what the headers say of it."""
    caller = find_caller(request)
    feed = open_feed(slug, caller, Action.WRITE)
    versions = changes.read_if_match(request)
    write = [slug, str(record_id), versions, body]
    return feed, changes.Change(
        record_id,
        versions,
        key=read_write_key(request, scope=caller.scope, write=write),
        trace=trace_of(request),
        may_read=caller.may(Action.READ, slug, public=feed.is_public),
    )


def _answer(answer: Answer, status: int = 200) -> HttpResponse:
    headers = {"Location": answer.location, "ETag": answer.etag}
    given = {name: value for name, value in headers.items() if value}
    return answer_json(answer.body, status=status, headers=given)
