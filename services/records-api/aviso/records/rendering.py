"""A record as it is read: its data stays PostgreSQL's own text."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from aviso.conf import conf
from aviso.exact_json.times import format_time

# What a query selects, in this order, to make a RecordRow of a row.
RECORD_COLUMNS = "id, feed, version, created_at, updated_at, data::text, number"


@dataclass(frozen=True, slots=True)
class RecordRow:
    id: uuid.UUID
    feed: str
    version: int
    created_at: datetime
    updated_at: datetime
    data_text: str
    number: int = 0

    @property
    def etag(self) -> str:
        return f'"{self.version}"'


def render_record(record: RecordRow, *, with_data: bool = True) -> str:
    data = f',"data":{record.data_text}' if with_data else ""
    return (
        f'{{"id":"{record.id}","feed":"{record.feed}","version":{record.version},'
        f'"created_at":"{format_time(record.created_at)}",'
        f'"updated_at":"{format_time(record.updated_at)}"{data}}}'
    )


def locate(record: RecordRow) -> str:
    return f"{conf.public_url}/api/v1/feeds/{record.feed}/records/{record.id}/"
