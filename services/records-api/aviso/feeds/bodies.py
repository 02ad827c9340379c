"""The bodies of requests that create and change feeds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aviso.exact_json.numbers import write_json
from aviso.feeds.models import Feed
from aviso.names.slugs import is_slug
from aviso.problems import BadRequest, show

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
    # Its libraries come with the REST service alone.
    from aviso.feeds.json_schemas import SchemaRefused, check_schema

    try:
        check_schema(value)
    except SchemaRefused as exc:
        raise BadRequest(
            f"schema can't be a feed's schema: {exc}", pointer="/schema"
        ) from exc
    return write_json(value)
