"""Create and change feeds."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, connection, transaction

from aviso.database.constraints import violated_constraint
from aviso.feeds.bodies import MAX_SCHEMA_BYTES, FeedChange
from aviso.feeds.reading import find_feed
from aviso.feeds.rendering import FeedRow
from aviso.problems import Conflict, Problem, TooLarge, show


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
