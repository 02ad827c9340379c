"""Records over REST."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from django.http import HttpResponse, HttpResponseNotModified
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework.request import Request

from aviso.access.caller import Action, find_caller
from aviso.access.caller_names import is_stranger
from aviso.access.permissions import rules
from aviso.database.limits import strangers_limit
from aviso.database.plans import without_jit
from aviso.feeds.permissions import open_feed, opened_feed, to_feed
from aviso.feeds.position import (
    Position,
    one_snapshot,
    read_standing,
    render_position,
    wait_for_position,
)
from aviso.feeds.rendering import FeedRow
from aviso.limits.places import position_place, search_place
from aviso.problems import BadRequest, NotFound, show
from aviso.records import filters, moments, past, rows, serializers
from aviso.records.bodies import read_data, read_drafts
from aviso.records.reading import CURSOR_PATTERN, find_record, list_records
from aviso.records.rendering import RecordRow, locate, render_record
from aviso.records.rows import find_row
from aviso.records.searching import SEARCH_ROWS, STRANGERS_SEARCH_ROWS
from aviso.records.writing import changes
from aviso.records.writing.idempotency import Answer, read_write_key
from aviso.records.writing.posting import post_records
from aviso.rest.answers import answer_json
from aviso.rest.openapi import CURSOR, LIMIT, problems
from aviso.rest.page_answers import answer_page
from aviso.rest.paging import (
    Page,
    check_parameters,
    read_cursor,
    read_limit,
)
from aviso.rest.trace import trace_of
from aviso.rest.views import PatchingView, RestView

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
_POSITION = OpenApiParameter(
    "position",
    bool,
    description="Say to which position in the feed's events the page belongs. Waits for"
    " the numbers of what was just written: 503 where the relay does not give them in"
    " time.",
)
_AT = OpenApiParameter(
    moments.AT,
    str,
    description="The records as they were after the event with this sequence; or a time"
    " (RFC 3339), which is the newest event that was written by then. The last changed"
    " first, out of the log, without filters and `position`. What was pruned is not"
    " known.",
)
_LISTED = PolymorphicProxySerializer(
    component_name="ListedRecord",
    serializers=[serializers.RecordSerializer, serializers.TableRowSerializer],
    resource_type_field_name=None,
    many=False,
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# How a row becomes JSON, and what a cursor calls it.
Shape = tuple[Callable[[Any], str], Callable[[Any], object]]
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
    OpenApiParameter(
        filters.TEXT,
        str,
        description="By words: each is part of a text or of a number's digits as they"
        " were written, or a number's value (1e3 is 1000), somewhere in the"
        f" data. A to Z in either case; {filters.MAX_WORDS} words in"
        f" {filters.MAX_TEXT_CHARS} characters at most.",
    ),
]


class RecordsView(RestView):
    permission_classes = [rules(GET=to_feed(Action.READ), POST=to_feed(Action.WRITE))]

    @extend_schema(
        operation_id="list_records",
        summary="The records of a feed, newest first",
        description="A page ends early when it gets large, and with filters when it"
        " has looked at many records, even if it found none: read on while there is a"
        " `next`. Of a feed that shows a table they are the table's rows as they are"
        " now, the newest key first: `id` and `data`, or `id` and `cause` where a row"
        " has no form. With `at` it is the feed as it was: a page ends where it went"
        " through many events, too.",
        parameters=[LIMIT, CURSOR, _AT, _POSITION, *_FILTERS],
        responses={200: serializers.RecordPageSerializer, **problems()},
    )
    def get(self, request: Request, feed: str) -> HttpResponse:
        found = opened_feed(request)
        taken = {"limit", "cursor", "position", *filters.PARAMETERS}
        if moments.AT in request.GET:
            moments.check_beside_at(request.GET, taken, filters.DATA_PREFIX)
            return _answer_past(request, found)
        check_parameters(request.GET, {moments.AT, *taken}, prefix=filters.DATA_PREFIX)
        if not _wants_position(request):
            return _answer_page(request, *_search(request, found))
        with one_snapshot():
            # Under way since it was opened, its epoch or its table may be others.
            found = open_feed(feed, find_caller(request), Action.READ)
            standing = read_standing(found.slug)
            searched = _search(request, found)
        with position_place(request):
            position = wait_for_position(standing)
        return _answer_page(request, *searched, position=position)

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
        found = opened_feed(request)
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
    permission_classes = [
        rules(
            GET=to_feed(Action.READ),
            PUT=to_feed(Action.WRITE),
            PATCH=to_feed(Action.WRITE),
            DELETE=to_feed(Action.WRITE),
        )
    ]

    @extend_schema(
        operation_id="get_record",
        summary="One record",
        responses={200: _LISTED, **problems()},
    )
    def get(self, request: Request, feed: str, record_id: str) -> HttpResponse:
        found = opened_feed(request)
        check_parameters(request.GET, set())
        if found.table_name is not None:
            return _answer_row(find_row(feed, record_id), record_id)
        record = find_record(feed, _read_id(record_id))
        if record is None:
            raise NotFound(f"There is no record {show(record_id)} in this feed")
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
    def put(self, request: Request, feed: str, record_id: str) -> HttpResponse:
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
    def patch(self, request: Request, feed: str, record_id: str) -> HttpResponse:
        found, change = _open(request, feed, record_id, request.data)
        data = read_data(request.data)
        return _answer(changes.patch_record(found, data, change))

    @extend_schema(
        operation_id="delete_record",
        summary="Delete a record",
        parameters=[_IF_MATCH, _KEY],
        responses={204: None, **problems(403, 409, 412, 422)},
    )
    def delete(self, request: Request, feed: str, record_id: str) -> HttpResponse:
        found, change = _open(request, feed, record_id)
        changes.delete_record(found, change)
        return HttpResponse(status=204)


def _wants_position(request: Request) -> bool:
    text = request.GET.get("position", "false")
    if text not in {"true", "false"}:
        raise BadRequest(
            f"position is {show(text)}, expected true or false", field="position"
        )
    return text == "true"


def _search(request: Request, feed: FeedRow) -> tuple[Page[Any], Shape]:
    """Read a page; few at a time of those that a stranger wants searched."""
    unknown = is_stranger(request)
    wanted = filters.read_filters(request.GET)
    limit = read_limit(request.GET)
    is_table = feed.table_name is not None
    cursor = read_cursor(
        request.GET, rows.CURSOR_PATTERN if is_table else CURSOR_PATTERN
    )
    # Which of a table's rows are the feed's is looked for as well.
    place = search_place(request) if wanted or is_table else nullcontext()
    with place, strangers_limit(is_stranger=unknown):
        if is_table:
            most = rows.STRANGERS_SEARCH_ROWS if unknown else rows.SEARCH_ROWS
            page = rows.list_rows(feed.slug, wanted, cursor, limit, search_rows=most)
            return page, (rows.render_row, lambda row: rows.write_key(row.key))
        most = STRANGERS_SEARCH_ROWS if unknown else SEARCH_ROWS
        records = list_records(feed.slug, wanted, cursor, limit, search_rows=most)
        return records, (render_record, lambda record: record.number)


def _answer_past(request: Request, feed: FeedRow) -> HttpResponse:
    limit = read_limit(request.GET)
    cursor = read_cursor(request.GET, past.CURSOR_PATTERN)
    unknown = is_stranger(request)
    most = past.STRANGERS_LOOK_EVENTS if unknown else past.LOOK_EVENTS
    with search_place(request), strangers_limit(is_stranger=unknown), without_jit():
        moment = moments.find_moment(feed, request.GET)
        page = past.list_past_records(moment, cursor, limit, look_events=most)
        # Looked up last: what is pruned in between may be missing.
        oldest = moments.check_kept(
            feed.slug, request.GET.get(moments.AT, ""), moment.sequence
        )
    return answer_page(
        request,
        page,
        render=lambda record: past.render_past_record(record, feed.slug),
        key=lambda record: record.sequence,
        more=f',"at":{moments.render_moment(moment, oldest)}',
        # A time may be another event later on, when one that is older comes in.
        asked={moments.AT: str(moment.sequence)},
    )


def _answer_page(
    request: Request, page: Page[Any], shape: Shape, position: Position | None = None
) -> HttpResponse:
    render, key = shape
    more = "" if position is None else f',"position":{render_position(position)}'
    return answer_page(request, page, render=render, key=key, more=more)


def _answer_row(row: rows.TableRow | None, subject: str) -> HttpResponse:
    if row is None:
        raise NotFound(f"There is no record {show(subject)} in this feed")
    return answer_json(rows.render_row(row))


def _read_id(text: str) -> uuid.UUID:
    if not _UUID.fullmatch(text):
        raise NotFound(f"There is no record {show(text)} in this feed")
    return uuid.UUID(text)


def _answer_record(record: RecordRow) -> HttpResponse:
    return answer_json(render_record(record), headers={"ETag": record.etag})


def _open(
    request: Request, slug: str, text: str, body: object = None
) -> tuple[FeedRow, changes.Change]:
    """Read what the headers say of a change of one record."""
    caller = find_caller(request)
    feed = opened_feed(request)
    record_id = _read_id(text)
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
