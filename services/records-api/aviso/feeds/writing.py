"""Create and change feeds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, connection, transaction

from aviso.database.constraints import violated_constraint
from aviso.feeds.json_schemas import SchemaRefused, check_schema
from aviso.feeds.models import Feed, is_slug
from aviso.feeds.reading import FeedRow, find_feed
from aviso.rest.json_numbers import write_json
from aviso.rest.problems import BadRequest, Conflict, Problem, TooLarge, show

MAX_SCHEMA_BYTES = 65536
MAX_TITLE_CHARS = 200


@dataclass(frozen=True, slots=True)
class FeedChange:
    """Columns to write: only those that were given."""

    columns: dict[str, Any] = field(default_factory=dict)


def read_change(body: dict[str, Any]) -> FeedChange:
    """Check title, visibility and schema, where given, and make columns of them."""
    columns: dict[str, Any] = {}
    if "title" in body:
        columns["title"] = _read_title(body["title"])
    if "visibility" in body:
        columns["visibility"] = _read_visibility(body["visibility"])
    if "schema" in body:
        columns["schema"] = _read_schema(body["schema"])
    return FeedChange(columns)


def read_slug(value: object) -> str:
    if not (isinstance(value, str) and is_slug(value)):
        raise BadRequest(
            f"slug is {show(value)}, expected 1 to 64 of a-z, 0-9 and -",
            pointer="/slug",
        )
    return value


def create_feed(slug: str, change: FeedChange) -> FeedRow:
    """Raises Conflict if the feed is there already."""
    columns = {"slug": slug, **change.columns}
    _write(
        f"INSERT INTO aviso.feeds ({', '.join(columns)})"
        f" VALUES ({', '.join(['%s'] * len(columns))})",
        list(columns.values()),
        slug,
    )
    return _reread(slug)


def change_feed(slug: str, change: FeedChange) -> FeedRow:
    if change.columns:
        assignments = ", ".join(f"{name} = %s" for name in change.columns)
        values = [*change.columns.values(), slug]
        _write(f"UPDATE aviso.feeds SET {assignments} WHERE slug = %s", values, slug)
    return _reread(slug)


def _write(statement: str, values: list[Any], slug: str) -> None:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, values)
    except IntegrityError as exc:
        refusal = _explain(exc, slug)
        if refusal is None:
            raise
        raise refusal from exc


def _reread(slug: str) -> FeedRow:
    feed = find_feed(slug)
    if feed is None:
        raise RuntimeError(f"the feed {slug} is gone, though feeds are never deleted")
    return feed


def _explain(exc: IntegrityError, slug: str) -> Problem | None:
    match violated_constraint(exc):
        case "feeds_pkey":
            return Conflict(f"There is a feed {show(slug)} already", pointer="/slug")
        case "feeds_schema_size":
            return TooLarge(
                f"schema is larger than {MAX_SCHEMA_BYTES} bytes as stored",
                pointer="/schema",
            )
        case _:
            return None


def _read_title(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TITLE_CHARS:
        raise BadRequest(
            f"title is {show(value)}, expected text of at most {MAX_TITLE_CHARS}"
            " characters",
            pointer="/title",
        )
    return value


def _read_visibility(value: object) -> str:
    if value not in Feed.Visibility.values:
        raise BadRequest(
            f"visibility is {show(value)}, expected 'public' or 'private'",
            pointer="/visibility",
        )
    return str(value)


def _read_schema(value: object) -> str | None:
    if value is None:
        return None
    try:
        check_schema(value)
    except SchemaRefused as exc:
        raise BadRequest(
            f"schema can't be a feed's schema: {exc}", pointer="/schema"
        ) from exc
    return write_json(value)
