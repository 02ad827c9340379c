"""The rows of a table of somebody's own, as the records of its feed.

Only the table's own functions say what a row is (capture/sql/reading.sql): what is not
in the allow-list, and rows that are not in the feed, do not get here.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DataError, IntegrityError, connection

from aviso.problems import BadRequest, show
from aviso.records.filters import Filters
from aviso.rest.paging import PAGE_BYTES, Cursor, Page, make_page

# A key's texts as JSON, in base64url.
CURSOR_PATTERN = r"[A-Za-z0-9_-]{1,12000}"
# Rows that one page looks at: each costs some hundredths of a millisecond.
SEARCH_ROWS = 10_000
STRANGERS_SEARCH_ROWS = 2_000

# Bytes are counted along the order, so that a page of large rows is not fetched whole.
_LIST = """
    WITH listed AS MATERIALIZED (
        SELECT *, row_number() OVER () AS place
        FROM aviso.list_rows(%(feed)s, %(beyond)s, %(rising)s, %(look)s, %(size)s)
    ), found AS (
        SELECT key, subject, text, cause, place FROM (
            SELECT key, subject, data AS text, cause, place,
                CASE WHEN cause IS NULL THEN data::jsonb -> 'data' END AS data
            FROM listed WHERE subject IS NOT NULL
        ) AS rows WHERE {filters}
    ), counted AS (
        SELECT *, row_number() OVER (ORDER BY place) AS number,
            coalesce(sum(octet_length(text)) OVER (ORDER BY place
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
        FROM found
    )
    SELECT * FROM (
        SELECT key, subject, CASE WHEN cause IS NULL THEN text END, cause,
            number > %(limit)s OR before >= %(bytes)s, place
        FROM counted WHERE number <= %(limit)s + 1 AND before < %(bytes)s + 65536
        UNION ALL
        -- Last: where it stopped, if there is more, and how many rows it went through.
        SELECT max(key) FILTER (WHERE subject IS NULL), NULL, NULL, NULL, false,
            count(subject)
        FROM listed
    ) AS page ORDER BY subject IS NULL, place
"""


@dataclass(frozen=True, slots=True)
class TableRow:
    """`text` is JSON with `id` and `data`; None where `cause` says why it is none."""

    key: Sequence[str]
    subject: str
    text: str | None
    cause: str | None


def find_row(feed: str, subject: str) -> TableRow | None:
    if "\x00" in subject:
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM aviso.find_row(%s, %s)", [feed, subject])
        found = cursor.fetchone()
    if found is None:
        return None
    text, cause = found
    return TableRow([], subject, text if cause is None else None, cause)


def list_rows(
    feed: str, filters: Filters, cursor: Cursor, limit: int, *, search_rows: int
) -> Page[TableRow]:
    """Return a page of the feed's rows that pass the filters, the newest key first.

    At most `search_rows` are looked at; a page that ends there says so. Raises
    BadRequest for a cursor that is none of this table.
    """
    if filters.times:
        raise BadRequest("The rows of this feed's table have no times to filter by")
    values: dict[str, Any] = {
        "feed": feed,
        "beyond": _read_key(cursor),
        "rising": cursor.backward,
        "look": search_rows,
        # Never as many as are looked at: where it stopped is said behind all of them.
        "size": search_rows + 1 if filters else limit + 1,
        "limit": limit,
        "bytes": PAGE_BYTES,
    }
    conditions, given = _name_values(filters)
    try:
        with connection.cursor() as db:
            db.execute(_LIST.replace("{filters}", conditions), {**values, **given})
            fetched = db.fetchall()
    except (DataError, IntegrityError) as exc:
        if cursor.key is None:
            raise
        raise _no_cursor(cursor) from exc
    *found, (end, *_, looked_through) = fetched
    kept = [row for row in found if not row[4]]
    rows = [TableRow(*row[:4]) for row in kept]
    is_cut = len(kept) < len(found)
    stopped_at = write_key(end) if end is not None and not is_cut else None
    looked_at = kept[-1][5] if is_cut else looked_through
    return make_page(
        rows,
        cursor,
        more=is_cut or stopped_at is not None,
        stopped_at=stopped_at,
        looked_at=looked_at if filters else None,
    )


def render_row(row: TableRow) -> str:
    if row.text is not None:
        return row.text
    return f'{{"id":{json.dumps(row.subject)},"cause":"{row.cause}"}}'


def write_key(key: Sequence[str]) -> str:
    text = json.dumps(list(key), ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_key(cursor: Cursor) -> list[str] | None:
    if cursor.key is None:
        return None
    try:
        padded = cursor.key + "=" * (-len(cursor.key) % 4)
        key = json.loads(base64.urlsafe_b64decode(padded))
        write_key(key)  # what is no text of UTF-8 is none of a key
    except (ValueError, TypeError, RecursionError) as exc:
        raise _no_cursor(cursor) from exc
    if not isinstance(key, list) or not all(
        isinstance(part, str) and "\x00" not in part for part in key
    ):
        raise _no_cursor(cursor)
    return key


def _no_cursor(cursor: Cursor) -> BadRequest:
    return BadRequest(
        f"cursor is {show(str(cursor.key))}, expected one out of a list's next or"
        " previous",
        field="cursor",
    )


def _name_values(filters: Filters) -> tuple[str, dict[str, Any]]:
    """Write the filters' conditions with named placeholders, as the query has them."""
    text, values = str(filters.data) or "true", filters.data.values
    for number in range(len(values)):
        text = text.replace("%s", f"%(filter_{number})s", 1)
    return text, {f"filter_{number}": value for number, value in enumerate(values)}
