"""Tell a feed something that no row says."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction

from aviso.exact_json.numbers import write_json
from aviso.exact_json.text import check_strings
from aviso.feeds.models import Feed

MAX_DATA_BYTES = 65536
MAX_SUBJECT_CHARS = 1024
MAX_DEPTH = 64
_LOOK = """
    SELECT EXISTS (SELECT FROM aviso.feeds WHERE slug = %s),
        (SELECT format('%%I.%%I', schema_name, table_name) FROM aviso.tracked
            JOIN aviso.tracked_feeds ON tracked_feeds.tracked = tracked.id
            WHERE tracked_feeds.feed = %s)
"""
_TELL = "SELECT aviso.tell(%s, 'created', %s, NULL, %s)"


def publish(feed: str, data: Mapping[str, Any], *, subject: str | None = None) -> str:
    """Publish an event that has no row, if the transaction around it commits.

    It is the creation of a record that no table holds: subscribers get it, the archive
    keeps it, REST's list of records does not show it. `subject` is its key, by default
    a new UUID; return it. `data` is what Django's JSON takes, up to 64 KiB; Decimals
    keep their digits.
    Raises Feed.DoesNotExist; ValueError for a feed that is a table's, since it shows
    what the table has, and for data or a subject that can't be one.
    """
    subject = str(uuid.uuid4()) if subject is None else subject
    if not 1 <= len(subject) <= MAX_SUBJECT_CHARS or "\x00" in subject:
        raise ValueError(
            f"subject is {subject[:40]!r}, expected 1 to {MAX_SUBJECT_CHARS} characters"
        )
    text = _write(data)
    with transaction.atomic(), connection.cursor() as cursor:
        _require_feed(cursor, feed)
        told = f'{{"id":{write_json(subject)},"data":{text}}}'
        cursor.execute(_TELL, [feed, subject, told])
    return subject


def _require_feed(cursor: Any, feed: str) -> None:
    cursor.execute(_LOOK, [feed, feed])
    is_there, table = cursor.fetchone()
    if not is_there:
        raise Feed.DoesNotExist(
            f"there is no feed {feed!r}: manage.py create_feed makes one"
        )
    if table is not None:
        raise ValueError(f"the feed {feed!r} shows {table}: write a row there")


def _write(data: Mapping[str, Any]) -> str:
    if not isinstance(data, Mapping):
        raise ValueError(f"data is a {type(data).__name__}, expected a dict")
    try:
        plain = _make_plain(data, MAX_DEPTH)
        check_strings(plain)
        text = write_json(plain, separators=(",", ":"), ensure_ascii=False)
    except (TypeError, ValueError) as exc:
        raise ValueError(f"data has no form in JSON: {exc}") from exc
    size = len(text.encode())
    if size > MAX_DATA_BYTES:
        raise ValueError(f"data has {size} bytes, expected {MAX_DATA_BYTES} at most")
    return text


def _make_plain(value: Any, depth: int) -> Any:
    """Return what JSON knows, and Decimals; times and the like as Django does."""
    if depth == 0:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        return {str(name): _make_plain(it, depth - 1) for name, it in value.items()}
    if isinstance(value, list | tuple):
        return [_make_plain(it, depth - 1) for it in value]
    if value is None or isinstance(value, str | int | float | Decimal):
        return value
    return DjangoJSONEncoder().default(value)
