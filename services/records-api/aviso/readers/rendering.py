"""Readers as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from aviso.exact_json.times import format_time


@dataclass(frozen=True, slots=True)
class ReaderRow:
    id: int
    feed: str
    reader: str
    is_granted: bool
    granted_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


def render_reader(row: ReaderRow) -> str:
    return json.dumps(
        {
            "feed": row.feed,
            "reader": row.reader,
            "state": "granted" if row.is_granted else "revoked",
            "granted_at": format_time(row.granted_at),
            "expires_at": row.expires_at and format_time(row.expires_at),
            "revoked_at": row.revoked_at and format_time(row.revoked_at),
        }
    )
