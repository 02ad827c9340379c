"""Events as bytes: the one place that writes contracts/event.schema.json.

REST renders events here, the relay openings; what the relay sends of events `batches`
writes. An event's data is the text that the trigger wrote and is never parsed: any
depth and any number that the database holds passes unharmed. Everything is ASCII,
because XMPP servers close the stream at some characters that JSON allows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aviso.exact_json.times import format_time

_NON_ASCII = re.compile(r"[^\x00-\x7f]+")


@dataclass(frozen=True, slots=True)
class EventRow:
    """A numbered event of the log: about a record, a reader, or all that a feed has."""

    id: UUID
    feed: str
    type: str
    subject: str | None
    reader: str | None
    data: str
    """JSON, as the trigger wrote it."""
    time: datetime
    sequence: int
    traceparent: str | None = None

    @property
    def full_type(self) -> str:
        about = "feed" if self.type == "reset" else "record"
        about = about if self.reader is None else "reader"
        return f"aviso.{about}.{self.type}.v1"


def render_event(row: EventRow, epoch: str) -> bytes:
    """Render a numbered event; `epoch` is its feed's present one.

    Whom an event of a reader is about is not in it: it is the same for everyone.
    """
    subject = "" if row.subject is None else f'"subject":{json.dumps(row.subject)},'
    return (
        f'{{"specversion":"1.0","id":"{row.id}","source":"/feeds/{row.feed}",'
        f'"type":"{row.full_type}",{subject}"time":"{format_time(row.time)}",'
        f'"feed":"{row.feed}","feedepoch":"{epoch}","feedseq":"{row.sequence}",'
        f'"data":{escape_json(row.data)}}}'
    ).encode("ascii")


@dataclass(frozen=True, slots=True)
class Lists:
    """Who a feed's room is told of: bare JIDs, all of them."""

    readers: Sequence[str] = ()
    """Accounts that may read."""
    revoked: Sequence[str] = ()
    """Ticket holders that no longer may."""


def render_opened(
    *,
    event_id: UUID,
    feed: str,
    epoch: str,
    head: int,
    archived: int,
    visibility: str,
    lists: Lists,
    time: datetime,
) -> bytes:
    """Render `aviso.feed.opened.v1`: the epoch begins after `head`.

    The archive has everything up to `archived`, as far as is known.
    """
    return (
        f'{{"specversion":"1.0","id":"{event_id}","source":"/feeds/{feed}",'
        f'"type":"aviso.feed.opened.v1","time":"{format_time(time)}",'
        f'"feed":"{feed}","feedepoch":"{epoch}",'
        f'"data":{{"head":"{head}","archived":"{archived}",'
        f'"visibility":"{visibility}",'
        f'"readers":{json.dumps(lists.readers)},'
        f'"revoked":{json.dumps(lists.revoked)}}}}}'
    ).encode("ascii")


def escape_json(text: str) -> str:
    """Rewrite every non-ASCII character of a JSON text as its escape.

    They stand inside strings only, so the value stays the same. Above the BMP it takes
    a surrogate pair.
    """
    if text.isascii():
        return text
    return _NON_ASCII.sub(lambda found: json.dumps(found.group())[1:-1], text)
