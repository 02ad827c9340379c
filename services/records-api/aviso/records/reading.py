"""Read records."""

from __future__ import annotations

import uuid

from django.db import connection

from aviso.records.filters import Filters
from aviso.records.rows import RECORD_COLUMNS, RecordRow
from aviso.rest.paging import PAGE_BYTES, Cursor, Page, make_page

CURSOR_PATTERN = r"[0-9]{1,18}"
# The rows until the data read so far passes the page's bytes, but always the first one;
# with each, how many rows there were to choose from.
_WITHIN_BYTES = """
    SELECT {names}, chosen_from FROM (
        SELECT {names}, count(*) OVER () AS chosen_from,
               sum(octet_length(data)) OVER (ORDER BY number {order})
                   - octet_length(data) AS bytes_before
        FROM ({rows}) AS found
    ) AS measured WHERE bytes_before < {bytes} ORDER BY number {order}
"""


def find_record(feed: str, record_id: uuid.UUID) -> RecordRow | None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {RECORD_COLUMNS} FROM aviso.records WHERE id = %s AND feed = %s",
            [record_id, feed],
        )
        row = cursor.fetchone()
    return row and RecordRow(*row)


def list_records(
    feed: str, filters: Filters, cursor: Cursor, limit: int
) -> Page[RecordRow]:
    """Return a page of the feed's records that pass the filters, newest first."""
    conditions, values = ["feed = %s", *filters.conditions], [feed, *filters.values]
    if cursor.key is not None:
        conditions.append("number > %s" if cursor.backward else "number < %s")
        values.append(int(cursor.key))
    order = "ASC" if cursor.backward else "DESC"
    rows = (
        f"SELECT {RECORD_COLUMNS.replace('data::text', 'data::text AS data')}"
        f" FROM aviso.records WHERE {' AND '.join(conditions)}"
        f" ORDER BY number {order} LIMIT {limit + 1}"
    )
    names = RECORD_COLUMNS.replace("::text", "")
    query = _WITHIN_BYTES.format(names=names, rows=rows, order=order, bytes=PAGE_BYTES)
    with connection.cursor() as db:
        db.execute(query, values)
        fetched = db.fetchall()
    records = [RecordRow(*columns) for *columns, _ in fetched[:limit]]
    chosen_from = fetched[0][-1] if fetched else 0
    return make_page(records, cursor, more=chosen_from > len(records))
