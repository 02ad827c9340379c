"""Change and delete one record; If-Match is compared in the same statement."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.http import HttpRequest

from aviso.database.constraints import violated_constraint
from aviso.exact_json.text import parse_json
from aviso.feeds.rendering import FeedRow
from aviso.problems import (
    BadRequest,
    NotFound,
    PreconditionFailed,
    SchemaViolation,
    show,
)
from aviso.records.bodies import Draft, write_data
from aviso.records.reading import find_record
from aviso.records.rendering import RECORD_COLUMNS, RecordRow, render_record
from aviso.records.writing.constraints import too_large
from aviso.records.writing.idempotency import Answer, WriteKey, write_once
from aviso.records.writing.posting import check_drafts
from aviso.rest.parsing import MAX_BODY_DEPTH

_RETURNING = ", ".join(f"r.{column}" for column in RECORD_COLUMNS.split(", "))
_TRACE = "set_config('aviso.traceparent', %(trace)s, true) AS trace"
_WHERE = """
    WHERE r.id = %(id)s AND r.feed = %(feed)s
      AND (%(versions)s::bigint[] IS NULL OR r.version = ANY(%(versions)s::bigint[]))
"""
_REPLACE = f"""
    UPDATE aviso.records r SET data = %(data)s::jsonb FROM {_TRACE} {_WHERE}
    RETURNING {_RETURNING}
"""
_MERGE = f"""
    UPDATE aviso.records r SET data = aviso.merge_patch(r.data, %(data)s::jsonb)
    FROM {_TRACE} {_WHERE} RETURNING {_RETURNING}
"""
_DELETE = f"DELETE FROM aviso.records r USING {_TRACE} {_WHERE} RETURNING {_RETURNING}"
_ETAG = re.compile(r'"([1-9][0-9]{0,9})"')

Versions = Sequence[int] | None
"""The versions that may be changed; None: any."""


@dataclass(frozen=True, slots=True)
class Change:
    """Which record is changed and how; who may not read gets no data in the answer."""

    record_id: uuid.UUID
    versions: Versions
    key: WriteKey | None
    trace: str
    may_read: bool


def read_if_match(request: HttpRequest) -> Versions:
    """Read If-Match (RFC 9110, 13.1.1): the versions it names, None without it.

    A weak tag, or one that is not ours, matches nothing.
    """
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    tags = (_ETAG.fullmatch(tag.strip()) for tag in header.split(","))
    return [int(tag[1]) for tag in tags if tag]


def replace_record(feed: FeedRow, data: dict[str, Any], change: Change) -> Answer:
    """Put `data` in the place of the record's; equal data changes nothing."""

    def write() -> Answer:
        _check(feed, change.record_id, data)
        return _answer(_change(_REPLACE, feed, change, write_data(data)), change)

    return _write(write, change)


def patch_record(feed: FeedRow, patch: dict[str, Any], change: Change) -> Answer:
    """Merge `patch` into the record's data (RFC 7396).

    Merged by the database, in the statement that writes: nothing that another writer
    changed meanwhile is lost, and no number is rounded on a way through Python.
    """

    def write() -> Answer:
        merged = _change(_MERGE, feed, change, write_data(patch))
        if feed.schema_text is not None:
            _check_merged(feed, change, merged.data_text)
        return _answer(merged, change)

    return _write(write, change)


def delete_record(feed: FeedRow, change: Change) -> Answer:
    def write() -> Answer:
        _change(_DELETE, feed, change, "")
        return Answer("")

    return _write(write, change)


def _write(write: Callable[[], Answer], change: Change) -> Answer:
    with transaction.atomic():
        return write_once(change.key, write)


def _answer(record: RecordRow, change: Change) -> Answer:
    body = render_record(record, with_data=change.may_read)
    return Answer(body, etag=record.etag)


def _change(
    statement: str,
    feed: FeedRow,
    change: Change,
    data_text: str,
) -> RecordRow:
    """Raises NotFound, PreconditionFailed or TooLarge; then nothing has changed."""
    values: dict[str, Any] = {
        "id": change.record_id,
        "feed": feed.slug,
        "data": data_text,
        "versions": change.versions,
        "trace": change.trace,
    }
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, values)
            row = cursor.fetchone()
    except IntegrityError as exc:
        if violated_constraint(exc) == "records_data_size":
            raise too_large() from exc
        raise
    if row is None:
        raise _explain_nothing(feed, change.record_id, change.versions)
    return RecordRow(*row)


def _explain_nothing(
    feed: FeedRow, record_id: uuid.UUID, versions: Versions
) -> Exception:
    present = find_record(feed.slug, record_id)
    if present is None or versions is None:
        return NotFound(f"There is no record {show(str(record_id))} in this feed")
    return PreconditionFailed(
        f'If-Match names {list(versions)}, the record has the version "'
        f'{present.version}"',
        field="If-Match",
    )


def _check(feed: FeedRow, record_id: uuid.UUID, data: dict[str, Any]) -> None:
    check_drafts(feed, [Draft(record_id, own_id=True, data=data, index=None)])


def _check_merged(feed: FeedRow, change: Change, data_text: str) -> None:
    """Raise what the schema says of it, in no words of the data to who may not read."""
    try:
        _check(feed, change.record_id, _parse(data_text))
    except (SchemaViolation, BadRequest) as exc:
        if change.may_read:
            raise
        raise SchemaViolation(
            "The data as the patch leaves it does not meet the feed's schema",
            pointer="/data",
        ) from exc


def _parse(data_text: str) -> dict[str, Any]:
    """Parse stored data for the schema; SQL may have stored what REST refuses."""
    try:
        data: dict[str, Any] = parse_json(data_text.encode(), max_depth=MAX_BODY_DEPTH)
    except ValueError as exc:
        raise BadRequest(
            f"The record's present data can't be checked: {exc}", pointer="/data"
        ) from exc
    return data
