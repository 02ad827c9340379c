"""What a project's tests look at: the events that were told, and no broker.

Triggers write events in the writer's transaction, so a TestCase, which rolls its own
back, sees them there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, overload

from django.db import connection

from aviso.exact_json.text import load_json

_FENCE = "SELECT nextval('aviso.changesets')"
_TOLD = """
    SELECT feed, type, subject, reader, data FROM aviso.events
    WHERE changeset > %s AND (%s::bigint IS NULL OR changeset < %s)
    ORDER BY changeset, place
"""


@dataclass(frozen=True, slots=True)
class CapturedEvent:
    """An event as it was told; it gets its sequence by the relay alone.

    `type` is created, updated, deleted, reset, unavailable, granted or revoked; `data`
    the record's columns, of the other types what the event says.
    """

    feed: str
    type: str
    subject: str | None
    data: dict[str, Any]
    reader: str | None = None


class Captured(Sequence[CapturedEvent]):
    """Events in the order they were told; grows until the block ends."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._last: int | None = None
        self._kept: list[CapturedEvent] | None = None

    def close(self) -> None:
        self._last = _take_fence()
        self._kept = self._read()

    @overload
    def __getitem__(self, index: int) -> CapturedEvent: ...
    @overload
    def __getitem__(self, index: slice) -> list[CapturedEvent]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self._now()[index]

    def __len__(self) -> int:
        return len(self._now())

    def __repr__(self) -> str:
        return repr(self._now())

    def _now(self) -> list[CapturedEvent]:
        return self._read() if self._kept is None else self._kept

    def _read(self) -> list[CapturedEvent]:
        with connection.cursor() as cursor:
            cursor.execute(_TOLD, [self._first, self._last, self._last])
            return [_make(*row) for row in cursor.fetchall()]


@contextmanager
def captured() -> Iterator[Captured]:
    """Give the events that are told within the block, by whatever writes.

        with aviso.testing.captured() as events:
            Order.objects.create(status="paid")
        assert [e.type for e in events] == ["created"]

    Within a TestCase too, whose transaction never commits. Of several connections that
    write at a time, it sees what this one sees.
    """
    events = Captured(_take_fence())
    try:
        yield events
    finally:
        # After a broken transaction nothing can be asked, and its error matters more.
        if connection.connection is None or not connection.needs_rollback:
            events.close()


def _take_fence() -> int:
    with connection.cursor() as cursor:
        cursor.execute(_FENCE)
        return int(cursor.fetchone()[0])


def _make(
    feed: str, kind: str, subject: str | None, reader: str | None, text: str
) -> CapturedEvent:
    told = load_json(text)
    data = told["data"] if kind in {"created", "updated", "deleted"} else told
    return CapturedEvent(feed, kind, subject, data, reader)
